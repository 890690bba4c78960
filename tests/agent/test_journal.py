"""A journal can be read at any moment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from conkernelclient import Result
from conkernelclient.agent import KernelSession, SessionResult
from conkernelclient.agent.journal import Recorder, open_journal
from tests.clients import until
from tests.manager.processes import is_running

PROGRAM = """
import asyncio, os, sys
from conkernelclient.agent import KernelSession
async def main():
    async with KernelSession(journal=sys.argv[1], setup=["s = 1"]) as session:
        await session.run("print('first')")
        def tell(event):
            print(getattr(event, "text", "").strip(), flush=True)
        await session.run("import os, time; print(os.getpid()); time.sleep(100)", on_output=tell)
asyncio.run(main())
"""


def result_of(code: str, text: str) -> SessionResult:
    """The result of a call that printed `text`."""
    outputs = [{"output_type": "stream", "name": "stdout", "text": text}]
    made = Result(status="ok", msg_id="m", code=code, outputs=outputs, execution_count=3)
    return SessionResult.of(made, "r1")


def cells_of(path: Path) -> list[tuple[str, str, str]]:
    """Type, source and first text of each cell of a notebook that is valid."""
    notebook: Any = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return [
        (cell.cell_type, cell.source, "".join(it.get("text", "") for it in cell.get("outputs", [])))
        for cell in notebook.cells
    ]


def test_a_notebook_is_valid_after_each_step(tmp_path: Path) -> None:
    """A cell that runs is in it, too."""
    path = tmp_path / "a.ipynb"
    journal = open_journal(path, "python3")
    assert cells_of(path) == []
    journal.begin("r1", "print(1)")
    assert cells_of(path) == [("code", "print(1)", "")]
    journal.note("a note")
    journal.end("r1", result_of("print(1)", "1\n"))
    journal.end("r9", result_of("never begun", ""))
    assert cells_of(path) == [("code", "print(1)", "1\n"), ("markdown", "a note", "")]
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_journal_holds_already_stays(tmp_path: Path) -> None:
    """Also cells without ids, of notebooks that are older."""
    path = tmp_path / "a.ipynb"
    old = {
        "cell_type": "code",
        "metadata": {},
        "source": "old",
        "outputs": [],
        "execution_count": 1,
    }
    notebook = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [old]}
    path.write_text(json.dumps(notebook))
    open_journal(path, "python3").begin("r1", "new")
    assert [cell[1] for cell in cells_of(path)] == ["old", "new"]


def test_lines_that_were_cut_do_not_spoil_the_next_one(tmp_path: Path) -> None:
    """A program was killed while it wrote."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"event": "note"}\n{"eve')
    journal = open_journal(path, "python3")
    journal.begin("r1", "\ud800")
    journal.end("r1", result_of("x", "1\n"))
    lines = path.read_text().splitlines()
    assert lines[:2] == ['{"event": "note"}', '{"eve']
    begin, end = map(json.loads, lines[2:])
    assert (begin["event"], begin["run"], begin["code"]) == ("begin", "r1", "\ud800")
    assert (end["status"], end["execution_count"], end["outputs"][0]["text"]) == ("ok", 3, "1\n")


@pytest.mark.parametrize("name", ["a.txt", "a"])
def test_a_journal_of_another_kind_is_refused(tmp_path: Path, name: str) -> None:
    """By its name."""
    with pytest.raises(ValueError, match=r"use .ipynb or .jsonl"):
        open_journal(tmp_path / name, "python3")


@pytest.mark.parametrize(
    "text", ["rubbish", "[]", "{}", '{"nbformat": 3, "cells": [], "metadata": {}}']
)
async def test_what_is_no_notebook_is_left_as_it_is(tmp_path: Path, text: str) -> None:
    """And no kernel is started."""
    path = tmp_path / "a.ipynb"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"a\.ipynb is"):
        async with KernelSession(journal=path):
            pass
    assert path.read_text() == text


async def test_a_journal_that_cannot_be_written_any_more_costs_no_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said once."""
    folder = tmp_path / "folder"
    folder.mkdir()
    recorder = Recorder("python3", folder / "a.ipynb")
    await recorder.open()
    (folder / "a.ipynb").unlink()
    folder.rmdir()
    await recorder.begin("r1", "x")
    await recorder.end("r1", result_of("x", ""))
    assert isinstance(recorder.error, OSError)
    assert caplog.text.count("cannot be written") == 1


async def test_without_a_path_nothing_is_written() -> None:
    """As most sessions are."""
    recorder = Recorder("python3", None)
    await recorder.open()
    await recorder.begin("r1", "x")
    assert recorder.error is None


@pytest.mark.parametrize("name", ["a.ipynb", "a.jsonl"])
async def test_a_killed_program_leaves_a_journal_with_the_cell_that_ran_and_no_kernel(
    tmp_path: Path, name: str
) -> None:
    """SIGKILL, in the middle of a cell."""
    path = tmp_path / name
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert program.stdout is not None
    with program.stdout as lines:
        kernel = next(int(line) for line in lines if line.strip().isdigit())
        os.kill(program.pid, signal.SIGKILL)
        program.wait()
    await until(lambda: not is_running(kernel))
    if name.endswith(".ipynb"):
        sources = [cell[1] for cell in cells_of(path)]
    else:
        events = [json.loads(line) for line in path.read_text().splitlines()]
        sources = [event["code"] for event in events if event["event"] == "begin"]
    assert sources[:2] == ["s = 1", "print('first')"]
    assert "time.sleep(100)" in sources[2]
