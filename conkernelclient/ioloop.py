"""
Which manager does `AsyncMultiKernelManager` want?

One with tornado's restarter; it is loaded by its dotted name.
"""

from __future__ import annotations

from jupyter_client.ioloop.manager import AsyncIOLoopKernelManager

from .manager.manager import ConKernelManager

__all__ = ["ConIOLoopKernelManager"]


class ConIOLoopKernelManager(AsyncIOLoopKernelManager, ConKernelManager):
    """A `ConKernelManager` that restarts a kernel that died, and calls the restart callbacks."""
