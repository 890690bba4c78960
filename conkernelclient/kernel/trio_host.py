"""
How do cells that await trio run beside an event loop of asyncio?

Trio is a guest of the loop: its steps are callbacks there. The cells of a lane run one after the
other in one task of trio, so that a nursery that one of them opens may be closed by another; a cell
that is a task has one for itself. A stop is raised where the cell awaits, as trio raises Ctrl-C.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import sys
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from .cells import CURRENT
from .spec import MissingTrioError
from .stops import Guard, MainGuard, Stepped, ThreadGuard

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Hashable

__all__ = ["TrioEndedError", "TrioGuard", "TrioHost", "TrioTask", "TrioThreadGuard"]

log: Final = logging.getLogger(__name__)

TRIES: Final = 10  # to find a cell where it waits
STEP: Final = Stepped._step.__code__
NEEDED: Final = ("_attempt_abort", "_abort_func", "_next_send_fn")


class TrioEndedError(RuntimeError):
    """Trio has ended while the cell ran: code of some cell has torn it."""


class TrioHost:
    """
    Trio, as a guest of an event loop. It starts when the loop runs, and again if it is torn.

    Its methods are for the loop's thread.

    Raises MissingTrioError; RuntimeError where this thread has another trio; AttributeError if it
    is not one that the kernel knows.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            import trio
        except ImportError:
            raise MissingTrioError from None
        missing = [name for name in NEEDED if not hasattr(trio.lowlevel.Task, name)]
        if missing:
            raise AttributeError(f"trio {trio.__version__} lacks {missing}: install another one")
        if trio.lowlevel.in_trio_run():
            raise RuntimeError(
                "trio runs in this thread already, and cells cannot have another one"
            )
        self._trio: Any = trio
        self._loop = loop
        self.Cancelled: type[BaseException] = trio.Cancelled
        self._token: Any = None
        self._waiting: list[Lane] = []
        self._lanes: dict[Hashable, Lane] = {}
        self._open: set[Lane] = set()
        self._left: set[Lane] = set()
        self._has_begun = False
        self._is_closing = False
        self.is_over: bool = False
        self.on_over: Callable[[], object] = lambda: None
        loop.call_soon_threadsafe(self._start, context=contextvars.Context())

    # Trio's own life

    def _start(self) -> None:
        if self._is_closing:
            self._note_end()
            return
        self._trio.lowlevel.start_guest_run(
            self._main,
            run_sync_soon_threadsafe=self._call_soon,
            done_callback=self._done,
            host_uses_signal_set_wakeup_fd=True,  # the kernel wakes its loop at signals
            instruments=[self],
        )

    def _call_soon(self, function: Callable[[], object]) -> None:
        # Not in the context of a cell: a stop of it would arise amid trio's own code.
        self._loop.call_soon_threadsafe(function, context=contextvars.Context())

    async def _main(self) -> None:
        self._stop = self._trio.Event()
        self._token = self._trio.lowlevel.current_trio_token()
        for lane in self._waiting:
            self._begin(lane)
        self._waiting.clear()
        if self._is_closing:
            self._stop.set()
        try:
            await self._stop.wait()
        finally:  # or it is cancelled, if a system task of a cell has failed
            self._has_begun, self._token = True, None  # cells that come now wait for the next
            self._left, self._open, self._lanes = self._open, set(), {}
            for lane in self._left:
                lane.close()

    def _done(self, outcome: Any) -> None:
        is_last = self._is_closing or not self._has_begun
        try:
            outcome.unwrap()
        except BaseException:
            if not self._is_closing:
                log.exception("trio has ended%s", "" if is_last else ", and begins anew")
        lanes = self._left | self._open if is_last else self._left
        again: list[tuple[TrioTask, Hashable]] = []
        for lane in lanes:
            for task in lane.left():
                if task.has_begun or is_last:
                    task.end(TrioEndedError("trio has ended: the code of a cell has torn it"))
                else:
                    again.append((task, lane.name))
        if is_last:
            self._note_end()
            return
        self._has_begun = False
        self._start()
        for task, name in again:
            self._put(task, name)

    def _note_end(self) -> None:
        self.is_over = True
        self.on_over()

    async def ended(self, seconds: float) -> None:
        """End trio, and wait until it has, at most so long."""
        is_over = asyncio.Event()
        self.on_over = is_over.set
        self.close()
        if not self.is_over:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(is_over.wait(), seconds)

    def close(self) -> None:
        """End trio, and with it the cells that run."""
        self._is_closing = True
        if self._token is not None:
            self._token.run_sync_soon(self._stop.set)

    def task_spawned(self, task: Any) -> None:
        """Let a task that a cell starts be stopped with it. Trio calls it, as an instrument."""
        cell = task.context.get(CURRENT)
        guard = cell.guard if cell is not None else None
        is_ours = getattr(task.coro, "cr_code", None) is TrioHost._serve.__code__
        if guard is not None and guard.thread == threading.get_ident() and not is_ours:
            task.coro = Stepped(task.coro, guard)

    # Cells

    def spawn(
        self,
        coroutine: Coroutine[Any, Any, None],
        guard: Guard,
        context: contextvars.Context,
        lane: Hashable = None,
    ) -> TrioTask:
        """Run a coroutine in the trio task of a lane, after those before it; None: in its own."""
        task = TrioTask(self, coroutine, guard, context)
        if self.is_over:
            self._loop.call_soon(task.end, TrioEndedError("trio has ended"))
        else:
            self._put(task, lane)
        return task

    def _put(self, task: TrioTask, lane: Hashable) -> None:
        place = self._lanes.get(lane) if lane is not None else None
        if place is None or place.is_over:
            place = Lane(self._trio, task.context, lane)
            if lane is not None:
                self._lanes[lane] = place
            self._open.add(place)
            place.put(task)
            if self._token is None:
                self._waiting.append(place)
            else:
                self._token.run_sync_soon(self._begin, place)
        elif self._token is None:
            place.put(task)
        else:
            self._token.run_sync_soon(place.put, task)

    def forget(self, lane: Hashable) -> None:
        """End the task of a lane, when what it has to do is done."""
        place = self._lanes.pop(lane, None)
        if place is not None and self._token is not None:
            self._token.run_sync_soon(place.close)

    def _begin(self, lane: Lane) -> None:
        self._trio.lowlevel.spawn_system_task(self._serve, lane, context=lane.context)

    async def _serve(self, lane: Lane) -> None:
        try:
            await lane.serve()
        finally:
            lane.is_over = True
            self._open.discard(lane)
            self._left.discard(lane)

    def run_soon(self, function: Callable[..., object], *args: Any) -> None:
        """Call a function amid trio's steps."""
        if self._token is not None:
            self._token.run_sync_soon(function, *args)


