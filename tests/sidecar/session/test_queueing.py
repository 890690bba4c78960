"""Cells run and wait in the order in which they were queued."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conkernelclient.sidecar.session.cell_states import CellState
from conkernelclient.sidecar.session.queueing import CellRun, CellRuns

if TYPE_CHECKING:
    import pytest


def run(cell_id: str, msg_id: str) -> CellRun:
    """A run of a cell."""
    return CellRun(cell_id, msg_id, "", None)


def test_the_order_is_that_of_the_queue_with_what_runs_first() -> None:
    """A cell may be there twice."""
    runs = CellRuns()
    a, b, again = run("a", "1"), run("b", "2"), run("a", "3")
    assert (runs.queue(a), runs.queue(b), runs.begin(a)) == ("queued", "queued", "running")
    assert runs.queue(again) == "running"
    assert runs.cell_ids == ["a", "b", "a"]
    assert (runs.running("a"), runs.queued("a"), runs.queued("b")) == (a, again, b)
    assert (runs.running("b"), runs.queued("c")) == (None, None)
    assert (runs.find("2"), runs.find("9"), runs.find(None), list(runs)) == (
        b,
        None,
        None,
        [a, b, again],
    )
    assert runs.state("a") is CellState.RUNNING_AND_QUEUED
    assert runs.end(a) == "queued"
    assert runs.begin(again) == "running"
    assert runs.cell_ids == ["a", "b"]
    assert (runs.end(b), runs.end(again)) == ("idle", "idle")
    assert (runs.cell_ids, runs.state("a")) == ([], CellState.IDLE)


def test_what_waits_may_be_dropped_while_the_cell_runs() -> None:
    """It goes on running."""
    runs = CellRuns()
    a, again = run("a", "1"), run("a", "2")
    runs.queue(a)
    runs.begin(a)
    runs.queue(again)
    assert runs.end(again) == "running"
    assert runs.end(a) == "idle"


def test_what_cannot_happen_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """And changes nothing."""
    runs = CellRuns()
    runs.queue(run("a", "1"))
    assert runs.queue(run("a", "2")) == "queued"
    assert "cell 'a' is QUEUED: QUEUE" in caplog.text
    caplog.clear()
