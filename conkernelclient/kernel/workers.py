"""
In which thread does a request's code run, if not in the main thread?

A worker is a thread with an event loop of its own. A subshell has one for its life; a request that
asks for a thread is lent one, and a few are kept for the next.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import TYPE_CHECKING, Any, Final

from .cells import CURRENT, note_children
from .stops import Stepped, ThreadGuard
from .trio_host import TrioHost, TrioThreadGuard

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from .cells import Cell

__all__ = ["Worker", "Workers", "make_task"]

KEPT: Final = 8  # idle threads
UNTIL_LEFT: Final = 2.0  # seconds that the end of a thread waits for what trio does there


class Worker(threading.Thread):
    """A thread that runs one cell at a time, and what the cells left behind in its loop."""

    def __init__(self, name: str, *, hosts_trio: bool = False) -> None:
        super().__init__(name=name, daemon=True)
        self._hosts_trio = hosts_trio
        self._trio: TrioHost | None = None
        self.loop: asyncio.AbstractEventLoop = asyncio.new_event_loop()
        self.loop.set_task_factory(make_task)
        self.context: contextvars.Context = contextvars.Context()
        self._is_over = False
        self.cell: Cell | None = None

    def begin(
        self, cell: Cell, run: Callable[[Cell], Coroutine[Any, Any, None]], *, is_fresh: bool
    ) -> None:
        """Run a cell, soon. From any thread."""
        context = contextvars.Context() if is_fresh else self.context

        def start() -> None:
            self.cell = cell
            cell.worker = self
            if not self._hosts_trio:
                cell.guard = guard = ThreadGuard()
                cell.task = self.loop.create_task(Stepped(run(cell), guard), context=context)
                return
            self._trio = self._trio or TrioHost(self.loop)
            lane = None if is_fresh else cell.request.lane
            cell.guard = guard = TrioThreadGuard()
            cell.task = self._trio.spawn(run(cell), guard, context, lane)

        self.loop.call_soon_threadsafe(start, context=contextvars.Context())

    def end(self) -> None:
        """End the thread when its loop is idle. From any thread, as often as one likes."""
        if not self._is_over:
            self._is_over = True
            self.loop.call_soon_threadsafe(self.loop.stop)

    def run(self) -> None:
        """Serve the loop until `end`."""
        asyncio.set_event_loop(self.loop)
        try:
            while not self._is_over:
                try:
                    self.loop.run_forever()
                except (KeyboardInterrupt, SystemExit):  # of a cell's task; or thrown a moment late
                    continue
        finally:
            self._close()

    def _close(self) -> None:
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        try:
            if self._trio is not None:
                self.loop.run_until_complete(self._trio.ended(UNTIL_LEFT))
            self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        finally:
            self.loop.close()


def make_task(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
    """Make a task, as a loop's task factory, whose steps can be stopped with their cell."""
    cell = CURRENT.get()
    guard = cell.guard if cell is not None else None
    if guard is not None and guard.thread == threading.get_ident():
        coroutine = Stepped(coroutine, guard)
    return note_children(loop, coroutine, **options)


class Workers:
    """Threads to lend. Safe against threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[Worker] = []
        self._count = 0
        self.hosts_trio: bool = False

    def make(self, name: str) -> Worker:
        """Make a thread, whose cells await what those of the main thread do."""
        return Worker(name, hosts_trio=self.hosts_trio)

    def lend(self) -> Worker:
        """Give a thread that nobody uses."""
        with self._lock:
            if self._idle:
                return self._idle.pop()
            self._count += 1
            worker = self.make(f"conkernel-{self._count}")
        try:
            worker.start()
        except RuntimeError:  # there are too many threads
            worker.loop.close()
            raise
        return worker

    def take_back(self, worker: Worker) -> None:
        """Keep a thread for the next, or end it."""
        with self._lock:
            if len(self._idle) < KEPT:
                self._idle.append(worker)
                return
        worker.end()

    def close(self) -> None:
        """End all that are idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.end()
