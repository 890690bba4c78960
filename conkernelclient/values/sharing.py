"""
How do large bytes pass between two processes of one machine?

Through memory that the client makes and lends: it has a name nowhere, and is gone with the last
process that holds it, however that ends. The kernel opens it below the client's entry in `/proc`,
which only a process of the same user and of the same system can; that it is this memory, its name
of 32 random digits proves. Elsewhere, and where there is no such memory, there is another way.

Kernels run this module's text as well; see `codec`.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["LEAST_SHARED", "Lent", "lend", "open_lent", "put", "take"]

LEAST_SHARED = 2**18  # bytes; fewer go beside the text in no more time
AT_ONCE = 2**30  # bytes of one call to the system, which takes less than 2**31


class Lent:
    """
    Memory that this process lends.

    Args:
        fd: Its file descriptor.
        name: Its random name.
    """

    def __init__(self, fd: int, name: str) -> None:
        self.fd = fd
        self._name = name
        self._is_open = True

    @property
    def address(self) -> tuple[str, str]:
        """Where another process finds it, and what it finds there."""
        return f"/proc/{os.getpid()}/fd/{self.fd}", f"/memfd:{self._name} (deleted)"

    def close(self) -> None:
        """Let go of it. Harmless the second time."""
        if self._is_open:
            self._is_open = False
            os.close(self.fd)


def lend() -> Lent | None:
    """Make memory to lend; None where that cannot be."""
    try:
        name = "conkernel-" + os.urandom(16).hex()
        return Lent(os.memfd_create(name, os.MFD_CLOEXEC), name)
    except (AttributeError, OSError):  # no Linux, or nothing left
        return None


def open_lent(path: str, target: str) -> int | None:
    """Open what another process lends; None if it is not there, or something else is."""
    fd = None
    try:
        if os.readlink(path) != target:
            return None
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
        # The other process may have closed it meanwhile, and have another file there.
        if os.readlink(f"/proc/self/fd/{fd}") == target:
            return fd
    except OSError:
        pass
    if fd is not None:
        os.close(fd)
    return None


def put(fd: int, parts: Sequence[Any]) -> list[int]:
    """Write `parts`, one after the other; gives their sizes in bytes. May raise OSError."""
    views = [memoryview(part) for part in parts]
    for view in views:
        rest = view
        while len(rest):
            rest = rest[os.write(fd, rest[:AT_ONCE]) :]
    return [len(view) for view in views]


def take(fd: int, sizes: Sequence[int]) -> list[bytearray]:
    """
    Read what `put` wrote, each part anew.

    Raises ValueError if it is not of these sizes, and OSError.
    """
    if min(sizes, default=0) < 0 or sum(sizes) != os.fstat(fd).st_size:
        raise ValueError("the memory is not of the size that was told")
    place = 0
    parts: list[bytearray] = []
    for size in sizes:
        part = bytearray(size)
        rest = memoryview(part)
        while len(rest):
            count = os.preadv(fd, [rest[:AT_ONCE]], place)
            if not count:
                raise ValueError("the memory has shrunk")
            rest = rest[count:]
            place += count
        parts.append(part)
    return parts
