"""Outputs of cells come as they happen, and the line about them is never in their way."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest

from conkernelclient.cli import run_progress
from conkernelclient.cli.run_notebook import Plan
from conkernelclient.cli.run_progress import ERASE, Lines, Progress
from conkernelclient.events import Display, ErrorOutput, Started, Stream
from tests.clients import until

A, B = (Plan(name, None, "python3", ".") for name in ("a.ipynb", "b.ipynb"))


class Screen(io.StringIO):
    """A terminal, by its own account."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(params=[True, False], ids=["rich", "plain"])
def screen(request: Any, monkeypatch: pytest.MonkeyPatch) -> Screen:
    """With rich, and without it."""
    if not request.param:
        monkeypatch.setitem(sys.modules, "rich.console", None)
    return Screen()


async def test_the_line_says_how_far_it_is_and_goes_at_the_end(screen: Screen) -> None:
    """With the cell that runs; then nothing of it is left."""
    progress = Progress(3, is_quiet=True, is_apart=False, screen=screen)
    progress.begins(A, 2)
    progress.ended(A)
    progress.begins(A, 3)
    await until(lambda: "1/3" in screen.getvalue())
    last = screen.getvalue().split(ERASE)[-1]
    assert "a.ipynb [3]" in last
    assert "\n" not in last
    progress.left(A)
    progress.close()
    assert screen.getvalue().endswith(ERASE)


async def test_outputs_stand_above_the_line(
    screen: Screen, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is erased before them, and does not come into a line that has not ended."""
    monkeypatch.setattr(run_progress, "EVERY", 0.0)
    progress = Progress(3, is_quiet=False, is_apart=False, screen=screen)
    progress.begins(A, 1)
    assert screen.getvalue()[-1:] not in ("", "\n")
    progress.shows(A, Stream("stdout", "half"))
    assert screen.getvalue().endswith(ERASE)
    progress.shows(A, Stream("stdout", " whole\n"))
    assert not screen.getvalue().endswith(ERASE)
    progress.shows(A, Stream("stdout", "rest"))
    progress.shows(A, Started(1))  # shows nothing
    assert screen.getvalue().endswith(ERASE)
    progress.ended(A)
    progress.close()
    assert capsys.readouterr().out == "half whole\nrest\n"


def test_without_a_terminal_there_is_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Outputs alone; quiet, not even these."""
    for is_quiet in (False, True):
        progress = Progress(1, is_quiet=is_quiet, is_apart=False)
        progress.begins(A, 1)
        progress.shows(A, Display({"text/plain": "shown"}, {}))
        progress.ended(A)
        progress.say("said")
        progress.close()
        shown = capsys.readouterr()
        assert shown.out == ("" if is_quiet else "shown\n")
        assert shown.err == "conkernel: said\n"


def test_lines_of_several_notebooks_are_whole_and_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What comes in pieces waits for its rest; what has none comes at the cell's end."""
    progress = Progress(2, is_quiet=False, is_apart=True)
    progress.shows(A, Stream("stdout", "one "))
    progress.shows(B, Stream("stdout", "two\nthr"))
    progress.shows(A, Stream("stdout", "four\n"))
    progress.shows(A, ErrorOutput("E", "why", []))
    progress.ended(B)
    progress.ended(A)
    shown = capsys.readouterr()
    assert shown.out == "b.ipynb | two\na.ipynb | one four\nb.ipynb | thr\n"
    assert shown.err == "a.ipynb | E: why\n"
    assert Lines("x").take("stdout", "") == ""
