"""
How does everything stand, by what a front end was told?

`Standing` folds what is not in the document, for the session as for its front ends. `Board` folds
all of it, the document too, as a front end does: who has a snapshot and each event after it has
the session's document.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..document import Notebook, SetMetadata, SetOutputs, apply
from .session_events import (
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

if TYPE_CHECKING:
    from .session_events import CellShown, KernelShown, SessionEvent, Told

__all__ = ["Board", "Standing"]


class Standing:
    """
    How cells, kernel and file stand.

    Attributes:
        cells: Those that run or are queued.
        statuses: How each cell's last run has ended.
        kernel_state: How the kernel stands.
        kernel_reason: What there is to say of that.
        question: What is asked and was not answered.
        path: The file.
        save_error: Why the last save failed; None if it did not.
    """

    def __init__(self, kernel_state: KernelShown = "starting", path: str | None = None) -> None:
        self.cells: dict[str, CellShown] = {}
        self.statuses: dict[str, str] = {}
        self.kernel_state: KernelShown = kernel_state
        self.kernel_reason: str | None = None
        self.question: Question | None = None
        self.path: str | None = path
        self.save_error: str | None = None

    @classmethod
    def of(cls, snapshot: Snapshot) -> Standing:
        """Make one that stands as the snapshot says."""
        standing = cls(snapshot.kernel_state, snapshot.path)
        standing.cells = dict(snapshot.cells)
        standing.statuses = dict(snapshot.statuses)
        standing.kernel_reason = snapshot.kernel_reason
        standing.question = snapshot.question
        standing.save_error = snapshot.save_error
        return standing

    def take(self, event: SessionEvent) -> None:
        """Fold one event; those of the document are passed over."""
        match event:
            case CellStateChanged():
                self._take_cell(event)
            case KernelStateChanged():
                self.kernel_state, self.kernel_reason = event.state, event.reason
            case InputAsked():
                self.question = Question(event.cell_id, event.prompt, event.password)
            case InputAnswered():
                self.question = None
            case Saved():
                self.path, self.save_error = event.path, None
            case SaveFailed():
                self.save_error = event.reason
            case _:
                pass

    def _take_cell(self, event: CellStateChanged) -> None:
        if event.state == "idle":
            self.cells.pop(event.cell_id, None)
        else:
            self.cells[event.cell_id] = event.state
            self.statuses.pop(event.cell_id, None)
        if event.status is not None:
            self.statuses[event.cell_id] = event.status


class Board:
    """
    What a front end knows of a session.

    Args:
        snapshot: What it was told first.

    Attributes:
        notebook: The document, a copy of its own.
        revision: The number of the last change that is in it.
        standing: What is not in the document.
        missed: How many events it did not get, since it was made.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.missed: int = 0
        self._begin(snapshot)

    def _begin(self, snapshot: Snapshot) -> None:
        self.notebook: Notebook = Notebook.from_dict(snapshot.document)
        self.revision: int = snapshot.revision
        self.standing: Standing = Standing.of(snapshot)

    def take(self, told: Told) -> None:
        """
        Fold what a watcher gives.

        Raises:
            ValueError: A change is missing before this one.
        """
        match told:
            case Snapshot():
                self._begin(told)
            case Missed():
                self.missed += told.events
            case _:
                self._take_event(told)

    def _take_event(self, event: SessionEvent) -> None:
        if event.revision != self.revision + 1:
            raise ValueError(f"change {event.revision} came after change {self.revision}")
        self.revision = event.revision
        match event:
            case Edited():
                for edit in event.change:
                    apply(self.notebook, edit)
            case OutputsChanged():
                self._take_outputs(event)
            case TextAppended():
                self._append(event)
            case MetadataChanged():
                apply(self.notebook, SetMetadata(None, event.metadata))
            case _:
                self.standing.take(event)

    def _append(self, event: TextAppended) -> None:
        outputs = self.notebook.cell(event.cell_id)["outputs"]
        output = outputs[event.index]
        outputs[event.index] = {**output, "text": output["text"] + event.text}

    def _take_outputs(self, event: OutputsChanged) -> None:
        kept = self.notebook.cell(event.cell_id)["outputs"][: event.start]
        apply(
            self.notebook,
            SetOutputs(
                event.cell_id, [*kept, *event.outputs], event.execution_count, event.source_hash
            ),
        )
