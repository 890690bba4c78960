"""
What ends the kernels of a driver that was killed?

A small process of its own. It holds the reading end of a pipe and a list of process groups: when
the pipe ends although the driver did not take the groups from the list, the driver is dead: it
kills them, and removes the files and directories that were made for them.

It starts with the first kernel and ends with the last one.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["guard", "pid", "unguard"]

# Reads "+1234" and "-1234", a line each: take the process group 1234 in; let it go. Behind the
# first stand, with a NUL before each, the files and directories that are to go with it.
PROGRAM: Final = """
import os, signal, sys
for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"):
    signal.signal(getattr(signal, name), signal.SIG_IGN)
groups = {}
for line in sys.stdin.buffer:
    group, *paths = line[1:-1].split(b"\\0")
    if line[:1] == b"+":
        groups[int(group)] = paths
    else:
        groups.pop(int(group), None)
for group, paths in groups.items():
    try:
        os.killpg(group, signal.SIGKILL)
    except OSError:
        pass
    for path in paths:
        try:
            os.unlink(path)
        except OSError:
            import shutil
            shutil.rmtree(path, ignore_errors=True)
os._exit(0)
"""

_lock = threading.Lock()
_guarded: Final[set[int]] = set()
_process: subprocess.Popen[bytes] | None = None


def guard(group: int, paths: Iterable[str] = ()) -> None:
    """
    Let the process group be killed when this process ends; where there are such groups.

    Args:
        group: Its number.
        paths: Files and directories that are removed with it.
    """
    global _process
    if os.name != "posix":
        return
    with _lock:
        if _process is None:
            _process = _started()
        _guarded.add(group)
        _tell(_process, "\0".join((f"+{group}", *paths)) + "\n")


def _started() -> subprocess.Popen[bytes]:
    """
    Start a guardian.

    A Ctrl-C may end the first before it has a session of its own, as it is for the whole session.
    """
    while True:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )
        with contextlib.suppress(ProcessLookupError):
            if os.getpgid(process.pid) == process.pid:
                return process
        _close(process)
        process.wait()


def unguard(group: int) -> None:
    """Leave the process group alone from now on: it has ended."""
    global _process
    with _lock:
        if group not in _guarded or _process is None:
            return
        _guarded.discard(group)
        _tell(_process, f"-{group}\n")
        if not _guarded:
            process, _process = _process, None
            _close(process)
            threading.Thread(target=process.wait, name="conkernel-guardian", daemon=True).start()


def pid() -> int | None:
    """Give the guardian's process id; None while there is no kernel to guard."""
    process = _process
    return None if process is None else process.pid


def _tell(process: subprocess.Popen[bytes], line: str) -> None:
    assert process.stdin is not None
    with contextlib.suppress(OSError):  # another process killed it
        os.write(process.stdin.fileno(), os.fsencode(line))


def _close(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    with contextlib.suppress(OSError):
        process.stdin.close()


def _forget() -> None:
    """In a child that was forked off: the kernels are its parent's, and so is the guardian."""
    global _lock, _process
    _lock = threading.Lock()
    _guarded.clear()
    process, _process = _process, None
    if process is not None:
        process.returncode = 0  # not ours to wait for
        _close(process)


@atexit.register
def _at_exit() -> None:
    """Let the guardian end what this process has left behind, now that it ends."""
    global _process
    process, _process = _process, None
    if process is not None:
        _close(process)
        process.returncode = 0  # it ends after us


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
