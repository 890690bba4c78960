"""
How do outputs go into a document that several people edit at once?

That is a `jupyter_ydoc.YNotebook` (pycrdt; extra `[collaboration]`), as Jupyter's own
collaboration has it. What changes is made as small as it is: a longer text is the old one with
text added, outputs that are the same are left alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from pycrdt import Array, Map, Text

from conkernelclient.errors import EditError

from .checking import copied
from .hashing import note_source, source_hash

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jupyter_ydoc import YNotebook

__all__ = ["YNotebookSink"]


class YNotebookSink:
    """Puts outputs into a `YNotebook`; each call is one transaction of it."""

    def __init__(self, notebook: YNotebook) -> None:
        self._notebook: Any = notebook
        self._places: dict[str, int] = {}  # where each cell was found last

    def begin(
        self, cell_id: str, execution_count: int | None = None, *, source: str | None = None
    ) -> None:
        """See `OutputSink`."""
        cell = self._cell(cell_id)
        run = str(cell["source"]) if source is None else source
        held = {"metadata": copied(cell["metadata"].to_py())}
        note_source(held, source_hash(run))
        with self._notebook.ydoc.transaction():
            cell["outputs"].clear()
            cell["execution_count"] = execution_count
            for key, value in held["metadata"].items():
                if cell["metadata"].get(key) != value:
                    cell["metadata"][key] = value

    def set_outputs(self, cell_id: str, outputs: Sequence[Mapping[str, Any]]) -> None:
        """See `OutputSink`."""
        held = self._cell(cell_id)["outputs"]
        wanted: list[dict[str, Any]] = copied(list(outputs))
        with self._notebook.ydoc.transaction():
            place = 0
            while place < min(len(held), len(wanted)) and _becomes(held[place], wanted[place]):
                place += 1
            del held[place:]
            held.extend(map(_shared, wanted[place:]))

    def append(self, cell_id: str, output: Mapping[str, Any]) -> None:
        """See `OutputSink`."""
        self._cell(cell_id)["outputs"].append(_shared(copied(output)))

    def set_execution_count(self, cell_id: str, execution_count: int | None) -> None:
        """See `OutputSink`."""
        self._cell(cell_id)["execution_count"] = execution_count

    def clear(self, cell_id: str) -> None:
        """See `OutputSink`."""
        self._cell(cell_id)["outputs"].clear()

    def set_widgets(self, state: Mapping[str, Any] | None) -> None:
        """See `OutputSink`."""
        meta: Any = self._notebook.ydoc.get("meta", type=Map)
        metadata: Any = meta.get("metadata")
        with self._notebook.ydoc.transaction():
            if metadata is None:
                meta["metadata"] = cast("Any", Map())
                metadata = meta["metadata"]
            if state is not None:
                metadata["widgets"] = copied(state)
            elif "widgets" in metadata:
                del metadata["widgets"]

    def _cell(self, cell_id: str) -> Any:
        """Find a code cell, which may have moved, and be another's by now."""
        cells = self._notebook.ycells
        place = self._places.get(cell_id, -1)
        if not 0 <= place < len(cells) or cells[place].get("id") != cell_id:
            self._places = {cell.get("id"): number for number, cell in enumerate(cells)}
            if cell_id not in self._places:
                raise EditError(
                    f"there is no cell {cell_id!r}: it was deleted, or never there", cell_id=cell_id
                )
            place = self._places[cell_id]
        cell = cells[place]
        if cell["cell_type"] != "code":
            raise EditError(
                f"cell {cell_id!r}: it is {cell['cell_type']}, which has no outputs",
                cell_id=cell_id,
            )
        if not isinstance(cell.get("outputs"), Array):  # another program has set a plain list
            cell["outputs"] = Array()
        return cell


def _shared(output: dict[str, Any]) -> Any:
    """Make the shared form of an output: its text, if it is a stream, can grow."""
    if output["output_type"] == "stream":
        text = output["text"]
        output["text"] = Text(text if isinstance(text, str) else "".join(text))
    return Map(output)


def _becomes(held: Any, wanted: dict[str, Any]) -> bool:
    """Tell whether it is this output by now; text that has grown gets what is new."""
    now: Any = cast("Any", held).to_py() if isinstance(held, Map) else held
    if now == wanted:
        return True
    if now.get("output_type") != "stream" or {**now, "text": wanted.get("text")} != wanted:
        return False
    text: Any = cast("Any", held)["text"]
    before, after = now["text"], wanted["text"]
    if not isinstance(text, Text) or not after.startswith(before):
        return False
    text += after[len(before) :]
    return True
