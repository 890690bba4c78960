"""Of outputs that change, those from the first other one on are told."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conkernelclient.errors import EditError
from conkernelclient.sidecar.document import Notebook, OutputSink, source_hash
from conkernelclient.sidecar.session.output_changes import NotedSink, Place, first_difference

from ..document.documents import DOCUMENTS, Plain, Shared
from .sessions import book

if TYPE_CHECKING:
    from collections.abc import Callable


def text(value: str) -> dict[str, Any]:
    """An output."""
    return {"output_type": "stream", "name": "stdout", "text": value}


@given(*[st.lists(st.sampled_from([text("a"), text("ab"), text("b")]), max_size=4)] * 2)
def test_a_copy_with_the_outputs_from_there_on_is_the_new_list(
    before: list[dict[str, Any]], after: list[dict[str, Any]]
) -> None:
    """And the outputs before it are the same."""
    start = first_difference(before, after)
    if start is None:
        assert before == after
        return
    index, characters = start.index, start.characters
    assert before[: index + 1] != after[: index + 1]
    assert before[:index] == after[:index]
    if characters:
        assert before[index]["text"] == after[index]["text"][:characters]


def test_text_that_goes_on_is_told_alone() -> None:
    """Of the same stream; with it what comes behind it, and a number that is another."""
    sink = NotedSink(book("1"))
    sink.begin("a")
    sink.set_outputs("a", [text("x")])
    sink.changes()
    sink.set_outputs("a", [text("xy")])
    sink.set_outputs("a", [text("xyz")])
    change = sink.changes()["a"]
    assert (change.start, change.appended, change.outputs) == (1, "yz", [])
    assert change.is_text_alone
    sink.set_outputs("a", [text("xyz."), text("w") | {"name": "stderr"}])
    change = sink.changes()["a"]
    assert (change.start, change.appended, len(change.outputs)) == (1, ".", 1)
    assert not change.is_text_alone
    sink.set_outputs("a", [text("xyz.!"), text("w") | {"name": "stderr"}])
    change = sink.changes()["a"]
    assert (change.start, change.appended, len(change.outputs)) == (1, "!", 1)
    sink.set_outputs("a", [text("xyz.!?")])
    sink.set_execution_count("a", 2)
    change = sink.changes()["a"]
    assert (change.start, change.appended, change.execution_count) == (1, "?", 2)
    assert not change.is_text_alone
    sink.set_outputs("a", [text("xyz.!?1")])
    sink.set_outputs("a", [text("other")])
    assert (change := sink.changes()["a"]).appended == ""
    assert (change.start, change.outputs) == (0, [text("other")])


@pytest.mark.parametrize(
    "after",
    [
        {"output_type": "stream", "name": "stderr", "text": "ab"},
        {"output_type": "stream", "name": "stdout", "text": "b"},
        {"output_type": "stream", "name": "stdout", "text": ["a", "b"]},
        {"output_type": "display_data", "data": {"text/plain": "ab"}, "metadata": {}},
    ],
)
def test_another_output_is_told_whole(after: dict[str, Any]) -> None:
    """Another stream, other text, text in another form, a display."""
    assert first_difference([text("a")], [after]) == Place(0)


def test_each_change_is_told_once() -> None:
    """With number and hash, also where only these are others."""
    sink = NotedSink(book("1"))
    sink.begin("a")
    change = sink.changes()["a"]
    assert (change.start, change.outputs, change.source_hash) == (0, [], source_hash("1"))
    assert sink.changes() == {}
    sink.set_outputs("a", [text("x"), text("y")])
    sink.set_execution_count("a", 3)
    change = sink.changes()["a"]
    assert (change.start, len(change.outputs), change.execution_count) == (0, 2, 3)
    sink.set_outputs("a", [text("x"), text("z")])
    assert sink.changes()["a"].outputs == [text("z")]
    sink.set_outputs("a", [text("x"), text("z")])
    sink.set_execution_count("a", 3)
    assert sink.changes() == {}
    sink.set_execution_count("a", 4)
    assert (change := sink.changes()["a"]).start == 2
    assert change.outputs == []
    sink.append("a", text("w"))
    assert sink.changes()["a"].start == 2
    sink.append("a", {"output_type": "display_data", "data": {"x/y": math.nan}, "metadata": {}})
    sink.clear("a")
    assert sink.changes()["a"].start == 0


def test_what_is_gone_is_not_told() -> None:
    """Nor what is no code any more."""
    notebook = book("1", "2")
    sink = NotedSink(notebook)
    sink.begin("a")
    sink.begin("b")
    notebook.remove("a")
    notebook.cell("b").update(cell_type="raw")
    assert sink.changes() == {}
    with pytest.raises(EditError):
        sink.set_outputs("a", [])


def test_widgets_are_a_change_of_the_metadata() -> None:
    """Told once, if there is one."""
    notebook = book()
    sink = NotedSink(notebook)
    sink.set_widgets(None)
    assert not sink.metadata_changed()
    sink.set_widgets({"x": 1})
    assert sink.metadata_changed()
    assert not sink.metadata_changed()
    sink.set_widgets({"x": 1})
    assert not sink.metadata_changed()
    assert notebook.metadata == {"widgets": {"x": 1}}


@pytest.mark.parametrize("make", DOCUMENTS)
def test_another_document_gets_the_same(make: Callable[[], Plain | Shared]) -> None:
    """A cell that it has not is passed over."""
    other, notebook = make(), Notebook.from_dict(Plain().get())
    other.delete_first()
    sink = NotedSink(notebook, other.sink)
    for cell_id in "ab":
        sink.begin(cell_id)
        sink.set_outputs(cell_id, [text(cell_id)])
        sink.append(cell_id, text("more"))
        sink.set_execution_count(cell_id, 1)
    sink.set_widgets({"x": 1})
    ours = notebook.to_dict()
    assert other.get()["cells"][0] == ours["cells"][1]
    assert other.get()["metadata"] == ours["metadata"]
    sink.clear("b")
    assert other.get()["cells"][0]["outputs"] == []


def test_another_document_that_fails_hurts_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged."""

    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise LookupError(name)

    notebook = book("1")
    broken: OutputSink = Broken()
    NotedSink(notebook, broken).begin("a")
    (record,) = caplog.get_records("call")
    assert "failed at begin" in record.getMessage()
    caplog.clear()
