"""
Which manager does `AsyncMultiKernelManager` want?

One with the interface of its AsyncIOLoop variant; it is loaded by its dotted name.
"""

from __future__ import annotations

from jupyter_client.ioloop.manager import AsyncIOLoopKernelManager
from traitlets import Bool

from .manager.manager import ConKernelManager

__all__ = ["ConIOLoopKernelManager"]


# jupyter_client's annotation of that default names the trait's class for that of its values.
class ConIOLoopKernelManager(  # pyright: ignore[reportIncompatibleMethodOverride]
    ConKernelManager, AsyncIOLoopKernelManager
):
    """
    A `ConKernelManager` that restarts a kernel that died, as jupyter_client's variant does.

    It does so at once, and not when tornado's timer asks: `restarter_class` is not used.
    """

    autorestart: Bool[bool, bool | int] = Bool(
        True, config=True, help="Whether a kernel that dies is started again."
    )
