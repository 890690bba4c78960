"""An edit does what it says, tells what it did, and leaves a valid notebook."""

from __future__ import annotations

import copy
from typing import Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from conkernelclient.errors import EditError
from conkernelclient.sidecar.document import (
    AddCell,
    ChangeType,
    ClearOutputs,
    DeleteCell,
    Edit,
    EditCell,
    MoveCell,
    Notebook,
    NotebookSink,
    ReplaceCell,
    SetAttachments,
    SetMetadata,
    SetOutputs,
    apply,
    is_stale,
    new_cell,
    source_hash,
)

PRINTED = {"output_type": "stream", "name": "stdout", "text": "x"}
ERROR = {"output_type": "error", "ename": "E", "evalue": "", "traceback": []}
SHOWN = {"output_type": "display_data", "data": {"text/plain": "x"}, "metadata": {}}

ids = st.sampled_from(["a", "b", "c", "d", "bad id", "", 5])
places = st.one_of(st.none(), st.integers(-2, 6))
types = st.sampled_from(["code", "markdown", "raw", "odd"])
metadata = st.sampled_from(
    [{}, {"tags": ["a"]}, {"tags": [5]}, {"x": {"y": [1]}}, {"conkernelclient": 5}, 5, {"a": {1}}]
)
attachments = st.sampled_from([{}, {"a.png": {"image/png": "eA=="}}, {"a": 5}, None])
outputs = st.lists(st.sampled_from([PRINTED, ERROR, SHOWN, {"output_type": "odd"}, 5]), max_size=3)
sources = st.one_of(st.text(max_size=5), st.sampled_from([["a\n", "b"], 5]))
cells = st.fixed_dictionaries(
    {}, optional={"id": ids, "cell_type": types, "source": sources, "metadata": metadata}
)
edits = st.one_of(
    st.builds(AddCell, st.one_of(cells, st.just(5)), places),
    st.builds(AddCell, st.builds(new_cell, types, cell_id=ids), places),
    st.builds(DeleteCell, ids),
    st.builds(MoveCell, ids, places),
    st.builds(EditCell, ids, sources),
    st.builds(ChangeType, ids, types),
    st.builds(ReplaceCell, ids, cells),
    st.builds(SetMetadata, st.one_of(st.none(), ids), metadata),
    st.builds(SetAttachments, ids, attachments),
    st.builds(SetOutputs, ids, outputs, st.sampled_from([None, 1, -1, "x"])),
    st.builds(ClearOutputs, st.one_of(st.none(), ids)),
)
runs = st.tuples(ids, st.lists(st.sampled_from([PRINTED, ERROR, SHOWN]), max_size=3))


def book(*cell_ids: str) -> Notebook:
    """A notebook of code cells."""
    return Notebook([new_cell(source=f"print({name!r})", cell_id=name) for name in cell_ids])


def ran(notebook: Notebook, run: tuple[Any, list[Any]]) -> None:
    """Put the outputs of a run in."""
    sink = NotebookSink(notebook)
    sink.begin(run[0])
    sink.set_outputs(*run)
    sink.set_execution_count(run[0], 3)


def has_code(notebook: Notebook, cell_id: Any) -> bool:
    """Whether there is such a cell that can be run."""
    return cell_id in notebook and notebook.cell(cell_id)["cell_type"] == "code"


def applied(notebook: Notebook, edit: Edit) -> list[Any] | None:
    """What has changed; None if the edit is refused, in one line."""
    try:
        return apply(notebook, edit)
    except EditError as error:
        return None if "\n" not in str(error) else [error]


