"""
What is in the notebook, how may it be changed, and how is it kept?

Pure but for `saving`, which writes a file: the room knows no kernel, no loop and no front end.
nbformat (extra `[sidecar]`) is loaded when a notebook is first read, checked or written.
"""

from .dependants import Dependants, Problem, dependants
from .edits import (
    AddCell,
    Change,
    ChangeType,
    ClearOutputs,
    DeleteCell,
    Edit,
    EditCell,
    MoveCell,
    ReplaceCell,
    SetAttachments,
    SetMetadata,
    SetOutputs,
    apply,
)
from .feed import OutputFeed
from .hashing import is_stale, source_hash
from .notebook import Cell, Notebook, new_cell
from .saving import replace_file
from .sinks import NotebookSink, OutputSink

__all__ = [
    "AddCell",
    "Cell",
    "Change",
    "ChangeType",
    "ClearOutputs",
    "DeleteCell",
    "Dependants",
    "Edit",
    "EditCell",
    "MoveCell",
    "Notebook",
    "NotebookSink",
    "OutputFeed",
    "OutputSink",
    "Problem",
    "ReplaceCell",
    "SetAttachments",
    "SetMetadata",
    "SetOutputs",
    "apply",
    "dependants",
    "is_stale",
    "new_cell",
    "replace_file",
    "source_hash",
]
