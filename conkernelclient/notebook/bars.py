"""How is it shown how far many runs are: in a notebook, in a terminal, anywhere else?"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Bar", "Tally", "bar_for"]


@dataclass(slots=True)
class Tally:
    """
    How far many runs are.

    Attributes:
        total: How many there are.
        ok: Those that ended well.
        errors: Those that did not.
        current: The first line of the code of the first that goes on; "" if none does.
        first: The place of that one.
    """

    total: int
    ok: int = 0
    errors: int = 0
    current: str = ""
    first: int = 0

    @property
    def done(self) -> int:
        """How many have ended."""
        return self.ok + self.errors

    @property
    def said(self) -> str:
        """The tally in words."""
        counts = f"{self.ok} ok, {self.errors} error{'' if self.errors == 1 else 's'}"
        return f"{counts}: {self.current}" if self.current else counts

    def count(self, *, is_ok: bool) -> None:
        """Count one that has ended."""
        if is_ok:
            self.ok += 1
        else:
            self.errors += 1


class Bar(Protocol):
    """What shows a tally."""

    def show(self, tally: Tally) -> None:
        """Show how far they are."""
        ...

    def close(self) -> None:
        """Show no more."""
        ...


class NoBar:
    """Shows nothing."""

    def show(self, tally: Tally) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class TqdmBar:
    """A bar of tqdm: a widget in a notebook that has ipywidgets, else text on stderr."""

    def __init__(self, total: int, label: str) -> None:
        tqdm: Any
        if _is_notebook() and find_spec("ipywidgets") is not None:
            from tqdm.auto import tqdm
        else:
            from tqdm import tqdm
        self._bar: Any = tqdm(total=total, desc=label or None, leave=True)

    def show(self, tally: Tally) -> None:
        """Show how far they are."""
        is_last = tally.done == tally.total
        self._bar.set_postfix_str(tally.said, refresh=is_last)
        self._bar.update(tally.done - self._bar.n)

    def close(self) -> None:
        """Show no more."""
        self._bar.close()


class RichBar:
    """A bar of rich, on stderr."""

    def __init__(self, total: int, label: str) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[said]}", markup=False),
            console=Console(stderr=True),
        )
        self._task = self._progress.add_task(label, total=total, said="")
        self._progress.start()

    def show(self, tally: Tally) -> None:
        """Show how far they are."""
        self._progress.update(self._task, completed=tally.done, said=tally.said)

    def close(self) -> None:
        """Show no more."""
        self._progress.stop()


def bar_for(total: int, label: str) -> Bar:
    """Give the bar that suits where this runs, of those whose library is installed."""
    is_notebook = _is_notebook()
    if not (is_notebook or sys.stderr.isatty()):
        return NoBar()
    bars: list[tuple[str, Callable[[int, str], Bar]]] = [("rich", RichBar), ("tqdm", TqdmBar)]
    for name, make in reversed(bars) if is_notebook else bars:
        if find_spec(name) is not None:
            return make(total, label)
    return NoBar()


def _is_notebook() -> bool:
    """Whether this is a kernel, whose front end shows widgets."""
    ipython = sys.modules.get("IPython")
    shell: Any = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None
