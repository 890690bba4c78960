"""
Where do the sockets of a kernel lie, if they are files?

In a directory of their own, under an absolute path, so that the kernel finds them whatever its
`cwd`; and a short one: it may have 107 bytes (unix(7)).
"""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import Final

__all__ = ["IpcDirectory"]

LONGEST_BASE: Final = 70  # bytes, so that the names of sockets in a directory there fit


class IpcDirectory:
    """
    A new directory for the sockets of one kernel.

    Attributes:
        path: Its path.
        address: The `ip` of the kernel: what the names of its sockets begin with.
        is_there: Whether it has not been removed yet.
    """

    def __init__(self) -> None:
        base = tempfile.gettempdir()
        if len(os.fsencode(base)) > LONGEST_BASE:
            base = "/tmp"
        self.path: str = tempfile.mkdtemp(prefix="conkernel-", dir=base)
        self.address: str = os.path.join(self.path, "k")
        self.is_there: bool = True

    def remove(self) -> None:
        """Remove it with the sockets; harmless if it is gone."""
        if self.is_there:
            self.is_there = False
            shutil.rmtree(self.path, ignore_errors=True)
