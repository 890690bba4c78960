"""
An asyncio client for Jupyter kernels that stays right when everything happens at once.

`ConKernelManager` takes the place of jupyter_client's `AsyncKernelManager`; its clients answer any
number of coroutines at once:

    async with run_kernel() as kc:
        result = await kc.run("print('hello'); 1 + 1")
        a, b = kc.execute("x = 2", reply=True), kc.execute("y = 3", reply=True)
        await asyncio.gather(a, b)
"""

from . import errors, events
from .client.client import ConKernelClient
from .client.run import Run
from .manager.manager import (
    ConKernelManager,
    ConMultiKernelManager,
    run_kernel,
    start_new_async_kernel,
)
from .outputs.result import Result
from .transport.session_patch import apply_session_patch, undo_session_patch

__version__ = "0.1.0"

__all__ = [
    "ConKernelClient",
    "ConKernelManager",
    "ConMultiKernelManager",
    "Result",
    "Run",
    "apply_session_patch",
    "errors",
    "events",
    "run_kernel",
    "start_new_async_kernel",
    "undo_session_patch",
]
