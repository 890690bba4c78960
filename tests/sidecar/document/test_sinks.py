"""Outputs come into a notebook and into a shared document alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conkernelclient.errors import EditError
from conkernelclient.sidecar.document import is_stale, source_hash

from .documents import DOCUMENTS, Plain, Shared

if TYPE_CHECKING:
    from collections.abc import Callable

PRINTED: dict[str, Any] = {"output_type": "stream", "name": "stdout", "text": "x"}
LONGER: dict[str, Any] = PRINTED | {"text": "xé\U0001f600y"}
WARNED: dict[str, Any] = PRINTED | {"name": "stderr"}
DATA: dict[str, Any] = {"text/plain": "x", "application/json": {"n": [1, 2.5, None, "\u20ac"]}}
SHOWN: dict[str, Any] = {"output_type": "display_data", "data": DATA, "metadata": {}}
VALUE: dict[str, Any] = SHOWN | {"output_type": "execute_result", "execution_count": 3}
ERROR: dict[str, Any] = {"output_type": "error", "ename": "E", "evalue": "", "traceback": ["t"]}

documents = pytest.mark.parametrize("make", DOCUMENTS)
outputs = st.lists(st.sampled_from([PRINTED, LONGER, WARNED, SHOWN, VALUE, ERROR]), max_size=5)
cell_ids = st.sampled_from(["a", "b"])
steps = st.one_of(
    st.tuples(st.just("begin"), cell_ids, st.one_of(st.none(), st.integers(0, 9))),
    st.tuples(st.just("set_outputs"), cell_ids, outputs),
    st.tuples(st.just("append"), cell_ids, st.sampled_from([PRINTED, SHOWN, ERROR])),
    st.tuples(st.just("set_execution_count"), cell_ids, st.one_of(st.none(), st.integers(0, 9))),
    st.tuples(st.just("clear"), cell_ids),
    st.tuples(st.just("set_widgets"), st.sampled_from([None, {"x": {"state": {"n": 1}}}])),
)


@documents
def test_a_run_replaces_what_the_last_one_left(make: Callable[[], Plain | Shared]) -> None:
    """Its outputs, its number, and the hash of what was run."""
    document = make()
    sink = document.sink
    sink.begin("a", 1)
    sink.set_outputs("a", [PRINTED, SHOWN])
    sink.append("a", ERROR)
    cell = document.get()["cells"][0]
    assert (cell["outputs"], cell["execution_count"]) == ([PRINTED, SHOWN, ERROR], 1)
    assert is_stale(cell) is False
    sink.begin("a", source="another")
    cell = document.get()["cells"][0]
    assert (cell["outputs"], cell["execution_count"]) == ([], None)
    assert cell["metadata"]["conkernelclient"] == {"source_hash": source_hash("another")}
    sink.set_execution_count("a", 2)
    sink.set_outputs("a", [VALUE])
    sink.clear("a")
    cell = document.get()["cells"][0]
    assert (cell["outputs"], cell["execution_count"]) == ([], 2)
    assert is_stale(cell) is True
    nbformat.validate(document.get())


@documents
def test_a_cell_that_was_deleted_or_is_no_code_is_named(
    make: Callable[[], Plain | Shared],
) -> None:
    """And the others are found where they are now."""
    document = make()
    sink = document.sink
    sink.set_outputs("b", [PRINTED])
    document.delete_first()
    sink.append("b", ERROR)
    assert document.get()["cells"][0]["outputs"] == [PRINTED, ERROR]
    calls: list[Callable[[str], None]] = [
        sink.begin,
        sink.clear,
        lambda cell_id: sink.set_outputs(cell_id, []),
        lambda cell_id: sink.append(cell_id, PRINTED),
        lambda cell_id: sink.set_execution_count(cell_id, 1),
    ]
    for call in calls:
        with pytest.raises(EditError, match="there is no cell 'a': it was deleted") as caught:
            call("a")
        assert caught.value.cell_id == "a"
        with pytest.raises(EditError, match="cell 'text': it is markdown"):
            call("text")


@documents
def test_what_is_given_stays_the_callers(make: Callable[[], Plain | Shared]) -> None:
    """Changing it afterwards changes no document."""
    document = make()
    mine = {"output_type": "display_data", "data": {"text/plain": "x"}, "metadata": {}}
    document.sink.set_outputs("a", [mine])
    document.sink.append("a", mine)
    mine["data"] = {}
    assert [one["data"] for one in document.get()["cells"][0]["outputs"]] == [
        {"text/plain": "x"}
    ] * 2


@documents
def test_widgets_are_metadata_of_the_document(make: Callable[[], Plain | Shared]) -> None:
    """Which go where there are none any more."""
    document = make()
    document.sink.set_widgets({"type": {"state": {}}})
    assert document.get()["metadata"]["widgets"] == {"type": {"state": {}}}
    document.sink.set_widgets(None)
    document.sink.set_widgets(None)
    assert "widgets" not in document.get()["metadata"]


@settings(max_examples=50, deadline=None)
@given(st.lists(steps, max_size=10))
def test_both_documents_are_the_same_after_any_calls(calls: list[tuple[Any, ...]]) -> None:
    """And valid."""
    plain, shared = Plain(), Shared()
    for name, *arguments in calls:
        for document in (plain, shared):
            getattr(document.sink, name)(*arguments)
        assert plain.get() == shared.get()
    nbformat.validate(plain.get())
