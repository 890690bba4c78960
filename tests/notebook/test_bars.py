"""A bar suits where it is: a notebook, a terminal, or nowhere."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest

from conkernelclient.notebook import bars
from conkernelclient.notebook.bars import NoBar, RichBar, Tally, TqdmBar, bar_for
from conkernelclient.outputs.terminal import strip_ansi


class Terminal(io.StringIO):
    """A stderr that is one."""

    def isatty(self) -> bool:
        """It is."""
        return True


def test_a_tally_is_told_in_words() -> None:
    """With what runs, if something does."""
    tally = Tally(3, current="x = 1")
    tally.count(is_ok=True)
    tally.count(is_ok=False)
    assert (tally.done, tally.said) == (2, "1 ok, 1 error: x = 1")


CASES: list[tuple[bool, bool, set[str], type]] = [
    # in a notebook, in a terminal, what is installed, what is shown
    (False, False, {"rich", "tqdm"}, NoBar),
    (False, True, {"rich", "tqdm"}, RichBar),
    (False, True, {"tqdm"}, TqdmBar),
    (False, True, set(), NoBar),
    (True, False, {"rich", "tqdm"}, TqdmBar),
    (True, False, {"rich"}, RichBar),
    (True, True, set(), NoBar),
]


@pytest.mark.parametrize(("is_notebook", "is_terminal", "installed", "kind"), CASES)
def test_what_is_there_is_shown(
    is_notebook: bool,
    is_terminal: bool,
    installed: set[str],
    kind: type,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """tqdm in a notebook, rich in a terminal, nothing where neither is, or where nobody looks."""
    monkeypatch.setattr(sys, "stderr", Terminal() if is_terminal else io.StringIO())
    monkeypatch.setattr(bars, "_is_notebook", lambda: is_notebook)
    monkeypatch.setattr(bars, "find_spec", lambda name: True if name in installed else None)
    shown = bar_for(2, "cells")
    shown.close()
    assert type(shown) is kind


@pytest.mark.parametrize("kind", [RichBar, TqdmBar])
def test_a_bar_shows_label_counts_and_what_runs(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Square brackets are text."""
    stderr = Terminal()
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setenv("COLUMNS", "120")
    shown = kind(2, "cells")
    shown.show(Tally(2, ok=1, current="x[0]"))
    shown.show(Tally(2, ok=1, errors=1))
    shown.close()
    said = strip_ansi(stderr.getvalue())
    assert "cells" in said
    assert "2/2" in said
    assert "1 ok, 1 error" in said


def test_nothing_is_shown_by_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    """Not a byte."""
    shown = NoBar()
    shown.show(Tally(1))
    shown.close()
    assert capsys.readouterr() == ("", "")
