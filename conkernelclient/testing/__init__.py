"""
How does one test what talks to a kernel?

`FakeKernel` answers as a kernel does, by scripts and without a process; `Faults` makes messages
late, lost, doubled and overtaken; a `MemoryLink` carries them without sockets; the pytest plugin
(`conkernelclient.testing.plugin`) has fake kernels, faults and real kernels as fixtures.

    def prompt(request):
        name = yield Ask("name? ")
        yield Say(f"hello {name}")

    async with FakeKernel() as kernel:
        kernel.on_code("greet()", prompt)
        kc = await kernel.client().start_channels()
        result = await kc.run("greet()", on_stdin=lambda question: "you")
"""

from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

if _TYPE_CHECKING:
    from .actions import (
        Action,
        Ask,
        Die,
        Hold,
        Publish,
        Raise,
        Reply,
        Say,
        Script,
        Show,
        Silence,
        Value,
        echo,
    )
    from .faults import Faults
    from .kernel import FakeKernel
    from .memory import MemoryLink, MemoryTransport
    from .transport import FaultyTransport

__all__ = [
    "Action",
    "Ask",
    "Die",
    "FakeKernel",
    "Faults",
    "FaultyTransport",
    "Hold",
    "MemoryLink",
    "MemoryTransport",
    "Publish",
    "Raise",
    "Reply",
    "Say",
    "Script",
    "Show",
    "Silence",
    "Value",
    "echo",
]

# Loaded when they are first asked for: pytest loads the plugin in every run.
_PLACES = {
    "FakeKernel": ".kernel",
    "Faults": ".faults",
    "FaultyTransport": ".transport",
    "MemoryLink": ".memory",
    "MemoryTransport": ".memory",
}


def __getattr__(name: str) -> _Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_PLACES.get(name, ".actions"), __name__), name)
    globals()[name] = value
    return value