class Lane:
    """
    A task of trio that runs what it is given, one after the other. Amid trio's steps.

    Args:
        name: One that has a name waits for more; else it lives as long as nurseries are open in it.
    """

    def __init__(self, trio: Any, context: contextvars.Context, name: Hashable) -> None:
        self.name: Hashable = name
        self.context: contextvars.Context = context
        self.is_over: bool = False
        self._trio = trio
        self._is_closing = False
        self._todo: deque[TrioTask] = deque()
        self._current: TrioTask | None = None
        self._waits: Any = None

    def put(self, task: TrioTask) -> None:
        """Give it one more."""
        self._todo.append(task)
        self._wake()

    def close(self) -> None:
        """Let it end, when all is done that it was given."""
        self._is_closing = True
        self._wake()

    def left(self) -> list[TrioTask]:
        """Give what has not ended."""
        all_ = [self._current, *self._todo]
        return [task for task in all_ if task is not None and not task.done()]

    def _wake(self) -> None:
        waits, self._waits = self._waits, None
        if waits is not None:
            self._trio.lowlevel.reschedule(waits)

    async def serve(self) -> None:
        """Run all of it."""
        me = self._trio.lowlevel.current_task()
        while True:
            while self._todo:
                self._current = self._todo.popleft()
                await self._current.run(me)
                self._current = None
            if self._is_closing or not (self.name is not None or me.child_nurseries):
                return
            self._waits = me
            # Whatever is cancelled that a cell left open, the next one is waited for.
            await self._trio.lowlevel.wait_task_rescheduled(self._go_on)

    def _go_on(self, _raise_cancel: object) -> Any:
        return self._trio.lowlevel.Abort.FAILED


