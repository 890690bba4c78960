"""
How does one backend stand between many front ends and a kernel, and own the notebook?

`Sidecar` is the one client of the kernel: each request is an `Action` with handlers. A
`NotebookSession` owns the notebook, and tells a `Watcher` what changes (`session_events`). What is
in the notebook is `sidecar.document`, what messages say `sidecar.models`. Needs the extra
`[sidecar]`.
"""

from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

if _TYPE_CHECKING:
    from .action import Action
    from .handlers import DebugHandler, Handler, HandlerFailure
    from .hooks import Cell, Refused
    from .output_handler import OutputHandler
    from .session import NotebookSession
    from .sidecar import Sidecar
    from .watching import Watcher

__all__ = [
    "Action",
    "Cell",
    "DebugHandler",
    "Handler",
    "HandlerFailure",
    "NotebookSession",
    "OutputHandler",
    "Refused",
    "Sidecar",
    "Watcher",
]

# Loaded when they are first asked for: who wants the document alone needs no pydantic.
_LATER = {
    "Action": ".action",
    "Cell": ".hooks",
    "DebugHandler": ".handlers",
    "Handler": ".handlers",
    "HandlerFailure": ".handlers",
    "NotebookSession": ".session",
    "OutputHandler": ".output_handler",
    "Refused": ".hooks",
    "Sidecar": ".sidecar",
    "Watcher": ".watching",
}


def __getattr__(name: str) -> _Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_LATER[name], __name__), name)
    globals()[name] = value
    return value
