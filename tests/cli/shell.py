"""The command line as a user has it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time

from tests.clients import LONG

CONKERNEL = [sys.executable, "-c", "from conkernelclient.cli import main; raise SystemExit(main())"]

ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


def conkernel(*args: str, text: str | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CONKERNEL, *args],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **env},
    )


class Screen:
    """
    The command line in a terminal, as a person has it.

    Args:
        args: The command's arguments.
        env: Variables of its environment beside those of this process.
    """

    def __init__(self, *args: str, **env: str) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        environment = {**os.environ, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1", **env}
        self._process = subprocess.Popen(
            [*CONKERNEL, *args],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # so that Ctrl-C reaches it
        )
        os.close(slave)
        self.unread = ""  # since what was last expected, without escape sequences

    def type(self, keys: str) -> None:
        """Type."""
        os.write(self._master, keys.encode())

    def expect(self, *texts: str) -> None:
        """Wait until each of them has come, in this order."""
        deadline = time.monotonic() + LONG
        for text in texts:
            while text not in self.unread:
                assert time.monotonic() < deadline, f"no {text!r} in {self.unread!r}"
                assert self._read(), f"no {text!r} in {self.unread!r}"
            self.unread = self.unread.partition(text)[2]

    def end(self) -> int:
        """Wait for its end; gives its exit status."""
        while self._read():
            pass
        return self._process.wait(LONG)

    def _read(self) -> bool:
        if not select.select([self._master], [], [], LONG)[0]:
            return False
        try:
            part = os.read(self._master, 65536)
        except OSError:  # how Linux tells that the other side is closed
            return False
        self.unread += ESCAPES.sub("", part.decode("utf-8", "replace"))
        return bool(part)

    def close(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait()
        os.close(self._master)
