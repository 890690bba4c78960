"""
Which outputs of a cell have changed since front ends were told last?

Output mostly grows at its end: from the first output that differs on, all are told. Where that is a
stream whose text only goes on, what was put at its end is told.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from conkernelclient.errors import EditError

from ..document import NotebookSink
from ..document.hashing import hash_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..document import Notebook, OutputSink

__all__ = ["NotedSink", "OutputChange", "Place", "first_difference"]

logger: Final = logging.getLogger(__name__)


@dataclass(frozen=True, order=True, slots=True)
class Place:
    """
    A place in a cell's outputs.

    Attributes:
        index: Of an output, from 0.
        characters: So many of its text are before this place; 0: it begins here.
    """

    index: int
    characters: int = 0


def first_difference(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> Place | None:
    """Give the first place at which they differ; None if they are the same."""
    for index, (one, other) in enumerate(zip(before, after, strict=False)):
        if one != other:
            return Place(index, _goes_on(one, other))
    return None if len(before) == len(after) else Place(min(len(before), len(after)))


def _goes_on(before: Mapping[str, Any], after: Mapping[str, Any]) -> int:
    """Give how long the text is that goes on; 0 where it is not the same stream."""
    text = before.get("text")
    if not isinstance(text, str) or {**before, "text": after.get("text")} != after:
        return 0
    return len(text) if isinstance(after["text"], str) and after["text"].startswith(text) else 0


@dataclass(slots=True)
class OutputChange:
    """
    What has changed in a cell.

    Attributes:
        start: Outputs from this place on are others; the number of outputs, if only the kernel's
            number or the hash is another.
        outputs: What they are now; to be read.
        execution_count: The kernel's number.
        source_hash: Of the source that gave the outputs.
        appended: What was put at the end of the text of the output before `start`.
        is_text_alone: Whether nothing else has changed.
    """

    start: int
    outputs: list[dict[str, Any]]
    execution_count: int | None
    source_hash: str | None
    appended: str = ""
    is_text_alone: bool = False


class NotedSink:
    """
    Puts outputs into a notebook, notes what that changes, and gives them to another document.

    Args:
        notebook: The notebook.
        beside: Another document, which is given all that the notebook is given. A cell that it has
            not is passed over; what else it raises is logged, and hurts nobody.
    """

    def __init__(self, notebook: Notebook, beside: OutputSink | None = None) -> None:
        self._notebook = notebook
        self._sink = NotebookSink(notebook)
        self._beside = beside
        self._started: dict[str, Place] = {}  # from where on the outputs are others, by cell
        self._numbered: set[str] = set()  # cells whose number or hash is another
        self._is_metadata_changed = False

    def begin(
        self, cell_id: str, execution_count: int | None = None, *, source: str | None = None
    ) -> None:
        """See `OutputSink`."""
        self._sink.begin(cell_id, execution_count, source=source)
        self._started[cell_id] = Place(0)
        self._numbered.add(cell_id)
        self._tell("begin", cell_id, execution_count, source=source)

    def set_outputs(self, cell_id: str, outputs: Sequence[Mapping[str, Any]]) -> None:
        """See `OutputSink`."""
        before = self._notebook.cell(cell_id).get("outputs", [])
        self._sink.set_outputs(cell_id, outputs)
        after = self._notebook.cell(cell_id)["outputs"]
        start = first_difference(before, after)
        if start is None:
            return
        self._note(cell_id, start)
        self._tell("set_outputs", cell_id, outputs)

    def append(self, cell_id: str, output: Mapping[str, Any]) -> None:
        """See `OutputSink`."""
        self._sink.append(cell_id, output)
        self._note(cell_id, Place(len(self._notebook.cell(cell_id)["outputs"]) - 1))
        self._tell("append", cell_id, output)

    def set_execution_count(self, cell_id: str, execution_count: int | None) -> None:
        """See `OutputSink`."""
        before = self._notebook.cell(cell_id).get("execution_count")
        self._sink.set_execution_count(cell_id, execution_count)
        if execution_count == before:
            return
        self._note(cell_id, Place(len(self._notebook.cell(cell_id)["outputs"])))
        self._numbered.add(cell_id)
        self._tell("set_execution_count", cell_id, execution_count)

    def clear(self, cell_id: str) -> None:
        """See `OutputSink`."""
        self._sink.clear(cell_id)
        self._note(cell_id, Place(0))
        self._tell("clear", cell_id)

    def set_widgets(self, state: Mapping[str, Any] | None) -> None:
        """See `OutputSink`."""
        before = self._notebook.metadata.get("widgets")
        self._sink.set_widgets(state)
        if self._notebook.metadata.get("widgets") == before:
            return
        self._is_metadata_changed = True
        self._tell("set_widgets", state)

    def changes(self) -> dict[str, OutputChange]:
        """Give, once, what has changed in which cells; those that are gone are left out."""
        started, self._started = self._started, {}
        numbered, self._numbered = self._numbered, set()
        return {
            cell_id: self._change(cell_id, place, cell_id in numbered)
            for cell_id, place in started.items()
            if cell_id in self._notebook and self._notebook.cell(cell_id)["cell_type"] == "code"
        }

    def metadata_changed(self) -> bool:
        """Tell, once, whether the notebook's metadata were changed."""
        changed, self._is_metadata_changed = self._is_metadata_changed, False
        return changed

    def _change(self, cell_id: str, place: Place, is_numbered: bool) -> OutputChange:
        cell, start, appended = self._notebook.cell(cell_id), place.index, ""
        if place.characters:
            appended = cell["outputs"][start]["text"][place.characters :]
            start += 1
        outputs = cell["outputs"][start:]
        is_text_alone = bool(appended) and not outputs and not is_numbered
        return OutputChange(
            start, outputs, cell["execution_count"], hash_of(cell), appended, is_text_alone
        )

    def _note(self, cell_id: str, place: Place) -> None:
        self._started[cell_id] = min(place, self._started.get(cell_id, place))

    def _tell(self, method: str, *args: Any, **options: Any) -> None:
        if self._beside is None:
            return
        try:
            getattr(self._beside, method)(*args, **options)
        except EditError:
            pass  # it has no such cell
        except Exception:
            logger.exception("the other document, %r, failed at %s", self._beside, method)
