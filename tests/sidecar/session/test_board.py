"""Who folds what a session tells has what the session has."""

from __future__ import annotations

from typing import Any

import pytest

from conkernelclient.sidecar.document import DeleteCell, EditCell, is_stale, source_hash
from conkernelclient.sidecar.session.board import Board, Standing
from conkernelclient.sidecar.session.session_events import (
    CellStateChanged,
    Edited,
    InputAnswered,
    InputAsked,
    KernelStateChanged,
    MetadataChanged,
    Missed,
    OutputsChanged,
    Question,
    Saved,
    SaveFailed,
    Snapshot,
    TextAppended,
)

from .sessions import book


def text(value: str) -> dict[str, Any]:
    """An output."""
    return {"output_type": "stream", "name": "stdout", "text": value}


def board() -> Board:
    """One that has been told of two cells."""
    return Board(Snapshot(3, book("1", "2").to_dict(), {"b": "queued"}, {"a": "ok"}))


def test_what_changes_the_document_is_made_in_a_copy() -> None:
    """Edits, outputs from some place on, metadata."""
    one = board()
    one.take(Edited(4, (EditCell("a", "x"), DeleteCell("b"))))
    one.take(OutputsChanged(5, "a", 0, [text("p"), text("q")], 3, source_hash("x")))
    one.take(OutputsChanged(6, "a", 1, [text("r")], 4, source_hash("x")))
    one.take(TextAppended(7, "a", 1, "s"))
    one.take(MetadataChanged(8, {"title": "t"}))
    cell = one.notebook.cell("a")
    assert (cell["source"], cell["outputs"]) == ("x", [text("p"), text("rs")])
    assert (cell["execution_count"], is_stale(cell)) == (4, False)
    assert (one.notebook.ids, one.notebook.metadata) == (["a"], {"title": "t"})


def test_what_is_not_in_the_document_is_followed_beside_it() -> None:
    """Cells, kernel, questions, the file."""
    standing = Standing.of(Snapshot(3, {}, {"b": "queued"}, {"a": "ok"}, path="p"))
    for event in (
        CellStateChanged(1, "b", "running"),
        CellStateChanged(2, "a", "queued"),
        KernelStateChanged(3, "busy", "why"),
        InputAsked(4, "b", "? ", password=True),
        SaveFailed(5, "full"),
    ):
        standing.take(event)
    assert standing.cells == {"b": "running", "a": "queued"}
    assert standing.statuses == {}
    assert (standing.kernel_state, standing.kernel_reason) == ("busy", "why")
    assert standing.question == Question("b", "? ", password=True)
    assert (standing.path, standing.save_error) == ("p", "full")
    for event in (
        CellStateChanged(6, "b", "idle", "error"),
        InputAnswered(7, "b"),
        Saved(8, "q"),
        MetadataChanged(9, {}),
    ):
        standing.take(event)
    assert (standing.cells, standing.statuses) == ({"a": "queued"}, {"b": "error"})
    assert (standing.question, standing.path, standing.save_error) == (None, "q", None)


@pytest.mark.parametrize("revision", [3, 5])
def test_a_change_that_is_missing_is_noticed(revision: int) -> None:
    """Or one that comes twice."""
    with pytest.raises(ValueError, match=f"change {revision} came after change 3"):
        board().take(Saved(revision, "x"))


def test_a_snapshot_takes_the_place_of_all() -> None:
    """After it was told how much it had missed."""
    one = board()
    one.take(Missed(7))
    one.take(Snapshot(11, book("3").to_dict()))
    one.take(Saved(12, "x"))
    assert (one.missed, one.revision, one.notebook.ids) == (7, 12, ["a"])
    assert (one.standing.cells, one.standing.path) == ({}, "x")
