"""
What is a front end told of a session?

First how everything stands, then each change. A change has the number `revision`, one more than
the one before it: who has a snapshot and each change after it has what the session has.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..document import Edit

__all__ = [
    "CellShown",
    "CellStateChanged",
    "Edited",
    "InputAnswered",
    "InputAsked",
    "KernelShown",
    "KernelStateChanged",
    "MetadataChanged",
    "Missed",
    "OutputsChanged",
    "Question",
    "SaveFailed",
    "Saved",
    "SessionEvent",
    "Snapshot",
    "TextAppended",
    "Told",
]

CellShown: TypeAlias = Literal["idle", "queued", "running"]
KernelShown: TypeAlias = Literal["starting", "idle", "busy", "restarting", "disconnected", "dead"]


@dataclass(frozen=True, slots=True)
class Edited:
    """
    Cells or metadata were edited.

    Attributes:
        revision: The change's number.
        change: The edits of `document.edits` that make this change in a copy of the document.
        by: Who made it, as the caller said; None: nobody in particular.
    """

    revision: int
    change: tuple[Edit, ...]
    by: str | None = None
    type: Literal["edited"] = "edited"


@dataclass(frozen=True, slots=True)
class OutputsChanged:
    """
    What a code cell shows has changed.

    Attributes:
        revision: The change's number.
        cell_id: The cell.
        start: Outputs from this place on, from 0, are replaced by `outputs`.
        outputs: Valid outputs of nbformat; to be read.
        execution_count: The kernel's number of the cell.
        source_hash: Of the source that gave the outputs, see `document.is_stale`.
    """

    revision: int
    cell_id: str
    start: int
    outputs: list[dict[str, Any]]
    execution_count: int | None
    source_hash: str | None = None
    type: Literal["outputs_changed"] = "outputs_changed"


@dataclass(frozen=True, slots=True)
class TextAppended:
    """
    Text that a code cell shows goes on: what a loop prints is not told from its start each time.

    Attributes:
        revision: The change's number.
        cell_id: The cell.
        index: The place of the output, from 0; it is a stream.
        text: What is put at the end of its text.
    """

    revision: int
    cell_id: str
    index: int
    text: str
    type: Literal["text_appended"] = "text_appended"


@dataclass(frozen=True, slots=True)
class CellStateChanged:
    """
    A cell waits for the kernel, runs, or has ended.

    Attributes:
        revision: The change's number.
        cell_id: The cell; it may have been deleted.
        state: How it stands now.
        status: Of one that has ended, how: "ok", "error", "aborted" (one before it raised),
            "timeout", "cancelled", "refused" (by `before_execute`), "restarted" or "dead" (the
            kernel was), "failed" (anything else).
    """

    revision: int
    cell_id: str
    state: CellShown
    status: str | None = None
    type: Literal["cell_state_changed"] = "cell_state_changed"


@dataclass(frozen=True, slots=True)
class KernelStateChanged:
    """
    The kernel stands otherwise.

    Attributes:
        revision: The change's number.
        state: How it stands now.
        reason: One line for a person, where there is something to say.
    """

    revision: int
    state: KernelShown
    reason: str | None = None
    type: Literal["kernel_state_changed"] = "kernel_state_changed"


@dataclass(frozen=True, slots=True)
class InputAsked:
    """
    The code of a cell asks for a line of input, as `input()` does.

    Attributes:
        revision: The change's number.
        cell_id: The cell.
        prompt: What is shown before the line.
        password: Whether the line is not to be shown.
    """

    revision: int
    cell_id: str
    prompt: str
    password: bool = False
    type: Literal["input_asked"] = "input_asked"


@dataclass(frozen=True, slots=True)
class InputAnswered:
    """The question of a cell is answered, or nobody waits for an answer any more."""

    revision: int
    cell_id: str
    type: Literal["input_answered"] = "input_answered"


@dataclass(frozen=True, slots=True)
class Saved:
    """The document, as it was a moment ago or is now, is in the file `path`."""

    revision: int
    path: str
    type: Literal["saved"] = "saved"


@dataclass(frozen=True, slots=True)
class SaveFailed:
    """The document could not be saved: `reason` says why, in one line."""

    revision: int
    reason: str
    type: Literal["save_failed"] = "save_failed"


@dataclass(frozen=True, slots=True)
class MetadataChanged:
    """The notebook's own metadata are now these; what widgets hold is among them."""

    revision: int
    metadata: dict[str, Any]
    type: Literal["metadata_changed"] = "metadata_changed"


SessionEvent: TypeAlias = (
    Edited
    | OutputsChanged
    | TextAppended
    | CellStateChanged
    | KernelStateChanged
    | InputAsked
    | InputAnswered
    | Saved
    | SaveFailed
    | MetadataChanged
)


@dataclass(frozen=True, slots=True)
class Question:
    """
    What the code of a cell asks.

    Attributes:
        cell_id: The cell.
        prompt: What is shown before the line.
        password: Whether the line is not to be shown.
    """

    cell_id: str
    prompt: str
    password: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """
    How everything stands; to be read.

    Attributes:
        revision: The number of the last change that is in it.
        document: The notebook, as nbformat 4.5.
        cells: Those that run or are queued.
        statuses: How each cell's last run has ended, of those that ran in this session.
        kernel_state: How the kernel stands.
        kernel_reason: What there is to say of that, in one line.
        question: What is asked and was not answered.
        path: The file; None: there is none.
        save_error: Why the last save failed; None if it did not.
        notes: What was done to the notebook when it was read, as an upgrade, a line each.
        stale: Cells whose outputs are those of another source than they have.
    """

    revision: int
    document: Mapping[str, Any]
    cells: Mapping[str, CellShown] = field(default_factory=dict[str, "CellShown"])
    statuses: Mapping[str, str] = field(default_factory=dict[str, str])
    kernel_state: KernelShown = "starting"
    kernel_reason: str | None = None
    question: Question | None = None
    path: str | None = None
    save_error: str | None = None
    notes: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    type: Literal["snapshot"] = "snapshot"


@dataclass(frozen=True, slots=True)
class Missed:
    """
    A watcher was too slow for so many `events`; a snapshot comes next.

    Attributes:
        events: How many it did not get.
    """

    events: int
    type: Literal["missed"] = "missed"


Told: TypeAlias = Snapshot | Missed | SessionEvent
