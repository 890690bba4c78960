"""
What becomes of a stop that Python ignores?

One that arises in a `__del__`, or in a callback of the garbage collector, ends nothing: Python
reports it and goes on. It is raised once more, in the next line of the code around that.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

from .cells import CURRENT

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from .stops import Guard

__all__ = ["raise_ignored_stops"]

NOT_A_CELLS = ("asyncio.", "trio.", f"{__package__}.")


def raise_ignored_stops() -> Callable[[], None]:
    """
    Raise a stop again that Python ignored, instead of reporting it.

    Where a debugger or the like traces the code, it is left to who tells the cell again.

    Returns what undoes it.
    """
    report = sys.unraisablehook

    def take(unraisable: Any) -> None:
        cell = CURRENT.get()
        guard = cell.guard if cell is not None else None
        error = unraisable.exc_value
        if guard is None or error is None or error is not guard.why:
            report(unraisable)
        elif guard.thread == threading.get_ident() and sys.gettrace() is None:
            _raise_later(guard, sys._getframe(1))

    sys.unraisablehook = take

    def undo() -> None:
        if sys.unraisablehook is take:
            sys.unraisablehook = report

    return undo


def _raise_later(guard: Guard, frame: FrameType) -> None:
    """Raise it in the next line of this frame, if that is code of the cell."""
    if f"{frame.f_globals.get('__name__', '')}.".startswith(NOT_A_CELLS):
        return

    def trace(traced: FrameType, _event: str, _arg: object) -> Any:
        if traced is not frame:  # one that it calls
            return None
        sys.settrace(None)
        frame.f_trace = None
        if guard.level > 0 and guard.depth == 0 and guard.why is not None:
            raise guard.why.with_traceback(None)
        return None

    frame.f_trace = trace
    sys.settrace(trace)
