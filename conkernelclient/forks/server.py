"""
Who forks, and tells how each fork ended?

A process that has loaded what kernels need, and has one thread and no sockets but those to the
program that started it. It ends with that program, and its kernels see their parent go.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from typing import Final

from . import child

__all__ = ["BOUND", "INDEPENDENT", "Server", "main"]

BOUND: Final = b"b"  # a fork whose process group is killed when it has ended
INDEPENDENT: Final = b"i"
FILES: Final = 4  # that come with each: the link, standard input, output and error
IDLE: Final = 600.0  # seconds without a kernel, until it ends


class Server:
    """
    The server.

    Args:
        control: Brings for each fork one byte, and its files.
        failures: What could not be loaded, and why, by the module's name.
    """

    def __init__(self, control: socket.socket, failures: dict[str, str]) -> None:
        self._control = control
        self._failures = failures
        self._kernels: dict[int, tuple[socket.socket, bool]] = {}
        self._woken, self._wakes = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._wakes, False)

    def serve(self) -> tuple[socket.socket, list[int]] | None:
        """
        Fork, as often as it is asked for.

        Returns:
            In a fork: the link to who asked for it, and its standard files. Else None, when the
            program that asks is gone, or has nothing to ask for.
        """
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # meant for others of the terminal
        signal.signal(signal.SIGCHLD, _wake)
        signal.set_wakeup_fd(self._wakes, warn_on_full_buffer=False)
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(self._woken, select.POLLIN)
        until = time.monotonic() + IDLE
        while self._kernels or time.monotonic() < until:
            ready = [number for number, _event in poll.poll(None if self._kernels else IDLE * 1000)]
            if self._woken in ready:
                with suppress(BlockingIOError):
                    os.read(self._woken, 4096)
            self._reap()
            if self._control.fileno() in ready:
                kind, files, *_rest = socket.recv_fds(self._control, 1, FILES)
                if not kind:
                    return None
                forked = self._fork(files, is_bound=kind == BOUND)
                if forked is not None:
                    return forked
                until = time.monotonic() + IDLE
        return None

    def _fork(self, files: list[int], *, is_bound: bool) -> tuple[socket.socket, list[int]] | None:
        link = socket.socket(fileno=files[0])
        if self._failures:
            child.send(link, {"failures": self._failures})
        if threading.active_count() > 1:
            names = ", ".join(it.name for it in threading.enumerate()[1:])
            child.send(link, {"refused": f"what is loaded has started threads ({names})"})
            link.close()
        elif pid := os.fork():
            self._kernels[pid] = link, is_bound
        else:
            self._close()
            return link, files[1:]
        for file in files[1:]:
            os.close(file)
        return None

    def _close(self) -> None:
        """Let a fork have nothing of the server's."""
        signal.set_wakeup_fd(-1)
        os.close(self._woken)
        os.close(self._wakes)
        self._control.close()
        for link, _is_bound in self._kernels.values():
            link.close()
        self._kernels.clear()

    def _reap(self) -> None:
        for pid, (link, is_bound) in list(self._kernels.items()):
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                continue
            if is_bound:  # its number is still taken, so this is nobody else's group
                with suppress(OSError):
                    os.killpg(pid, signal.SIGKILL)
            _pid, status = os.waitpid(pid, 0)
            child.send(link, {"returncode": os.waitstatus_to_exitcode(status)})
            link.close()
            del self._kernels[pid]


def _wake(*_signal: object) -> None:
    """Handle a signal, so that Python writes it to the pipe that wakes the server."""


def main() -> None:
    """Be a server, whose arguments are one of JSON; and each kernel that is forked off."""
    told = json.loads(sys.argv[1])
    for name in told["parts"]:
        importlib.import_module(name)
    for name in told["late"]:
        with suppress(ImportError):
            importlib.import_module(name)
    failures: dict[str, str] = {}
    for name in told["preload"]:
        try:
            importlib.import_module(name)
        except Exception as error:  # a fresh kernel would start as well
            failures[name] = f"{type(error).__name__}: {error}"
    gc.collect()
    gc.freeze()  # what is there is shared, as long as nobody writes to it
    forked = Server(socket.socket(fileno=told["control"]), failures).serve()
    if forked is None:
        os._exit(0)
    request = child.become(*forked)
    if request is None:
        os._exit(1)
    child.run(request)
