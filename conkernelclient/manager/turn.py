"""
Which caller may start, restart or end the kernel now, if several event loops want to?

One caller after the other, in the order of their calls, whatever loops and threads they are in:
each has several steps, and two at once would make two kernels of one.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from ..errors import WrongLoopError

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Turn"]


class _Waiter:
    """A caller that waits; `has_turn` is set under the lock when it is its turn."""

    __slots__ = ("future", "has_turn")

    def __init__(self, future: asyncio.Future[None]) -> None:
        self.future = future
        self.has_turn = False


class Turn:
    """
    A fair lock for tasks of any number of loops, to be used by `async with`.

    A turn that a loop which is closed had is over.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._holder: asyncio.AbstractEventLoop | None = None
        self._waiters: deque[_Waiter] = deque()

    async def __aenter__(self) -> None:
        """
        Wait for the turn.

        Raises:
            WrongLoopError: A task of another loop has it, and that loop does not run.
        """
        loop = asyncio.get_running_loop()
        with self._guard:
            holder = self._holder
            if holder is None or holder.is_closed():
                self._holder = loop
                return
            if holder is not loop and not holder.is_running():
                raise WrongLoopError(
                    "the kernel is being started, restarted or ended by a task of another event "
                    "loop, which does not run now: it would never be our turn. Run that loop until "
                    "the task is done, or close it"
                )
            waiter = _Waiter(loop.create_future())
            self._waiters.append(waiter)
        try:
            await waiter.future
        except BaseException:
            with self._guard:
                if waiter.has_turn:
                    self._pass_on()
                else:
                    self._waiters.remove(waiter)
            raise

    async def __aexit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Let the next one have it."""
        with self._guard:
            if self._holder is asyncio.get_running_loop():
                self._pass_on()

    def _pass_on(self) -> None:
        self._holder = None
        while self._waiters:
            waiter = self._waiters.popleft()
            loop = waiter.future.get_loop()
            with suppress(RuntimeError):  # it is closed
                loop.call_soon_threadsafe(_wake, waiter.future)
                waiter.has_turn = True
                self._holder = loop
                return


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
