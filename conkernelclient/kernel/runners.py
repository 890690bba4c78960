"""
Who awaits a cell's code, if `%autoawait` names another loop than asyncio's?

The runner that it names, which blocks its thread until the cell has ended. What interrupts it is
a signal, since such a loop handles that in its own way.
"""

from __future__ import annotations

import inspect
import signal
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from .stops import MainGuard

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from .cells import Cell

__all__ = ["SignalGuard", "run_by"]


class SignalGuard(MainGuard):
    """For code in the main thread under a loop that has its own handler of SIGINT."""

    __slots__ = ()

    def strike(self) -> None:
        """Raise the signal here, if this is the cell's own code. For a signal's handler."""
        if self._is_due:
            self.is_pending = False
            self._raised_at = time.monotonic()
            signal.raise_signal(signal.SIGINT)


def run_by(
    runner: Callable[[Coroutine[Any, Any, Any]], Any],
    coroutine: Coroutine[Any, Any, Any],
    cell: Cell,
) -> Any:
    """Run a cell's coroutine to its end, and give what it gives."""
    if threading.current_thread() is not threading.main_thread():
        return _run(runner, coroutine)
    cell.guard = SignalGuard()
    handler: Any = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return _run(runner, coroutine)
    finally:
        signal.signal(signal.SIGINT, handler)


def _run(
    runner: Callable[[Coroutine[Any, Any, Any]], Any], coroutine: Coroutine[Any, Any, Any]
) -> Any:
    try:
        return runner(coroutine)
    except BaseException as error:
        if inspect.getcoroutinestate(coroutine) != inspect.CORO_SUSPENDED:
            raise
        # Raised in the runner itself, by an interrupt: the cell shows it where it awaits.
        with closing(coroutine):
            try:
                coroutine.throw(error)
            except StopIteration as ended:
                return ended.value
        raise
