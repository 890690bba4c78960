"""
Where do clients live while a cell that is no coroutine waits for them?

In an event loop of their own, in a thread. A notebook's own loop stands still while such a cell
runs, and a plain IPython has none.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import queue
import threading
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["LOOK", "LoopThread"]

LOOK: Final = 0.05  # seconds: a stop that is thrown into a thread arrives between two waits
PATIENCE: Final = 10.0  # seconds in which the thread ends

T = TypeVar("T")


class LoopThread:
    """An event loop in a thread, which begins with the first call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._tasks: set[asyncio.Future[object]] = set()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop; it runs."""
        with self._lock:
            if self._loop is None:
                ready: queue.SimpleQueue[asyncio.AbstractEventLoop] = queue.SimpleQueue()
                self._thread = threading.Thread(
                    target=_serve, args=(ready,), name="conkernelclient notebook", daemon=True
                )
                self._thread.start()
                self._loop = ready.get()
            return self._loop

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """
        Run `work` in the loop, and give what it gives.

        An interrupt of the caller cancels it.
        """
        # Made before anything begins: an interrupt may come at any moment from then on.
        answer: concurrent.futures.Future[T] = concurrent.futures.Future()
        try:
            self.loop.call_soon_threadsafe(_begin, work, answer)
            while not answer.done():
                concurrent.futures.wait((answer,), LOOK)
            return answer.result()
        except BaseException:
            answer.cancel()
            raise

    def post(self, function: Callable[..., object], *arguments: object) -> None:
        """Call `function` in the loop, soon."""
        self.loop.call_soon_threadsafe(function, *arguments)

    def ask(self, function: Callable[[], T]) -> T:
        """Call `function` in the loop, and give what it gives."""

        async def work() -> T:
            return function()

        return self.call(work())

    def keep(self, work: Coroutine[Any, Any, object]) -> None:
        """Let `work` run in the loop, in which this is called; its failure is told to nobody."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Future[object]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()

    def stop(self) -> None:
        """End the loop, with what is under way in it. Harmless if there is none."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(PATIENCE)


def _begin(work: Coroutine[Any, Any, T], answer: concurrent.futures.Future[T]) -> None:
    """Begin `work` in the loop that runs; cancelled, `answer` cancels it."""
    task = asyncio.ensure_future(work)
    loop = task.get_loop()

    def cancel(answer: concurrent.futures.Future[T]) -> None:
        if answer.cancelled():
            loop.call_soon_threadsafe(task.cancel)

    answer.add_done_callback(cancel)
    task.add_done_callback(lambda task: _copy(task, answer))


def _copy(task: asyncio.Future[T], answer: concurrent.futures.Future[T]) -> None:
    if task.cancelled():
        answer.cancel()
        return
    error = task.exception()
    if not answer.set_running_or_notify_cancel():
        return
    if error is None:
        answer.set_result(task.result())
    else:
        answer.set_exception(error)


def _serve(ready: queue.SimpleQueue[asyncio.AbstractEventLoop]) -> None:
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        ready.put(loop)
        loop.run_forever()