class Model:
    """What a notebook should be: ids in order, and what each cell's source is."""

    def __init__(self, notebook: Notebook) -> None:
        self.order = notebook.ids
        self.sources = {cell["id"]: cell["source"] for cell in notebook}

    def follow(self, edit: Any) -> None:
        """Do what a change says."""
        match edit:
            case AddCell():
                self.order.insert(edit.index, edit.cell["id"])
                self.sources[edit.cell["id"]] = edit.cell["source"]
            case DeleteCell():
                self.order.remove(edit.cell_id)
                del self.sources[edit.cell_id]
            case MoveCell():
                self.order.remove(edit.cell_id)
                self.order.insert(edit.index, edit.cell_id)
            case EditCell():
                self.sources[edit.cell_id] = edit.source
            case ReplaceCell():
                self.sources[edit.cell_id] = edit.cell["source"]
            case _:
                pass


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(edits, runs), max_size=12))
def test_any_edits_and_outputs_leave_a_valid_notebook_that_others_can_follow(steps: Any) -> None:
    """Order, ids and sources are a simple model's; a refusal changes nothing; undone is undone."""
    notebook = book("a", "b")
    model, follower, undo, states = Model(notebook), book("a", "b"), list[Any](), list[Any]()
    for step in steps:
        before = notebook.to_dict()
        if isinstance(step, tuple):
            if has_code(notebook, step[0]):
                ran(notebook, step)
                ran(follower, step)
                undo.clear()  # a run is not undone
                states.clear()
            continue
        changes = applied(notebook, copy.deepcopy(step))
        if changes is None:
            assert notebook.to_dict() == before
            continue
        for change in changes:
            model.follow(change.done)
            assert apply(follower, change.done)
            undo.append(change.inverse)
        states.append((before, len(changes)))
        assert (notebook.to_dict() != before) == bool(changes)
    nbformat.validate(notebook.to_dict())
    assert notebook.ids == model.order
    assert {cell["id"]: cell["source"] for cell in notebook} == model.sources
    assert follower.to_dict() == notebook.to_dict()
    for state, number in reversed(states):
        for _ in range(number):
            apply(notebook, undo.pop())
        assert notebook.to_dict() == state


def test_an_edit_of_a_cell_that_another_deleted_names_it() -> None:
    """Each kind of edit that names a cell."""
    notebook = book("a", "b")
    apply(notebook, DeleteCell("a"))
    late: list[Edit] = [
        DeleteCell("a"),
        MoveCell("a", 0),
        EditCell("a", "x"),
        ChangeType("a", "raw"),
        ReplaceCell("a", new_cell(cell_id="a")),
        SetMetadata("a", {}),
        SetAttachments("a", {}),
        SetOutputs("a", []),
        ClearOutputs("a"),
    ]
    for edit in late:
        with pytest.raises(EditError, match="there is no cell 'a': it was deleted") as caught:
            apply(notebook, edit)
        assert caught.value.cell_id == "a"
    assert notebook.ids == ["b"]


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (AddCell({"id": "a"}), "there is a cell 'a' already"),
        (AddCell({"cell_type": "odd", "id": "x"}), "cell 'x': "),
        (AddCell({}, 2), "place is to be from 0 to 1, not 2"),
        (MoveCell("a", 1), "cell 'a': its place is to be from 0 to 0, not 1"),
        (MoveCell("a", True), "not True"),
        (EditCell("a", 5), "its source is to be a text"),  # type: ignore[arg-type]
        (ReplaceCell("a", {"id": "b"}), "to have its id"),
        (SetAttachments("a", {}), "code has no attachments"),
        (SetMetadata("a", {"tags": [5]}), r"cell 'a': metadata\.tags\[0\]: 5"),
        (SetMetadata(None, {"kernelspec": {}}), "the notebook would not be valid: metadata"),
        (SetOutputs("a", [], source_hash=5), "hash"),  # type: ignore[arg-type]
        ("rubbish", "this is no edit: 'rubbish'"),
    ],
)
def test_what_is_wrong_with_an_edit_is_told(edit: Any, told: str) -> None:
    """And the notebook stays."""
    notebook = book("a")
    before = notebook.to_dict()
    with pytest.raises(EditError, match=told):
        apply(notebook, edit)
    assert notebook.to_dict() == before


