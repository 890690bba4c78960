"""
Who brings a stop to the code that is meant?

A cell in the main thread is stopped by a signal, whose handler runs in the context of the code that
it interrupts, and so knows whose that is; a cell that awaits is stopped by its loop. What does not
stop is told again, and at last given up.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from .cells import CURRENT
from .stops import MainGuard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .cells import Cell
    from .channels import Channels

__all__ = ["DOES_NOT_STOP", "Stopper"]

log: Final = logging.getLogger(__name__)

DOES_NOT_STOP: Final = (
    "The cell does not stop: it goes on after each interrupt, or waits in a call that cannot be "
    "interrupted. Restart the kernel to end it.\n"
)
AGAIN: Final = (0.3, 0.5, 1.0, 1.0)  # seconds until a cell is told once more
# A signal that nothing else in a Python process uses: it interrupts what blocks the main thread.
# SIGINT stays what it is, so that one from outside is never taken for one of ours.
POKE: Final[int | None] = getattr(signal, "SIGURG", None)
# Seconds until the main thread is poked once more. One that comes just before it blocks does not
# wake it: Python has looked for signals before, and looks again when it is awake.
UNHEARD: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


class Stopper:
    """
    Stops cells.

    Args:
        running: Gives the cells that run.
        on_given_up: Told of a cell that does not stop.
    """

    def __init__(
        self,
        channels: Channels,
        loop: asyncio.AbstractEventLoop,
        running: Callable[[], Iterable[Cell]],
        on_given_up: Callable[[Cell], object],
    ) -> None:
        self._channels = channels
        self._loop = loop
        self._running = running
        self._on_given_up = on_given_up
        self._thread = threading.get_ident()
        self._is_heard = True
        self._is_repeating = False
        self._seen_to: dict[Cell, BaseException] = {}  # in the channels' thread: what stops it
        self.callbacks: set[Callable[[], object]] = set()
        self.on_idle: Callable[..., object] | None = None  # takes the signals that stop no cell

    def install(self) -> Callable[[], None]:
        """Handle the signals, if this is the main thread. Returns what undoes it."""
        if threading.current_thread() is not threading.main_thread():
            return lambda: None
        before: dict[int, Any] = {signal.SIGINT: signal.signal(signal.SIGINT, self._on_interrupt)}
        if POKE is not None:
            before[POKE] = signal.signal(POKE, self._on_poke)
        wakes = self._wake_at_signals()

        def undo() -> None:
            found = signal.set_wakeup_fd(-1) if wakes else -1
            if found not in (-1, self._channels.signal_fd):  # a loop's, which handles signals now
                signal.set_wakeup_fd(found)
            for number, handler in before.items():
                if signal.getsignal(number) in (self._on_interrupt, self._on_poke):
                    signal.signal(number, handler)

        return undo

    def _wake_at_signals(self) -> bool:
        """
        Wake the loop at each signal, unless another does: whether that is done here.

        The handler of one that comes just as the loop goes to sleep would wait for its next event.
        """
        before = signal.set_wakeup_fd(self._channels.signal_fd, warn_on_full_buffer=False)
        if before != -1:
            signal.set_wakeup_fd(before)
            return False
        self._channels.on_signals = self._see_signals
        return True

    def reinstall(self) -> None:
        """
        Handle interrupts again, if a cell put a handler of its own there.

        Not outside of the main thread, which cannot, nor where the process is another program's.
        """
        if self._thread != threading.main_thread().ident or self.on_idle is not None:
            return
        if signal.getsignal(signal.SIGINT) != self._on_interrupt:
            signal.signal(signal.SIGINT, self._on_interrupt)

    def _see_signals(self, numbers: bytes) -> None:
        """
        Wake the main thread for a signal. In the thread of the sockets.

        The system may give it to any thread, and what the main thread waits for goes on.
        """
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(lambda: None)
        if signal.SIGINT in numbers:
            self._poke()

    def stop(self, cell: Cell, why: BaseException) -> None:
        """Stop a cell, and see to it that it does. From any thread."""
        self._channels.call(partial(self._see_to_it, cell, why))
        self._tell(cell, why)  # which raises, if this is the cell's own code

    def _see_to_it(self, cell: Cell, why: BaseException) -> None:
        is_first = cell not in self._seen_to
        self._seen_to[cell] = why
        if is_first:
            self._channels.call_later(AGAIN[0], partial(self._look_again, cell, 1))

    def _look_again(self, cell: Cell, times: int) -> None:
        if cell.task is None or cell.task.done():
            del self._seen_to[cell]
        elif times >= len(AGAIN):
            del self._seen_to[cell]
            self._on_given_up(cell)
        else:
            self._tell(cell, self._seen_to[cell])
            self._channels.call_later(AGAIN[times], partial(self._look_again, cell, times + 1))

    def _tell(self, cell: Cell, why: BaseException) -> None:
        guard, task = cell.guard, cell.task
        if guard is None or task is None or task.done():
            return
        guard.ask(why)
        loop = cell.worker.loop if cell.worker is not None else self._loop
        try:
            loop.call_soon_threadsafe(self._cancel, cell)
        except RuntimeError:  # the loop is closed, and its cells with it
            return
        if isinstance(guard, MainGuard):
            self._poke()

    def _poke(self) -> None:
        if threading.get_ident() == self._thread:
            self._on_poke()
        elif POKE is not None and self._thread == threading.main_thread().ident:
            self._is_heard = False
            signal.pthread_kill(self._thread, POKE)
            if not self._is_repeating:
                self._is_repeating = True
                self._channels.call_later(UNHEARD[0], partial(self._poke_again, POKE, 1))

    def _poke_again(self, number: int, times: int) -> None:
        if self._is_heard or times >= len(UNHEARD):
            self._is_repeating = False
            return
        signal.pthread_kill(self._thread, number)
        self._channels.call_later(UNHEARD[times], partial(self._poke_again, number, times + 1))

    def _cancel(self, cell: Cell) -> None:
        """Cancel a cell that awaits. In its loop, where none of its steps runs just now."""
        assert cell.guard is not None
        assert cell.task is not None
        if cell.task.done() or not cell.guard.take():
            return
        for child in list(cell.kept.get("children", ())):
            child.cancel()
        cell.task.cancel()

    def _on_poke(self, *_signal: Any) -> None:
        self._is_heard = True
        cell = CURRENT.get()
        guard = cell.guard if cell is not None else None
        if isinstance(guard, MainGuard):
            guard.strike()

    def _on_interrupt(self, *_signal: Any) -> None:
        """Stop all that runs. In the main thread, amid whatever runs there."""
        if os.getpid() != self._channels._pid:  # a forked child, which has no kernel
            raise KeyboardInterrupt
        here, running = CURRENT.get(), list(self._running())
        if self.on_idle is not None and here is None and not running:
            self.on_idle(*_signal)
            return
        for callback in list(self.callbacks):
            self._channels.call(callback)
        for cell in running:
            if cell is not here:
                self._channels.call(lambda cell=cell: self.stop(cell, KeyboardInterrupt()))
        if here is not None and here.task is not None and not here.task.done():
            self.stop(here, KeyboardInterrupt())
