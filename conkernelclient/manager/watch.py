"""
When did a kernel's process end, and how?

A thread waits for it: whatever the event loops do, and however many there are one after the other,
the end is noticed within milliseconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from subprocess import Popen

__all__ = ["ProcessWatch"]

logger: Final = logging.getLogger(__name__)


class ProcessWatch:
    """
    The watch on one process that this one started.

    What is left of its process group is killed when the process itself has ended.

    Args:
        process: As `subprocess.Popen` made it.
        owns_group: Whether it leads a process group, which ends with it.
        on_end: Called once, in a thread, with the watch.

    Attributes:
        exit_code: Set when the process has ended; negative: that signal; None: not known.
        has_ended: Whether it has ended.
        is_over: Whether it is also known how, and whoever waited was told.
    """

    def __init__(
        self, process: Popen[bytes], *, owns_group: bool, on_end: Callable[[ProcessWatch], None]
    ) -> None:
        self.pid: int = process.pid
        self.exit_code: int | None = None
        self.has_ended: bool = False
        self.is_over: bool = False
        self._process = process
        self._owns_group = owns_group
        self._on_end = on_end
        self._lock = threading.Lock()
        self._waiters: set[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = set()
        threading.Thread(target=self._wait, name=f"conkernel-watch-{self.pid}", daemon=True).start()

    async def until_over(self, seconds: float) -> None:
        """Wait until the process has ended, at most so many seconds."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        waiter = loop, future
        with self._lock:
            if self.is_over:
                return
            self._waiters.add(waiter)
        try:
            await asyncio.wait((future,), timeout=seconds)
        finally:
            with self._lock:
                self._waiters.discard(waiter)

    def _wait(self) -> None:
        if hasattr(os, "waitid"):
            # Its number stays taken until its exit status is asked for: a kill of the group
            # before that kills no other's. Gone is it only if somebody else has asked already.
            with contextlib.suppress(ChildProcessError):
                os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
                self.has_ended = True
                self._kill_group()
        # Not `poll`, which gives None while another thread waits for the same process.
        self.exit_code = self._process.wait()
        with self._lock:
            self.has_ended = self.is_over = True
            waiters = tuple(self._waiters)
        for loop, future in waiters:
            with contextlib.suppress(RuntimeError):  # that loop was closed
                loop.call_soon_threadsafe(_wake, future)
        try:
            self._on_end(self)
        except Exception:
            logger.exception("the end of process %d could not be told", self.pid)

    def _kill_group(self) -> None:
        if self._owns_group:
            with contextlib.suppress(OSError):  # nobody was left
                os.killpg(self.pid, signal.SIGKILL)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
