"""
How does one backend stand between many front ends and a kernel, and own the notebook?

`Sidecar` is the one client of the kernel: each request is an `Action` with handlers (`actions`). A
`NotebookSession` owns the notebook, and tells a `Watcher` what changes (`session`). What is in the
notebook is `document`, what messages say `models`; `server` serves front ends. Needs the extra
`[sidecar]`.
"""

from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

if _TYPE_CHECKING:
    from .actions.action import Action
    from .actions.handlers import DebugHandler, Handler, HandlerFailure
    from .actions.hooks import Cell, Refused
    from .output_handler import OutputHandler
    from .session.session import NotebookSession
    from .session.watching import Watcher
    from .sidecar import Sidecar

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
    "Action": ".actions.action",
    "Cell": ".actions.hooks",
    "DebugHandler": ".actions.handlers",
    "Handler": ".actions.handlers",
    "HandlerFailure": ".actions.handlers",
    "NotebookSession": ".session.session",
    "OutputHandler": ".output_handler",
    "Refused": ".actions.hooks",
    "Sidecar": ".sidecar",
    "Watcher": ".session.watching",
}


def __getattr__(name: str) -> _Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_LATER[name], __name__), name)
    globals()[name] = value
    return value
