"""
An asyncio client for Jupyter kernels that stays right when everything happens at once.

`ConKernelManager` takes the place of jupyter_client's `AsyncKernelManager`; its clients answer any
number of coroutines at once:

    async with run_kernel() as kc:
        result = await kc.run("print('hello'); 1 + 1")
        a, b = kc.execute("x = 2", reply=True), kc.execute("y = 3", reply=True)
        await asyncio.gather(a, b)

The package is a house of rooms; a module imports from its own room and from those below:

- `errors`: what can go wrong, in words.
- `protocol`: what is a message? `outputs`: what did a run show?
- `values`: how does a Python value get into the kernel and out of it? It knows no other room.
- `state` decides: whose is a message, may a request leave, is the kernel there, how does a run
  stand? Tables without a loop, a socket or a clock.
- `transport` carries frames. It knows no requests, and `state` does not know it.
- `connection` joins the two in an event loop; the ways of a message and of a request stand in
  `connection.connection`.
- `client` is what a program holds: verbs, runs, channel objects.
- `manager` begins, watches and ends kernel processes, and tells its clients.
- `serving`: how does a server let in whom it may? It knows no kernels.
- `sidecar` is what a backend with many front ends holds: a kernel's one client, and the notebook.
- `agent` is what a tool loop holds. It knows what a user's program knows, and no more.
- `notebook` is what a notebook uses: magics, the progress of many runs. It knows no more either.
- `testing` and `cli` are built on these.
"""

from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from . import errors

if _TYPE_CHECKING:
    from . import events
    from .client.client import ConKernelClient
    from .client.comm import Comm
    from .client.kernel_news import KernelNews, KernelWatch
    from .client.run import Run
    from .manager.manager import ConKernelManager
    from .manager.multi import ConMultiKernelManager
    from .manager.running import run_kernel, start_new_async_kernel
    from .outputs.result import Result
    from .transport.session_patch import apply_session_patch, undo_session_patch
    from .values.variable import Variable

__version__ = "0.1.0"

__all__ = [
    "Comm",
    "ConKernelClient",
    "ConKernelManager",
    "ConMultiKernelManager",
    "KernelNews",
    "KernelWatch",
    "Result",
    "Run",
    "Variable",
    "apply_session_patch",
    "errors",
    "events",
    "run_kernel",
    "start_new_async_kernel",
    "undo_session_patch",
]

# Loaded when they are first asked for: an import of the package should cost little. A kernel, whose
# package is in this one, needs none of them.
_LATER = {
    "Comm": ".client.comm",
    "ConKernelClient": ".client.client",
    "ConKernelManager": ".manager.manager",
    "ConMultiKernelManager": ".manager.multi",
    "KernelNews": ".client.kernel_news",
    "KernelWatch": ".client.kernel_news",
    "Result": ".outputs.result",
    "Run": ".client.run",
    "Variable": ".values.variable",
    "apply_session_patch": ".transport.session_patch",
    "events": ".events",
    "run_kernel": ".manager.running",
    "start_new_async_kernel": ".manager.running",
    "undo_session_patch": ".transport.session_patch",
}


def __getattr__(name: str) -> _Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module = import_module(_LATER[name], __name__)
    value = module if name == "events" else getattr(module, name)
    globals()[name] = value
    return value


def load_ipython_extension(shell: _Any) -> None:
    """Add the magics `%%kernel` and `%kernel` to IPython: `%load_ext conkernelclient`."""
    _magics().load(shell)


def unload_ipython_extension(shell: _Any) -> None:
    """Take the magics out again, and end their kernels: `%unload_ext conkernelclient`."""
    _magics().unload(shell)


def _magics() -> _Any:
    from importlib import import_module

    return import_module(".notebook.magics", __name__)
