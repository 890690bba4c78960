"""
Where do the outputs of a cell go?

Into whatever document takes them: an `OutputSink` is told them as they stand. Which outputs those
are, `OutputFeed` decides from a kernel's messages: text of one stream is merged, displays are
updated, and what was cleared is gone before a sink learns of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from .checking import copied
from .edits import code_cell
from .hashing import note_source, source_hash

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .notebook import Notebook

__all__ = ["NotebookSink", "OutputSink"]


class OutputSink(Protocol):
    """
    A document that takes outputs.

    Each method raises EditError, which names the cell, where the document has no such cell or it
    is no code; nothing has changed then. What is given stays the caller's.
    """

    def begin(
        self, cell_id: str, execution_count: int | None = None, *, source: str | None = None
    ) -> None:
        """
        Begin a run: outputs and number of the last one go.

        Args:
            cell_id: The cell.
            execution_count: The kernel's number, if it is known by now.
            source: What is run; None: what the cell has now. Its hash is kept, see `is_stale`.
        """
        ...

    def set_outputs(self, cell_id: str, outputs: Sequence[Mapping[str, Any]]) -> None:
        """Set all outputs of the cell: valid ones of nbformat, in their order."""
        ...

    def append(self, cell_id: str, output: Mapping[str, Any]) -> None:
        """Put one output after the others; it is not merged with them."""
        ...

    def set_execution_count(self, cell_id: str, execution_count: int | None) -> None:
        """Set the kernel's number of the cell."""
        ...

    def clear(self, cell_id: str) -> None:
        """Take all outputs away; number and hash stay."""
        ...

    def set_widgets(self, state: Mapping[str, Any] | None) -> None:
        """Set the document's metadata "widgets", what widgets hold at last; None: take it away."""
        ...


class NotebookSink:
    """Puts outputs into a `Notebook`, in which `edits` are made as well."""

    def __init__(self, notebook: Notebook) -> None:
        self._notebook = notebook

    def begin(
        self, cell_id: str, execution_count: int | None = None, *, source: str | None = None
    ) -> None:
        """See `OutputSink`."""
        cell = code_cell(self._notebook, cell_id)
        cell.update(outputs=[], execution_count=execution_count)
        note_source(cell, source_hash(cell["source"] if source is None else source))

    def set_outputs(self, cell_id: str, outputs: Sequence[Mapping[str, Any]]) -> None:
        """See `OutputSink`."""
        code_cell(self._notebook, cell_id)["outputs"] = copied(list(outputs))

    def append(self, cell_id: str, output: Mapping[str, Any]) -> None:
        """See `OutputSink`."""
        code_cell(self._notebook, cell_id)["outputs"].append(copied(output))

    def set_execution_count(self, cell_id: str, execution_count: int | None) -> None:
        """See `OutputSink`."""
        code_cell(self._notebook, cell_id)["execution_count"] = execution_count

    def clear(self, cell_id: str) -> None:
        """See `OutputSink`."""
        code_cell(self._notebook, cell_id)["outputs"] = []

    def set_widgets(self, state: Mapping[str, Any] | None) -> None:
        """See `OutputSink`."""
        if state is None:
            self._notebook.metadata.pop("widgets", None)
        else:
            self._notebook.metadata["widgets"] = copied(state)
