"""
When are a comm's handlers called, and who waits for them?

One after the other, in the order of the messages. A sync one is called at once; while an async one
is awaited, what comes after it waits, and no other comm does.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from ..connection.threads import begin

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["Calls"]

logger: Final = logging.getLogger(__name__)

QUEUED: Final = 10_000


class Calls:
    """
    The calls of one comm's handlers.

    Args:
        of: Whose they are, for the log.

    Attributes:
        dropped: Calls that were not made, as 10,000 waited already.
    """

    __slots__ = ("_of", "_queue", "_task", "dropped")

    def __init__(self, of: object) -> None:
        self._of = of
        self._queue: deque[Callable[[], Awaitable[None] | None]] = deque()
        self._task: asyncio.Task[None] | None = None
        self.dropped: int = 0

    def put(self, call: Callable[[], Awaitable[None] | None], *, is_last: bool = False) -> None:
        """Make a call in the running loop, when those before it have ended; the last one always."""
        if len(self._queue) >= QUEUED and not is_last:
            if not self.dropped:
                logger.warning("a handler of %r is slow: it misses messages from now on", self._of)
            self.dropped += 1
            return
        self._queue.append(call)
        task = self._task
        if task is None or task.done() or task.get_loop().is_closed():
            self._make_calls()

    def _make_calls(self) -> None:
        while self._queue:
            waiting = self._call(self._queue.popleft())
            if waiting is not None:
                self._task = begin(asyncio.get_running_loop(), self._go_on(waiting))
                return

    async def _go_on(self, waiting: Awaitable[None]) -> None:
        """Wait for an async handler, and make the calls that came meanwhile."""
        while True:
            try:
                await waiting
            except Exception:
                logger.exception("a handler of %r failed", self._of)
            following: Awaitable[None] | None = None
            while self._queue and following is None:
                following = self._call(self._queue.popleft())
            if following is None:
                return
            waiting = following

    def _call(self, call: Callable[[], Any]) -> Awaitable[None] | None:
        try:
            waiting = call()
        except Exception:
            logger.exception("a handler of %r failed", self._of)
            return None
        return waiting if inspect.isawaitable(waiting) else None
