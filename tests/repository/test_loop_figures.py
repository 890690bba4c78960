"""The chapter on tool loops shows what was found beside other libraries."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from benchmarks.loops import report
from benchmarks.loops.kinds import KINDS, OURS
from benchmarks.loops.tasks import TASKS, Answer
from benchmarks.processes import ROOT

FOUND: dict[str, Any] = json.loads(report.FILE.read_text(encoding="utf-8"))
IMAGE = {"bytes": 1000, "size": [10, 10]}


def test_the_chapter_shows_what_was_found() -> None:
    """Word for word, of all tasks and contestants of today; what was not found is empty."""
    cells = json.loads(report.CHAPTER.read_text(encoding="utf-8"))["cells"]
    (cell,) = (cell for cell in cells if cell["id"] == report.CELL)
    assert "".join(cell["source"]) == report.markdown(FOUND)
    assert list(FOUND["tasks"]) == [task.name for task in TASKS]
    assert list(FOUND["of"]) == [it.name for it in KINDS]


def test_ours_is_right_in_each_task() -> None:
    """Twelve of them."""
    assert len(TASKS) == 12
    assert all(row[OURS]["right"] for row in FOUND["tasks"].values())


def test_what_was_found_names_no_place_of_a_machine() -> None:
    """Words travel, paths do not."""
    assert re.findall(r'["\s](/\w+/[\w./-]*)', report.FILE.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_each_contestant_has_its_file_and_its_pins(kind: Any) -> None:
    """And `make loops` makes its environment."""
    assert (ROOT / "benchmarks" / "loops" / "contestants" / f"{kind.file}.py").is_file()
    pins = (ROOT / "benchmarks" / "peers" / f"{kind.environment}.txt").read_text(encoding="utf-8")
    if not kind.is_ours:
        version = FOUND["of"][kind.name]["version"]
        assert f"{kind.package}=={version}" in pins.replace("_", "-")


def answer(text: str = "", **more: Any) -> Answer:
    return Answer(**{"text": text, "chars": len(text), "seconds": 1.0, **more})


NEXT = [[answer("42")], [answer("42")]]
HANGS = [[answer(hangs=True)]]


@pytest.mark.parametrize(
    ("task", "turns", "is_right"),
    [
        (0, [[answer("42\n")]], True),
        (0, [[answer("'42'")]], False),
        (1, [[answer("xx\nthe last line\n")]], True),
        (1, [[answer("the last line", chars=10_000_000)]], False),
        (1, [[answer("xx")]], False),
        (2, [[answer("100%|##| 200/200\nred")]], True),
        (2, [[answer("0%|  |\r100%|##| 200/200\nred")]], False),
        (2, [[answer("100%|##| 200/200\n\x1b[31mred")]], False),
        (3, [[answer("a plot", images=[IMAGE])]], True),
        (3, [[answer("/plot.png")]], False),
        (3, [[answer("", images=[{**IMAGE, "bytes": 10**7}])]], False),
        (4, [[answer("city berlin")]], True),
        (4, [[answer("<table>city berlin")]], False),
        (5, [[answer("ValueError: the reason")]], True),
        (5, [[answer("\x1b[31mValueError\x1b[39m: the reason")]], False),
        (6, [[answer("begun\n[timed out]")], *NEXT], True),
        (6, [[answer("[timed out]")], *NEXT], False),
        (6, [[answer("begun\n[timed out]")], [answer("")], [answer("42")]], False),
        (7, [[answer("begun\nthe kernel died: variables are gone")], *NEXT], True),
        (7, [[answer("begun\nthe kernel died")], *NEXT], False),
        (8, [[answer("there is no input")], *NEXT], True),
        (8, [[answer("no input", seconds=15.0)], *NEXT], False),
        (9, [[answer(f"mine {n}\n") for n in range(10)]], True),
        (9, [[answer("mine 1")] * 10], False),
        (10, [[answer("begun\ninterrupt swallowed")], *NEXT], True),
        (11, [[answer("100%")]], True),
        (11, [[answer("  0%")]], False),
        *[(n, HANGS, False) for n in range(9)],
        *[(n, [], False) for n in range(12)],
    ],
)
def test_a_verdict_is_that_of_the_answers(task: int, turns: Any, is_right: bool) -> None:
    """Wrong is what a model could not act on."""
    verdict = TASKS[task].judge(turns)
    assert verdict.is_right is is_right
    assert verdict.words
