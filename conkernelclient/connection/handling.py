"""
How is a handler called with one thing after the other, in a task of its own?

What comes waits in a queue; a task of the loop that runs then takes from it, until it is empty. So
a slow handler delays nobody. Where loops take turns, a task that has not begun is left for one in
the loop that runs; one that is amid the handler goes on when its own loop does: the order stays.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
import math
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from .threads import begin, retire
from .waiting import Parking

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["Handling"]

logger: Final = logging.getLogger(__name__)

T = TypeVar("T")

LOOK_AGAIN: Final = 0.05  # seconds, while what is waited for is done in another loop


class Handling(Generic[T]):
    """
    One handler, sync or async, and what it has not seen yet.

    An error in it is logged, and the next thing comes. It is called in the context of who made
    this: what it prints in a notebook is shown by that one's cell.
    """

    def __init__(self, handler: Callable[[Any], Awaitable[None] | None]) -> None:
        self._handler = handler
        self._context = contextvars.copy_context()
        self._queue: deque[T] = deque()
        self._task: asyncio.Task[None] | None = None  # the last one
        self._turn = 0  # its number: one with another number takes nothing more
        self._has_begun = False  # to run
        self._is_amid = False  # in the handler
        self._taken = 0  # things that left the queue for the handler
        self._goal: float = math.inf  # how many have to be done with before waiters are woken
        self._waiting: Parking = Parking()
        self._is_closed = False

    async def until_handled(self) -> None:
        """
        Wait until the handler has finished with all that has come by now.

        At once if there is nothing, or it is closed, also meanwhile. What was missed, and what is
        in the hands of a loop that is closed, is not waited for. Cancelling it stops nothing else.

        Raises:
            RuntimeError: The handler itself awaits it, which would wait for its own end.
        """
        if self._task is not None and self._task is asyncio.current_task():
            raise RuntimeError("a handler cannot wait until it has handled what it is called with")
        goal = self._taken + len(self._queue)
        while not self._has_handled(goal):
            waiter = self._waiting.add()
            self._goal = min(self._goal, goal)
            try:
                if not self._has_handled(goal):
                    await self._next_change(waiter)
            finally:
                self._waiting.remove(waiter)

    async def _next_change(self, waiter: asyncio.Future[None]) -> None:
        """Wait for `waiter`, or until there is another reason to look."""
        running = asyncio.get_running_loop()
        task = self._task
        if task is not None and (task.get_loop() is running or not task.get_loop().is_running()):
            self._go_on()
            task = self._task
        if task is not None and task.get_loop() is running:  # it may be cancelled
            await asyncio.wait((waiter, task), return_when=asyncio.FIRST_COMPLETED)
        else:  # no loop tells others that it was closed
            await asyncio.wait((waiter,), timeout=LOOK_AGAIN)

    def _has_handled(self, goal: int) -> bool:
        task = self._task
        is_amid = (
            self._is_amid and task is not None and not (task.done() or task.get_loop().is_closed())
        )
        return self._is_closed or self._taken - is_amid >= goal

    def _close(self) -> None:
        """Give nothing more to the handler."""
        self._is_closed = True
        self._queue.clear()
        self._wake()

    def _give(self, item: T) -> Awaitable[None] | None:
        """Call the handler with `item`, which has left the queue."""
        return self._handler(item)

    def _go_on(self) -> None:
        """See, in the loop that runs, that a task takes what waits."""
        task = self._task
        if task is not None and self._is_stranded(task):
            retire(task)
            task = None
        if task is None or task.done():
            self._has_begun = self._is_amid = False
            self._turn += 1
            work, loop = self._work(self._turn), asyncio.get_running_loop()
            self._task = self._context.copy().run(begin, loop, work)

    def _is_stranded(self, task: asyncio.Task[None]) -> bool:
        """Whether its loop is closed, or at rest before it began: the one that runs goes on."""
        loop = task.get_loop()
        return loop.is_closed() or (not self._has_begun and asyncio._get_running_loop() is not loop)

    async def _work(self, turn: int) -> None:
        while self._queue and self._turn == turn:
            self._has_begun = self._is_amid = True
            item = self._queue.popleft()
            self._taken += 1
            try:
                waiting = self._give(item)
                if inspect.isawaitable(waiting):
                    await waiting
            except Exception:
                logger.exception("handler %r failed at %r", self._handler, item)
            if self._turn == turn:
                self._is_amid = False
                if self._taken >= self._goal:
                    self._wake()

    def _wake(self) -> None:
        """Let those look again who wait until something is handled, each in its loop."""
        self._goal = math.inf
        for waiter in tuple(self._waiting.waiters):
            loop = waiter.get_loop()
            if asyncio._get_running_loop() is loop:
                _settle(waiter)
            else:
                with suppress(RuntimeError):  # it is closed
                    loop.call_soon_threadsafe(_settle, waiter)


def _settle(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
