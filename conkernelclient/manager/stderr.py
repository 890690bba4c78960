"""
What did a kernel write last on its standard error?

Its stderr is a pipe. A thread reads it, keeps the end, and passes everything on to where it would
have gone without us; so a kernel that writes much never waits for an event loop. Where nothing is
to be passed on, its stdout is the same pipe.
"""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["StderrTail"]

KEPT: Final = 4096  # bytes
CHUNK: Final = 65536


class StderrTail:
    """
    The end of what one kernel writes on stderr.

    Args:
        on_text: Called in the reading thread with the end so far, whenever there is more.
        passes_on: Whether all of it goes on to this process's stderr.

    Attributes:
        write_fd: What the kernel gets as its stderr; `begin` closes it here.
    """

    def __init__(self, on_text: Callable[[bytes], None], *, passes_on: bool = True) -> None:
        self._on_text = on_text
        self._passes_on = passes_on
        self._read_fd, write_fd = os.pipe()
        self.write_fd: int = write_fd
        self._target = -1  # where all of it is passed on to; -1: nowhere
        self._tail = bytearray()
        self._lock = threading.Lock()
        self._is_at_end = threading.Event()

    def begin(self) -> None:
        """
        Read from now on: the kernel has its end.

        Raises:
            RuntimeError: There can be no more threads; it is closed.
        """
        os.close(self.write_fd)
        if self._passes_on:
            with contextlib.suppress(OSError):  # this process has no stderr
                self._target = os.dup(2)
        try:
            threading.Thread(target=self._read, name="conkernel-stderr", daemon=True).start()
        except BaseException:
            self._close()
            raise

    def cancel(self) -> None:
        """Close the pipe: there is no kernel."""
        os.close(self.write_fd)
        os.close(self._read_fd)

    def text(self) -> str:
        """Give the last 4 KiB."""
        with self._lock:
            return bytes(self._tail).decode(errors="replace")

    def wait_for_end(self, seconds: float) -> None:
        """Wait until all processes that could write have ended, at most so many seconds."""
        self._is_at_end.wait(seconds)

    def _read(self) -> None:
        while data := os.read(self._read_fd, CHUNK):
            with self._lock:
                self._tail += data
                del self._tail[:-KEPT]
                tail = bytes(self._tail)
            self._on_text(tail)
            self._pass_on(data)
        self._is_at_end.set()
        self._close()

    def _close(self) -> None:
        os.close(self._read_fd)
        if self._target >= 0:
            os.close(self._target)

    def _pass_on(self, data: bytes) -> None:
        try:
            while data and self._target >= 0:
                data = data[os.write(self._target, data) :]
        except OSError:  # nobody reads there any more
            os.close(self._target)
            self._target = -1
