"""
Which servers does this program have, and how is one asked for a fork?

One for all kernels that have the same interpreter, preloads and what else counts at a start. It is
started when it is first asked for, and ends with this program, or when it is not needed.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import socket
import subprocess
import threading
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from .child import CHUNK, GO
from .process import ForkedProcess
from .program import LATE, OF_ONE_KERNEL, Program, Served, served_for
from .server import BOUND, INDEPENDENT
from .stdio import Standard

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["CannotForkError", "end_all", "fork", "pids"]

BOOT: Final = (
    "import sys; sys.path[:] = filter(None, sys.path); "
    "from conkernelclient.forks.server import main; main()"
)
ENDS: Final = 5.0  # seconds for a server to end
LONGEST: Final = 60.0  # seconds from a server's start until it forks
CAN_FORK: Final = hasattr(os, "fork") and hasattr(socket, "send_fds")


class CannotForkError(Exception):
    """Why there is no fork. A fresh process does as well."""


class ServerGoneError(Exception):
    """The server has ended; another one may do."""


class Running:
    """
    A server that was started, as this program has it.

    Attributes:
        pid: Its process's number.
        has_forked: Whether kernels may depend on it.
    """

    def __init__(self, served: Served, environment: Mapping[str, str]) -> None:
        self._control, theirs = socket.socketpair()
        told = {"parts": served.parts, "late": LATE, "preload": served.preload}
        of_all = {name for name in environment if not name.startswith(OF_ONE_KERNEL)}
        try:
            self._process = subprocess.Popen(
                [*served.interpreter, "-c", BOOT, json.dumps(told | {"control": theirs.fileno()})],
                stdin=subprocess.DEVNULL,
                env={name: environment[name] for name in of_all} | dict(served.environment),
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                cwd="/",
            )
        except BaseException:
            self._control.close()
            raise
        finally:
            theirs.close()
        self.pid: int = self._process.pid
        self.has_forked: bool = False

    def ask(self, kind: bytes, files: Sequence[int]) -> None:
        """Ask for a fork with these files."""
        try:
            socket.send_fds(self._control, [kind], files)
        except ConnectionError as error:
            raise ServerGoneError from error

    def end(self) -> None:
        """Let it end; the kernels that are bound to it follow."""
        self._control.close()
        try:
            self._process.wait(ENDS)
        except subprocess.TimeoutExpired:  # amid its imports it sees nothing
            self._process.kill()
            self._process.wait()

    def forget(self) -> None:
        """In a child of this program, whose server it is not."""
        self._control.close()
        self._process.returncode = 0


class Replies:
    """What comes over one fork's link, from the server and the fork."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self.rest: bytes = b""

    async def next(self) -> dict[str, Any]:
        """
        Give the next message.

        Raises:
            ServerGoneError: There will be none.
        """
        loop = asyncio.get_running_loop()
        while b"\n" not in self.rest:
            try:
                data = await loop.sock_recv(self._link, CHUNK)
            except ConnectionError:
                data = b""
            if not data:
                raise ServerGoneError
            self.rest += data
        line, _newline, self.rest = self.rest.partition(b"\n")
        return json.loads(line)


_lock = threading.Lock()
_running: Final[dict[Served, Running]] = {}


async def fork(
    command: Sequence[str],
    *,
    preload: Sequence[str] = (),
    independent: bool = False,
    cwd: str | None = None,
    env: Mapping[str, str] | None = None,
    stdin: Any = subprocess.DEVNULL,
    stdout: Any = None,
    stderr: Any = None,
) -> tuple[ForkedProcess, dict[str, str]]:
    """
    Fork a kernel off. Cancelled, there is no process.

    Args:
        command: What would start it freshly.
        preload: Names of modules that its cells will import.
        independent: Whether it outlives this program.
        cwd: Its directory; None: this program's.
        env: Its environment; None: this program's.
        stdin: As `subprocess.Popen` takes it.
        stdout: As `subprocess.Popen` takes it.
        stderr: As `subprocess.Popen` takes it.

    Returns:
        The process, and why preloads failed, by their names.

    Raises:
        CannotForkError: There is no fork; a fresh process may do.
        OSError: There is no such interpreter, or no such directory.
    """
    program = Program.of(command)
    if not CAN_FORK:
        raise CannotForkError("this system has no fork")
    if program is None:
        raise CannotForkError(f"{' '.join(command)!r} is no kernel of Python's that can be forked")
    directory = os.path.join(os.getcwd(), cwd or "")
    environment = dict(os.environ if env is None else env)
    request = asdict(program) | {
        "environment": environment,
        "directory": directory,
        "independent": independent,
    }
    served = served_for(program, preload, environment, directory)
    with Standard(stdin, stdout, stderr) as files:
        for _attempt in range(2):  # a server that is not needed ends, maybe just now
            server = _server(served, environment)
            try:
                async with asyncio.timeout(LONGEST):
                    return await _forked(server, request, command, files)
            except ServerGoneError:
                await asyncio.to_thread(_drop, server)
            except TimeoutError as error:
                if not server.has_forked:  # else it is slow, and kernels would end with it
                    await asyncio.to_thread(_drop, server)
                raise CannotForkError(f"no fork came within {LONGEST:g} s") from error
    raise CannotForkError("the server that is to fork ends as it starts; its stderr says why")


def pids() -> list[int]:
    """Give the numbers of the servers' processes."""
    with _lock:
        return [server.pid for server in _running.values()]


@atexit.register
def end_all() -> None:
    """End all servers; the kernels that are bound to this program follow."""
    with _lock:
        ended = list(_running.values())
        _running.clear()
    for server in ended:
        server.end()


def _server(served: Served, environment: Mapping[str, str]) -> Running:
    with _lock:
        found = _running.get(served)
        if found is None:
            found = _running[served] = Running(served, environment)
        return found


def _drop(server: Running) -> None:
    with _lock:
        for served in [it for it, other in _running.items() if other is server]:
            del _running[served]
    server.end()


async def _forked(
    server: Running, request: Mapping[str, Any], command: Sequence[str], files: Standard
) -> tuple[ForkedProcess, dict[str, str]]:
    link, theirs = socket.socketpair()
    try:
        with theirs:
            kind = INDEPENDENT if request["independent"] else BOUND
            server.ask(kind, [theirs.fileno(), *files.theirs])
        link.setblocking(False)
        loop, replies = asyncio.get_running_loop(), Replies(link)
        with suppress(ConnectionError):  # whose reason is told
            await loop.sock_sendall(link, json.dumps(request).encode() + b"\n")
        reply = await replies.next()
        failures: dict[str, str] = reply.get("failures", {})
        if failures:
            reply = await replies.next()
        server.has_forked = True
        process = ForkedProcess(command, _pid_in(reply), link, files.ours, replies.rest)
        with suppress(ConnectionError):  # it has ended, which is told
            link.send(GO)
    except BaseException:
        link.close()
        raise
    return process, failures


def _pid_in(reply: Mapping[str, Any]) -> int:
    if "errno" in reply:
        raise OSError(reply["errno"], os.strerror(reply["errno"]), reply["of"])
    if "pid" not in reply:
        raise CannotForkError(reply.get("refused", "the fork ended before it was a kernel"))
    return reply["pid"]


def _forget() -> None:
    global _lock
    _lock = threading.Lock()
    for server in _running.values():
        server.forget()
    _running.clear()


if CAN_FORK:
    os.register_at_fork(after_in_child=_forget)
