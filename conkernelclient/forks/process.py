"""
How is a process watched that another one has forked off?

It looks as `subprocess.Popen` does. The server tells how it ended, and if the server is gone, the
system tells that it has.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import threading
import time
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

__all__ = ["ForkedProcess"]

LOOK_EVERY: Final = 0.05  # seconds, at a process whose server is gone
TOLD_WITHIN: Final = 0.5  # seconds in which a server that lives tells how a process has ended


class ForkedProcess(subprocess.Popen[bytes]):
    """
    A forked process.

    Args:
        args: The command that it stands for.
        pid: Its number.
        link: Brings its exit status, as a line of JSON.
        streams: Our ends of pipes to its standard input, output and error.
        line: What came over the link already.
    """

    def __init__(
        self,
        args: Sequence[str],
        pid: int,
        link: socket.socket,
        streams: Sequence[IO[bytes] | None],
        line: bytes = b"",
    ) -> None:
        self._child_created = False  # not our own child
        self._communication_started = False
        self._input: bytes | None = None
        self.encoding: str | None = None
        self.errors: str | None = None
        self.text_mode: bool | None = None
        self.args: Any = list(args)
        self.pid: int = pid
        self.returncode: Any = None
        self.stdin: IO[bytes] | None = streams[0]
        self.stdout: IO[bytes] | None = streams[1]
        self.stderr: IO[bytes] | None = streams[2]
        self._link = link
        self._line = line
        self._is_lost = False
        self._waiters = 0  # threads that wait for news on the link's descriptor
        self._looks = threading.Lock()

    def __del__(self, *_more: Any) -> None:
        with suppress(AttributeError):
            self._link.close()

    def poll(self) -> int | None:
        """Give its exit status; None while it runs. Negative: the signal that ended it."""
        with self._looks:
            if self.returncode is None and not self._is_lost:
                self._read()
                if self.returncode is None and _is_gone(self.pid):
                    self._read_soon()
            if self.returncode is None and self._is_lost and _is_gone(self.pid):
                self.returncode = -signal.SIGKILL  # how it ended nobody knows
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """
        Wait until it has ended.

        Raises:
            subprocess.TimeoutExpired: It did not in `timeout` seconds.
        """
        until = None if timeout is None else time.monotonic() + timeout
        while (found := self.poll()) is None:
            left = None if until is None else until - time.monotonic()
            if timeout is not None and left is not None and left <= 0:
                raise subprocess.TimeoutExpired(self.args, timeout)
            self._until_news(left)
        return found

    def _until_news(self, seconds: float | None) -> None:
        with self._looks:
            number = -1 if self._is_lost else self._link.fileno()
            self._waiters += 1
        try:
            if number < 0:
                time.sleep(LOOK_EVERY if seconds is None else min(seconds, LOOK_EVERY))
                return
            news = select.poll()
            news.register(number, select.POLLIN)
            news.poll(None if seconds is None else seconds * 1000)
        finally:
            with self._looks:
                self._waiters -= 1
                self._close_if_over()

    def _close_if_over(self) -> None:
        """Close the link, unless a thread waits on its number, which would be another's then."""
        if self.returncode is not None and not self._waiters:
            self._link.close()

    def _read_soon(self) -> None:
        """Read what the server tells, as soon as it does: the process has ended."""
        news = select.poll()
        news.register(self._link.fileno(), select.POLLIN)
        news.poll(TOLD_WITHIN * 1000)
        self._read()

    def _read(self) -> None:
        try:
            data = self._link.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._line += data
        if self._line.endswith(b"\n"):
            self.returncode = json.loads(self._line)["returncode"]
            self._close_if_over()
        elif not data:
            self._is_lost = True


def _is_gone(pid: int) -> bool:
    """Whether a process has ended that is not our child: nobody may have asked for its status."""
    try:
        if not hasattr(os, "pidfd_open"):
            os.kill(pid, 0)
            return False
        number = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([number], [], [], 0)[0])
    finally:
        os.close(number)
