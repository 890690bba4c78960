"""
How does a coroutine wait for news, and who looks after tasks that nobody awaits?

News may come in the thread of another loop than the one that waits, between a look and the wait for
what it did not find: so a `Parking` registers a waiter before it looks, and wakes it in its
own loop. `Tasks` keeps tasks that would be collected otherwise, and logs those that fail.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from .threads import begin, call_there

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["Parking", "Tasks"]

T = TypeVar("T")


class Parking:
    """
    Where coroutines of any loop wait for news.

    Attributes:
        waiters: Their futures, in the order in which they came.
    """

    __slots__ = ("waiters",)

    def __init__(self) -> None:
        self.waiters: dict[asyncio.Future[None], None] = {}

    async def park(self, is_so: Callable[[], object]) -> None:
        """Wait to be woken; not if `is_so` says that there is no need."""
        waiter = self.add()
        try:
            if not is_so():
                await waiter
        finally:
            self.remove(waiter)

    async def until(self, is_so: Callable[[], object]) -> None:
        """Wait until the news have made it so, of which each wakes."""
        while True:
            waiter = self.add()
            try:
                if is_so():
                    return
                await waiter
            finally:
                self.remove(waiter)

    def add(self) -> asyncio.Future[None]:
        """Give a future of the running loop that is done when it is woken; `remove` takes it."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiters[waiter] = None
        return waiter

    def remove(self, waiter: asyncio.Future[None]) -> None:
        """Wait no more. Harmless the second time."""
        self.waiters.pop(waiter, None)

    def wake_all(self) -> None:
        """Wake all waiters, each in its loop."""
        for waiter in tuple(self.waiters):
            call_there(waiter.get_loop(), _settle, waiter)

    def wake_one(self) -> None:
        """Wake the oldest waiter, and those that cannot look before their loops run again."""
        for waiter in tuple(self.waiters):
            self.waiters.pop(waiter, None)
            loop = waiter.get_loop()
            if not (waiter.done() or loop.is_closed()):
                is_running = loop.is_running()  # it may end as soon as it is woken
                call_there(loop, _settle, waiter)
                if is_running:
                    return

    def fail_all(self, make_error: Callable[[], BaseException]) -> None:
        """Let the wait of each fail."""
        for waiter in tuple(self.waiters):
            self.fail(waiter, make_error)

    def fail(self, waiter: asyncio.Future[None], make_error: Callable[[], BaseException]) -> None:
        """Let the wait of one fail."""
        call_there(waiter.get_loop(), _fail, waiter, make_error)

    def forget_closed(self) -> None:
        """Forget the waiters in loops that are closed."""
        for waiter in [one for one in self.waiters if one.get_loop().is_closed()]:
            self.waiters.pop(waiter, None)


class Tasks:
    """
    Tasks of ours that nobody awaits, until each of them ends.

    Args:
        complain: Called with the error of one that fails.

    Attributes:
        all: Those that have not ended.
    """

    __slots__ = ("_complain", "all")

    def __init__(self, complain: Callable[[BaseException], object]) -> None:
        self.all: set[asyncio.Task[Any]] = set()
        self._complain = complain

    def spawn(
        self, work: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop | None = None
    ) -> asyncio.Task[T]:
        """Begin `work` in `loop`; None: in the running one."""
        task = begin(asyncio.get_running_loop() if loop is None else loop, work)
        self.all.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self.all.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._complain(error)


def _settle(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _fail(waiter: asyncio.Future[None], make_error: Callable[[], BaseException]) -> None:
    if not waiter.done():
        waiter.set_exception(make_error())
