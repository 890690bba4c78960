"""
What of the kernel's work for a cell may a stop not tear, and where may one end a sleep?

A block under `masked` is done as a whole: a stop of the cell whose code runs here waits until then.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from .cells import CURRENT
from .stops import ThreadGuard, pause

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["Masked", "interruptible_sleep", "masked"]


class Masked:
    """What the kernel does for a cell's code, as a whole."""

    __slots__ = ("_guard",)

    def __enter__(self) -> None:
        cell = CURRENT.get()
        guard = cell.guard if cell is not None else None
        # A thread that the code started itself is never stopped.
        self._guard = guard if guard is not None and guard.thread == threading.get_ident() else None
        if self._guard is not None:
            self._guard.mask()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._guard is not None:
            self._guard.unmask()


def masked() -> Masked:
    """Let a stop of the cell whose code runs here wait until the block has ended."""
    return Masked()


def interruptible_sleep() -> Callable[[], None]:
    """
    Let a stop end `time.sleep` in the kernel's threads, as a signal does in the main thread.

    Returns what undoes it.
    """

    def sleep_until_stopped(seconds: Any, /) -> None:
        cell = CURRENT.get()
        guard = cell.guard if cell is not None else None
        if isinstance(guard, ThreadGuard) and guard.thread == threading.get_ident() and seconds > 0:
            guard.sleep(seconds)
        else:
            pause(seconds)

    sleep_until_stopped.__name__ = "sleep"
    sleep_until_stopped.__doc__ = pause.__doc__
    time.sleep = sleep_until_stopped

    def undo() -> None:
        time.sleep = pause

    return undo
