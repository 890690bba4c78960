"""
How does a shell see how notebooks get on?

What the cells show goes to stdout and stderr as it comes; of several notebooks that run at once,
line by line, each with the notebook's name before it. Below it, if stderr is a terminal, stands one
line: how many cells of all have ended, and which ones run. With rich installed it has a bar.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from .showing import put, show

if TYPE_CHECKING:
    from typing import TextIO

    from conkernelclient.events import Event

    from .run_notebook import Plan

__all__ = ["Lines", "Progress"]

EVERY: Final = 0.1  # seconds, at least, between two states of the line
ERASE: Final = "\r\x1b[2K"


class Lines:
    """Text of one of several sources, which comes in pieces, as whole lines with its name."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._rest = {"stdout": "", "stderr": ""}

    def take(self, stream: str, text: str) -> str:
        """Give the lines that are whole now."""
        whole, newline, self._rest[stream] = (self._rest[stream] + text).rpartition("\n")
        return "".join(f"{self._name} | {line}\n" for line in whole.split("\n")) if newline else ""

    def end(self, stream: str) -> str:
        """Give what is left, as a line."""
        return self.take(stream, "\n") if self._rest[stream] else ""


class Progress:
    """
    Watches notebooks that run, and shows what they do.

    Args:
        total: Cells of all notebooks.
        is_quiet: Whether cells' outputs are not shown.
        is_apart: Whether several notebooks run at once.
        screen: Where the line stands; None: sys.stderr.
    """

    def __init__(
        self, total: int, *, is_quiet: bool, is_apart: bool, screen: TextIO | None = None
    ) -> None:
        self._total = total
        self._is_quiet = is_quiet
        self._lines: dict[str, Lines] | None = {} if is_apart else None
        self._screen = screen or sys.stderr
        self._has_line = self._screen.isatty()
        self._drawn_by = _bar() if self._has_line else _plain
        self._is_drawn = False
        self._is_at_start = True  # nothing stands in the line where the line would come
        self._drawn_at = -EVERY
        self._timer: asyncio.TimerHandle | None = None
        self._began_at = time.monotonic()
        self._done = 0
        self._running: dict[str, int] = {}

    def begins(self, plan: Plan, cell: int) -> None:
        """Show that a cell begins."""
        self._running[plan.name] = cell
        self._draw()

    def shows(self, plan: Plan, event: Event) -> None:
        """Show an event of the cell that runs."""
        if self._is_quiet:
            return
        if self._lines is None:
            show(event, writes_files=sys.stdout.isatty(), write=self._write)
        else:
            self._show_lines(plan.name, event)
        self._draw()

    def ended(self, plan: Plan) -> None:
        """Count a cell that has ended."""
        self._done += 1
        if self._lines is None and not self._is_at_start:
            self._write("\n")
        for stream in ("stdout", "stderr"):
            if self._lines is not None and plan.name in self._lines:
                self._put(stream, self._lines[plan.name].end(stream))
        self._draw()

    def left(self, plan: Plan) -> None:
        """Forget a notebook that has ended."""
        self._running.pop(plan.name, None)

    def say(self, text: str) -> None:
        """Write a line of ours on stderr."""
        self.erase()
        put(f"conkernel: {text}\n", sys.stderr)

    def erase(self) -> None:
        """Take the line away."""
        if self._is_drawn:
            put(ERASE, self._screen)
            self._is_drawn = False

    def close(self) -> None:
        """Take the line away for good."""
        self.erase()
        self._has_line = False
        if self._timer is not None:
            self._timer.cancel()

    def _write(self, text: str, file: TextIO | None = None) -> None:
        if text:
            self.erase()
            put(text, file)
            self._is_at_start = text.endswith("\n")

    def _show_lines(self, name: str, event: Event) -> None:
        assert self._lines is not None
        lines = self._lines.setdefault(name, Lines(name))

        def take(text: str, file: TextIO | None = None) -> None:
            stream = "stderr" if file is sys.stderr else "stdout"
            self._put(stream, lines.take(stream, text))

        show(event, writes_files=False, write=take)

    def _put(self, stream: str, text: str) -> None:
        if text:
            self._write(text, sys.stderr if stream == "stderr" else None)

    def _draw(self) -> None:
        """Draw the line; a little later, if it was drawn just now, and then each second."""
        if self._timer is not None:
            self._timer.cancel()
        if not self._has_line:
            return
        now = time.monotonic()
        wait = self._drawn_at + EVERY - now
        self._timer = asyncio.get_running_loop().call_later(wait if wait > 0 else 1, self._draw)
        if wait > 0 or not self._is_at_start:
            return
        running = ", ".join(f"{name} [{cell}]" for name, cell in self._running.items())
        seconds = now - self._began_at
        put(ERASE + self._drawn_by(self._done, self._total, running, seconds), self._screen)
        self._is_drawn, self._drawn_at = True, now


Drawn = Callable[[int, int, str, float], str]


def _plain(done: int, total: int, running: str, seconds: float) -> str:
    line = f"{done}/{total} cells, {seconds:.0f} s: {running}"
    return line[: shutil.get_terminal_size().columns - 1]  # it can be erased as long as it is one


def _bar() -> Drawn:
    """Give what draws a bar; a plain line where there is no rich."""
    try:
        from rich.console import Console
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text
    except ImportError:
        return _plain
    console = Console(stderr=True)

    def draw(done: int, total: int, running: str, seconds: float) -> str:
        line = Table.grid(padding=(0, 1))
        line.add_column(no_wrap=True)
        line.add_column(no_wrap=True)
        line.add_column(no_wrap=True, overflow="ellipsis")
        bar = ProgressBar(total=max(1, total), completed=done, width=30)
        line.add_row(bar, f"{done}/{total}", Text(f"{seconds:.0f} s  {running}"))
        with console.capture() as captured:
            console.print(line, end="")
        return captured.get().strip("\n")

    return draw
