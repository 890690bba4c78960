"""
How does an interrupt hit the run that it is meant for?

A kernel drops an interrupt that comes before it is inside the code, and lets one that comes after
it hit whatever runs next. So it is sent only between the two, as far as the messages tell, and
again while the kernel is still at it.

One that hits the kernel in its own code may cost a reply: see `watchdog`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["interrupt_until_through"]

# Seconds from one interrupt to the next: they are sent after 0, 0.5, 1 and 2 s.
PAUSES: Final = (0.5, 0.5, 1.0)
PATIENCE: Final = 0.5  # seconds after the last one


class Interruptible(Protocol):
    """A run, as its interrupts see it."""

    @property
    def is_interruptible(self) -> bool:
        """Whether the kernel is inside its code."""
        ...

    @property
    def is_through(self) -> bool:
        """Whether the kernel is through with it."""
        ...

    @property
    def lacks_reply(self) -> bool:
        """Whether an interrupt may have cost its reply."""
        ...

    def catch_up(self) -> None:
        """Read what has come."""
        ...

    def note_interrupt(self) -> None:
        """Note that an interrupt is about to be sent."""
        ...

    async def changed(self) -> None:
        """Wait until there is news of it."""
        ...


async def interrupt_until_through(run: Interruptible, send: Callable[[], Awaitable[None]]) -> bool:
    """
    Interrupt `run` as soon as the kernel is inside its code.

    Tells whether the kernel is through with it in the end.
    """
    while not (run.is_interruptible or run.is_through or run.lacks_reply):
        await run.changed()
    for pause in (*PAUSES, PATIENCE):
        run.catch_up()
        if run.is_interruptible:
            run.note_interrupt()
            await send()
        if await _is_through_within(run, pause):
            return True
    return run.is_through


async def _is_through_within(run: Interruptible, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            while not run.is_through:
                await run.changed()
    except TimeoutError:
        return False
    return True
