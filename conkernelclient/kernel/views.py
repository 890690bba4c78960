"""
What can a cell see of how the kernel runs cells?

`%modes` shows what runs how, `%jobs` what waits and what runs, `%subshell` where it runs itself.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Any

from .cells import CURRENT
from .compat import Magics, line_magic, magics_class
from .modes import all_concurrency_run_modes

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Views", "table_of"]

JOB_COLUMNS = ("msg_id", "state", "mode", "lane", "priority", "after")


def table_of(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Give a table as text, each column as wide as its widest entry."""
    lines = [list(columns), *([str(entry) for entry in row] for row in rows)]
    widths = [max(len(line[n]) for line in lines) for n in range(len(columns))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "  ".join(entry.ljust(width) for entry, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


@magics_class
class Views(Magics):
    """The magics."""

    @line_magic
    def modes(self, _line: str) -> None:
        """Show how each type of message runs, on each channel."""
        table = all_concurrency_run_modes()
        rows = zip(*table.values(), strict=True)
        self._print(table_of(list(table), [row for row in rows if row[2]]))

    @line_magic
    def jobs(self, _line: str) -> None:
        """Show the execute requests that wait and run, this one as well."""
        jobs: list[dict[str, Any]] = self.shell.kernel.jobs.list()
        rows = [[job[name] for name in JOB_COLUMNS] for job in jobs]
        for row in rows:
            row[-1] = " ".join(row[-1])
        self._print(table_of(JOB_COLUMNS, rows))

    @line_magic
    def subshell(self, _line: str) -> None:
        """Show in which subshell this runs, and which there are, as ipykernel does."""
        cell = CURRENT.get()
        self._print(f"subshell id: {cell.request.place if cell is not None else None}")
        self._print(f"thread id: {threading.get_ident()}")
        self._print(f"main thread id: {threading.main_thread().ident}")
        self._print(f"pid: {os.getpid()}")
        self._print(f"thread count: {threading.active_count()}")
        self._print(f"subshell list: {list(self.shell.kernel.runner.subshells)}")

    def _print(self, text: str) -> None:
        sys.stdout.write(f"{text}\n")
