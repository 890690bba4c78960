"""
When is the history of cells written?

A moment after a cell, for all cells that came meanwhile: to commit each for itself keeps a disk and
a thread busy. What was not written is written when the kernel ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .compat import HistoryManager

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["History"]

LATER: Final = 0.25  # seconds


class History(HistoryManager):
    """IPython's history."""

    call_later: Callable[[float, Callable[[], object]], object] | None = None
    """Set when the kernel starts."""
    _is_due = False

    @property
    def save_flag(self) -> Any:
        """What tells the thread to write: soon, that is."""
        return self

    def set(self) -> None:
        """Have the thread write soon."""
        if self.call_later is None:
            self._write()
        elif not self._is_due:
            self._is_due = True
            self.call_later(LATER, self._write)

    def _write(self) -> None:
        self._is_due = False
        thread = self.save_thread
        if thread is not None:  # it is not, amid a fork
            thread.save_flag.set()