class TrioTask:
    """A cell's coroutine in trio, with what the kernel needs of a task of asyncio."""

    def __init__(
        self,
        host: TrioHost,
        coroutine: Coroutine[Any, Any, None],
        guard: Guard,
        context: contextvars.Context,
    ) -> None:
        self.context: contextvars.Context = context
        self.has_begun: bool = False
        self._guard = guard
        self._host = host
        self._steps = Steps(coroutine, guard)
        self._place: Any = None  # the task of trio, while it runs there
        self._is_done = False

    async def run(self, place: Any) -> None:
        """Run the coroutine to its end."""
        self._place, self.has_begun = place, True
        try:
            await self._steps
        except GeneratorExit:  # trio was torn, and `end` has ended the coroutine
            raise
        except BaseException:
            log.exception("a cell goes wrong in the kernel")
        finally:
            self._is_done, self._place = True, None

    def done(self) -> bool:
        """Whether it has ended."""
        return self._is_done

    def cancel(self) -> None:
        """Raise the guard's stop where it awaits, also in a shielded scope."""
        self._host.run_soon(self._abort, TRIES)

    def _abort(self, tries: int) -> None:
        place = self._place
        if place is None:
            return
        if place._abort_func is not None:
            place._attempt_abort(self._raise_stop)
        elif place._next_send_fn is not None:  # its next step is due
            if tries:
                self._host.run_soon(self._abort, tries - 1)
            else:
                self._steps.is_stopped = True

    def _raise_stop(self) -> None:
        raise self._guard.why or KeyboardInterrupt

    def end(self, error: BaseException) -> None:
        """Let it end by an error, without trio, which is no more."""
        try:
            try:
                self.context.run(self._steps.throw, error)
            finally:
                self.context.run(self._steps.close)
        except StopIteration:
            pass
        except BaseException:
            log.exception("a cell goes wrong in the kernel")
        finally:
            self._is_done = True


class Steps(Stepped):
    """
    A coroutine that is awaited step by step.

    Attributes:
        is_stopped: Whether the stop is to be raised at its next checkpoint, since it never waits.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, None], guard: Guard) -> None:
        super().__init__(coroutine, guard)
        self.is_stopped: bool = False
        self._waits_for: Any = None

    def send(self, value: Any) -> Any:
        """Take a step."""
        # What has waited is given what it waited for; a checkpoint gives nothing to be lost.
        if self.is_stopped and not hasattr(self._waits_for, "abort_func"):
            self.is_stopped = False
            return self.throw(self._guard.why or KeyboardInterrupt())
        self._waits_for = super().send(value)
        return self._waits_for

    def __await__(self) -> Any:
        return self

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        """Take a step."""
        return self.send(None)


class NotInTrio(Guard):
    """For code that trio runs: no stop arises amid trio's own code."""

    __slots__ = ()

    def _is_due_at(self, depth: int) -> bool:
        return super()._is_due_at(depth) and not self._is_in_trio()

    def _is_in_trio(self) -> bool:
        frame = sys._current_frames().get(self.thread)
        while frame is not None:
            if frame.f_code is STEP:  # beneath it is trio, which takes the step
                return False
            name: str = frame.f_globals.get("__name__", "")
            if name.partition(".")[0] == "trio":
                return True
            frame = frame.f_back
        return False


class TrioGuard(NotInTrio, MainGuard):
    """In the main thread."""

    __slots__ = ()


class TrioThreadGuard(NotInTrio, ThreadGuard):
    """In another thread."""

    __slots__ = ()
