"""
How does a step of a kernel's life come to its end, if the task that asked for it is cancelled?

Half a start or half a shutdown would leave a process that no manager knows: so the task goes on
to the end of the step, and is cancelled then.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable

__all__ = ["to_its_end"]

logger: Final = logging.getLogger(__name__)


async def to_its_end(work: Awaitable[None]) -> None:
    """Await `work`; cancelled meanwhile, once or more, await its end before that takes effect."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with suppress(asyncio.CancelledError):  # again: it takes effect when the step is done
                await asyncio.wait((task,))
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.warning("what was cancelled had failed as well: %r", error)
        raise
