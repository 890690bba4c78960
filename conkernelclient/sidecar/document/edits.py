"""
What does an edit change in the notebook, and what would undo it?

An edit is data: who made it, and over which wire it came, is not its business. It is checked
before anything changes, and what was changed is told as edits again, so that every front end can
follow. Two edits of one cell: the later one stands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, cast

from conkernelclient.errors import EditError

from .checking import cell_problem, copied, metadata_problem
from .hashing import forget_source, has_outputs, hash_of, note_source
from .reading import fresh_id

if TYPE_CHECKING:
    from .notebook import Cell, Notebook

__all__ = [
    "AddCell",
    "Change",
    "ChangeType",
    "ClearOutputs",
    "DeleteCell",
    "Edit",
    "EditCell",
    "MoveCell",
    "ReplaceCell",
    "SetAttachments",
    "SetMetadata",
    "SetOutputs",
    "apply",
]


@dataclass(frozen=True, slots=True)
class AddCell:
    """
    Add a cell.

    Attributes:
        cell: A cell of nbformat; what it need not say is added, as an id.
        index: Its place, from 0; None: the last.
    """

    cell: dict[str, Any]
    index: int | None = None
    type: Literal["add_cell"] = "add_cell"


@dataclass(frozen=True, slots=True)
class DeleteCell:
    """Delete a cell."""

    cell_id: str
    type: Literal["delete_cell"] = "delete_cell"


@dataclass(frozen=True, slots=True)
class MoveCell:
    """Move a cell to the place `index`, from 0, counted without it."""

    cell_id: str
    index: int
    type: Literal["move_cell"] = "move_cell"


@dataclass(frozen=True, slots=True)
class EditCell:
    """Give a cell another source; its outputs stay, and are stale."""

    cell_id: str
    source: str
    type: Literal["edit_cell"] = "edit_cell"


@dataclass(frozen=True, slots=True)
class ChangeType:
    """Make a cell "code", "markdown" or "raw"; what the new type has not goes."""

    cell_id: str
    cell_type: Literal["code", "markdown", "raw"]
    type: Literal["change_type"] = "change_type"


@dataclass(frozen=True, slots=True)
class ReplaceCell:
    """Put `cell`, which has the same id, in the place of a cell."""

    cell_id: str
    cell: dict[str, Any]
    type: Literal["replace_cell"] = "replace_cell"


@dataclass(frozen=True, slots=True)
class SetMetadata:
    """
    Set the metadata, all of them, of a cell, or of the notebook where `cell_id` is None.

    The hash of the source that gave a cell's outputs stays as it is.
    """

    cell_id: str | None
    metadata: dict[str, Any]
    type: Literal["set_metadata"] = "set_metadata"


@dataclass(frozen=True, slots=True)
class SetAttachments:
    """Set the attachments of a markdown or raw cell: {name: {MIME type: base64}}."""

    cell_id: str
    attachments: dict[str, Any]
    type: Literal["set_attachments"] = "set_attachments"


@dataclass(frozen=True, slots=True)
class SetOutputs:
    """
    Set what a code cell shows.

    Attributes:
        outputs: Outputs of nbformat.
        execution_count: The kernel's number.
        source_hash: Of the source that gave them; None where it is not known.
    """

    cell_id: str
    outputs: list[dict[str, Any]]
    execution_count: int | None = None
    source_hash: str | None = None
    type: Literal["set_outputs"] = "set_outputs"


@dataclass(frozen=True, slots=True)
class ClearOutputs:
    """Clear what a code cell shows, and its number; of all cells where `cell_id` is None."""

    cell_id: str | None = None
    type: Literal["clear_outputs"] = "clear_outputs"


Edit: TypeAlias = (
    AddCell
    | DeleteCell
    | MoveCell
    | EditCell
    | ChangeType
    | ReplaceCell
    | SetMetadata
    | SetAttachments
    | SetOutputs
    | ClearOutputs
)


@dataclass(frozen=True, slots=True)
class Change:
    """
    What has changed.

    Attributes:
        done: The edit that makes this change in a copy of the notebook, with place and id.
        inverse: The edit that undoes it.
    """

    done: Edit
    inverse: Edit


def apply(notebook: Notebook, edit: Edit) -> list[Change]:
    """
    Change the notebook as `edit` says; it is valid afterwards.

    Returns:
        What has changed, in order: empty where it was so already.

    Raises:
        EditError: There is no such cell (it was deleted, or never there), or the edit would leave
            no valid notebook: which cell, and what is wrong. Nothing has changed.
    """
    change = APPLIED_BY.get(cast("type[Any]", type(edit)))
    if change is None:
        raise EditError(f"this is no edit: {edit!r:.100}")
    return change(notebook, edit)


def _add(notebook: Notebook, edit: AddCell) -> list[Change]:
    cell = _copied(edit.cell, None)
    if not isinstance(cell, dict):
        raise EditError("the cell to be added is no object")
    whole = _completed(notebook, cast("Cell", cell))
    cell_id = whole["id"]
    _check_cell(whole)
    if cell_id in notebook:
        raise EditError(f"there is a cell {cell_id!r} already", cell_id=cell_id)
    index = _place(edit.index, len(notebook), cell_id)
    notebook.insert_checked(index, whole)
    return [Change(AddCell(copied(whole), index), DeleteCell(cell_id))]


def _delete(notebook: Notebook, edit: DeleteCell) -> list[Change]:
    index = notebook.index(edit.cell_id)
    cell = notebook.remove(edit.cell_id)
    return [Change(edit, AddCell(cell, index))]


def _move(notebook: Notebook, edit: MoveCell) -> list[Change]:
    before = notebook.index(edit.cell_id)
    index = _place(edit.index, len(notebook) - 1, edit.cell_id)
    if index == before:
        return []
    notebook.insert_checked(index, notebook.remove(edit.cell_id))
    return [Change(MoveCell(edit.cell_id, index), MoveCell(edit.cell_id, before))]


def _edit(notebook: Notebook, edit: EditCell) -> list[Change]:
    cell, before = notebook.cell(edit.cell_id), notebook.cell(edit.cell_id)["source"]
    if not isinstance(cast("object", edit.source), str):
        raise _refused(edit.cell_id, "its source is to be a text")
    if edit.source == before:
        return []
    cell["source"] = edit.source
    return [Change(edit, EditCell(edit.cell_id, before))]


def _change_type(notebook: Notebook, edit: ChangeType) -> list[Change]:
    cell = notebook.cell(edit.cell_id)
    if edit.cell_type == cell["cell_type"]:
        return []
    changed = {key: copied(cell[key]) for key in ("id", "metadata", "source")}
    changed["cell_type"] = edit.cell_type
    if edit.cell_type == "code":
        changed |= {"execution_count": None, "outputs": []}
    elif "attachments" in cell:
        changed["attachments"] = copied(cell["attachments"])
    forget_source(changed)
    return [Change(edit, change.inverse) for change in _put(cell, changed)]


def _replace(notebook: Notebook, edit: ReplaceCell) -> list[Change]:
    cell = notebook.cell(edit.cell_id)
    changed = _copied(edit.cell, edit.cell_id)
    if not isinstance(changed, dict) or cast("Cell", changed).get("id") != edit.cell_id:
        raise _refused(edit.cell_id, "what takes its place is to have its id")
    return _put(cell, _joined(cast("Cell", changed)))


def _put(cell: Cell, changed: Cell) -> list[Change]:
    """Make `cell`, which keeps its identity, what `changed` is."""
    if changed == cell:
        return []
    _check_cell(changed)
    cell_id, before = cell["id"], copied(cell)
    cell.clear()
    cell.update(changed)
    return [Change(ReplaceCell(cell_id, copied(cell)), ReplaceCell(cell_id, before))]


def _set_metadata(notebook: Notebook, edit: SetMetadata) -> list[Change]:
    metadata = _copied(edit.metadata, edit.cell_id)
    if edit.cell_id is not None:
        return _set_cell_metadata(notebook.cell(edit.cell_id), metadata)
    if problem := metadata_problem(metadata):
        raise EditError(f"the notebook would not be valid: {problem}")
    before = notebook.metadata
    if metadata == before:
        return []
    notebook.metadata = metadata
    return [Change(SetMetadata(None, copied(metadata)), SetMetadata(None, before))]


def _set_cell_metadata(cell: Cell, metadata: Any) -> list[Change]:
    cell_id, before, hashed = cell["id"], cell["metadata"], hash_of(cell)
    changed = {**cell, "metadata": metadata}
    if cell["cell_type"] == "code":
        _check_cell({**changed, "outputs": []})
        forget_source(changed)
        if hashed is not None:
            note_source(changed, hashed)
    else:
        _check_cell(changed)
    if metadata == before:
        return []
    cell["metadata"] = metadata
    return [Change(SetMetadata(cell_id, copied(metadata)), SetMetadata(cell_id, before))]


def _set_attachments(notebook: Notebook, edit: SetAttachments) -> list[Change]:
    cell = notebook.cell(edit.cell_id)
    if cell["cell_type"] == "code":
        raise _refused(edit.cell_id, "code has no attachments")
    attachments = _copied(edit.attachments, edit.cell_id)
    before = cell.get("attachments", {})
    if attachments == before:
        return []
    _check_cell({**cell, "attachments": attachments})
    cell["attachments"] = attachments
    if not attachments:
        del cell["attachments"]
    done = SetAttachments(edit.cell_id, copied(attachments))
    return [Change(done, SetAttachments(edit.cell_id, before))]


def _set_outputs(notebook: Notebook, edit: SetOutputs) -> list[Change]:
    cell = code_cell(notebook, edit.cell_id)
    outputs = _copied(edit.outputs, edit.cell_id)
    wanted = {"outputs": outputs, "execution_count": edit.execution_count}
    _check_cell({**cell, "metadata": {}, **wanted})
    if not isinstance(cast("object", edit.source_hash), str | None):
        raise _refused(edit.cell_id, "the hash of its source is to be a text")
    before = _outputs_of(cell)
    if before == SetOutputs(edit.cell_id, outputs, edit.execution_count, edit.source_hash):
        return []
    cell.update(wanted)
    if edit.source_hash is None:
        forget_source(cell)
    else:
        note_source(cell, edit.source_hash)
    return [Change(_outputs_of(cell), before)]


def _clear(notebook: Notebook, edit: ClearOutputs) -> list[Change]:
    if edit.cell_id is not None:
        cells = [code_cell(notebook, edit.cell_id)]
    else:
        cells = [cell for cell in notebook.cells if cell["cell_type"] == "code"]
    changes: list[Change] = []
    for cell in cells:
        if not has_outputs(cell) and hash_of(cell) is None:
            continue
        changes.append(Change(ClearOutputs(cell["id"]), _outputs_of(cell)))
        cell.update(outputs=[], execution_count=None)
        forget_source(cell)
    return changes


def code_cell(notebook: Notebook, cell_id: str) -> Cell:
    """
    Give a cell that has outputs.

    Raises:
        EditError: There is no such cell, or it is no code.
    """
    cell = notebook.cell(cell_id)
    if cell["cell_type"] != "code":
        raise _refused(cell_id, f"it is {cell['cell_type']}, which has no outputs")
    return cell


def _outputs_of(cell: Cell) -> SetOutputs:
    outputs = copied(cell["outputs"])
    return SetOutputs(cell["id"], outputs, cell["execution_count"], hash_of(cell))


def _completed(notebook: Notebook, cell: Cell) -> Cell:
    """Add what a front end need not say."""
    whole: Cell = {"cell_type": "code", "metadata": {}, "source": "", **cell}
    if "id" not in cell:
        whole["id"] = fresh_id(notebook.ids)
    if whole["cell_type"] == "code":
        whole = {"execution_count": None, "outputs": [], **whole}
    return _joined(whole)


def _joined(cell: Cell) -> Cell:
    """Make one text of a source that is a list of lines, as in a file."""
    lines = cell.get("source")
    if isinstance(lines, list) and all(isinstance(line, str) for line in cast("list[Any]", lines)):
        cell["source"] = "".join(cast("list[str]", lines))
    return cell


def _place(index: object, end: int, cell_id: str) -> int:
    if index is None:
        return end
    if type(index) is not int or not 0 <= index <= end:
        raise _refused(cell_id, f"its place is to be from 0 to {end}, not {index!r:.50}")
    return index


def _copied(value: Any, cell_id: str | None) -> Any:
    try:
        return copied(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise EditError(f"what comes with the edit is not JSON: {error}", cell_id=cell_id) from None


def _check_cell(cell: Cell) -> None:
    if problem := cell_problem(cell):
        cell_id = cell.get("id")
        raise _refused(cell_id if isinstance(cell_id, str) else "", problem)


def _refused(cell_id: str, problem: str) -> EditError:
    return EditError(f"cell {cell_id!r}: {problem}", cell_id=cell_id or None)


APPLIED_BY: Final[dict[type[Any], Callable[[Any, Any], list[Change]]]] = {
    AddCell: _add,
    DeleteCell: _delete,
    MoveCell: _move,
    EditCell: _edit,
    ChangeType: _change_type,
    ReplaceCell: _replace,
    SetMetadata: _set_metadata,
    SetAttachments: _set_attachments,
    SetOutputs: _set_outputs,
    ClearOutputs: _clear,
}
"""By the edit's class: what does it."""
