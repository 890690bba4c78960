"""
What is said when a process has no file descriptors left?

libzmq aborts the whole process where it finds none for a new context: so it is looked before.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import zmq

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["check_room", "naming_shortage"]

SHORTAGE: Final = frozenset({errno.EMFILE, errno.ENFILE})
OF_A_CONTEXT: Final = 6  # descriptors that a context takes, with its first socket


@contextmanager
def naming_shortage(what: str) -> Generator[None]:
    """
    Let an error for want of descriptors say for what, and what to do.

    Raises:
        OSError: With its `errno`; the program has too many files open.
    """
    try:
        yield
    except (OSError, zmq.ZMQError) as error:
        if error.errno not in SHORTAGE:
            raise
        raise OSError(
            error.errno,
            f"no file descriptor is left for {what}: close clients, kernels or files that are not "
            "needed, or raise the limit (`ulimit -n`, RLIMIT_NOFILE)",
        ) from error


def check_room() -> None:
    """
    Look whether there are descriptors enough for a ZMQ context.

    Raises:
        OSError: There are not.
    """
    if os.name != "posix":
        return
    taken: list[int] = []
    try:
        for _ in range(OF_A_CONTEXT):
            taken.append(os.open(os.devnull, os.O_RDONLY))
    finally:
        for descriptor in taken:
            os.close(descriptor)