def test_a_cell_that_becomes_text_loses_what_it_showed() -> None:
    """And has it again when that is undone; text keeps its attachments, code has none."""
    notebook = book("a")
    ran(notebook, ("a", [PRINTED]))
    before = notebook.to_dict()
    (change,) = apply(notebook, ChangeType("a", "markdown"))
    assert "outputs" not in notebook.cell("a")
    apply(notebook, SetAttachments("a", {"a.png": {"image/png": "eA=="}}))
    apply(notebook, ChangeType("a", "raw"))
    assert "attachments" in notebook.cell("a")
    assert apply(notebook, ChangeType("a", "raw")) == []
    apply(notebook, change.inverse)
    assert notebook.to_dict() == before


def test_outputs_of_an_edited_cell_are_stale_until_they_are_cleared() -> None:
    """And a front end's metadata do not hide it."""
    notebook = book("a")
    ran(notebook, ("a", [PRINTED]))
    assert is_stale(notebook.cell("a")) is False
    apply(notebook, EditCell("a", "2"))
    apply(notebook, SetMetadata("a", {"tags": []}))
    assert is_stale(notebook.cell("a")) is True
    (change,) = apply(notebook, ClearOutputs())
    assert is_stale(notebook.cell("a")) is False
    assert apply(notebook, ClearOutputs()) == []
    apply(notebook, change.inverse)
    assert is_stale(notebook.cell("a")) is True
    apply(notebook, SetOutputs("a", [PRINTED], 1, source_hash("2")))
    assert is_stale(notebook.cell("a")) is False


def test_edits_are_json_by_their_type() -> None:
    """As a front end sends them."""
    adapter: TypeAdapter[Any] = TypeAdapter(Edit)
    for edit in (MoveCell("a", 1), EditCell("a", "x"), AddCell({}), ClearOutputs()):
        assert adapter.validate_json(adapter.dump_json(edit)) == edit
    assert adapter.validate_python({"type": "delete_cell", "cell_id": "a"}) == DeleteCell("a")


@pytest.mark.parametrize(
    "edit",
    [
        MoveCell("a", 0),
        EditCell("a", ""),
        ReplaceCell("a", new_cell("markdown", cell_id="a")),
        SetMetadata("a", {}),
        SetMetadata(None, {}),
        SetAttachments("a", {}),
        SetOutputs("b", []),
        ClearOutputs("b"),
    ],
)
def test_what_is_so_already_is_no_change(edit: Edit) -> None:
    """Nobody is told of it."""
    notebook = Notebook([new_cell("markdown", cell_id="a"), new_cell(cell_id="b")])
    assert apply(notebook, edit) == []


@pytest.mark.parametrize(
    "edit",
    [
        MoveCell("a", 1),
        EditCell("a", "x"),
        ReplaceCell("a", new_cell("raw", "y", cell_id="a")),
        SetMetadata("a", {"tags": ["x"]}),
        SetMetadata("b", {"tags": ["x"]}),
        SetMetadata(None, {"title": "x"}),
        SetAttachments("a", {"a.png": {"image/png": "eA=="}}),
        SetOutputs("b", [PRINTED], 1, "h"),
        AddCell({"cell_type": "raw", "source": ["x\n", "y"]}),
        DeleteCell("a"),
    ],
)
def test_what_was_changed_can_be_undone_and_done_again(edit: Edit) -> None:
    """By the edits that the change holds."""
    notebook = Notebook([new_cell("markdown", cell_id="a"), new_cell(cell_id="b")])
    before = notebook.to_dict()
    (change,) = apply(notebook, edit)
    after = notebook.to_dict()
    apply(notebook, change.inverse)
    assert notebook.to_dict() == before != after
    apply(notebook, change.done)
    assert notebook.to_dict() == after
