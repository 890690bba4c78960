"""Outputs are known to be stale when their cell has another source than gave them."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from conkernelclient.sidecar.document.hashing import (
    forget_source,
    has_outputs,
    hash_of,
    is_stale,
    note_source,
    source_hash,
)
from conkernelclient.sidecar.document.notebook import new_cell


@given(st.text(), st.text())
def test_outputs_are_stale_where_the_source_is_another(ran: str, now: str) -> None:
    """And are not when it is changed back."""
    cell = new_cell(source=now)
    cell["execution_count"] = 1
    note_source(cell, source_hash(ran))
    assert is_stale(cell) is (ran != now)


def test_what_nobody_noted_is_not_known() -> None:
    """Another program's outputs; a cell that has none is not stale."""
    cell = new_cell(source="1")
    assert (is_stale(cell), has_outputs(cell)) == (False, False)
    cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x"}]
    assert is_stale(cell) is None
    assert is_stale(new_cell("markdown", "x")) is False
    assert source_hash("\ud800") != source_hash("x")


def test_what_others_keep_beside_the_hash_stays() -> None:
    """Also where it is of a wrong type, which is replaced."""
    cell: Any = new_cell(metadata={"conkernelclient": {"more": 1}, "tags": []})
    note_source(cell, "h")
    assert cell["metadata"] == {"conkernelclient": {"more": 1, "source_hash": "h"}, "tags": []}
    forget_source(cell)
    assert cell["metadata"] == {"conkernelclient": {"more": 1}, "tags": []}
    cell["metadata"] = {"conkernelclient": 5}
    assert hash_of(cell) is None
    forget_source(cell)
    note_source(cell, "h")
    assert hash_of(cell) == "h"
    forget_source(cell)
    assert cell["metadata"] == {}
