"""How does a program keep many kernels, by their ids?"""

from __future__ import annotations

from jupyter_client.multikernelmanager import AsyncMultiKernelManager
from traitlets import DottedObjectName

__all__ = ["ConMultiKernelManager"]


class ConMultiKernelManager(AsyncMultiKernelManager):
    """Starts any number of kernels, each with a `ConKernelManager`."""

    kernel_manager_class: DottedObjectName = DottedObjectName(
        "conkernelclient.ioloop.ConIOLoopKernelManager",
        config=True,
        help="The manager class of the kernels, an AsyncIOLoop variant.",
    )
