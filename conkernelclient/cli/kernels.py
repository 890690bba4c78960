"""
Which kernels run on this machine, and which process is each?

A kernel is known by its connection file in Jupyter's runtime directory. It is alive if its
heartbeat answers. Its process is the one that listens at all of its ports: no other can be taken
for it, whatever has come to an old port or process id since.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, cast

import zmq
import zmq.asyncio
from jupyter_core.paths import jupyter_runtime_dir

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "Kernel",
    "NotAConnectionError",
    "State",
    "connection_files",
    "look_at",
    "read_connection",
    "runtime_directory",
    "seen",
]

# "alive": it answers. "silent": its process is there and does not answer, as one that is stopped.
# "stale": there is neither; its file was left over.
State: TypeAlias = Literal["alive", "silent", "stale"]
PORTS: Final = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")
LARGEST: Final = 65_536  # bytes of a connection file: another file is not read
BEAT: Final = 1.0  # seconds for a heartbeat
ALL_BEATS: Final = 1.5  # seconds for all of them
AT_ONCE: Final = 100  # heartbeats under way, of a few descriptors each


class NotAConnectionError(ValueError):
    """A file is no connection file; its text says why."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """
    A kernel, as it was when it was looked at.

    Attributes:
        path: Its connection file.
        info: What that says.
        state: See `State`.
        pid: Its process; None if that cannot be known, as for one of another user or machine.
        began: When its process began, or else when its file was written; seconds since 1970.
    """

    path: Path
    info: Mapping[str, Any]
    state: State
    pid: int | None
    began: float

    @property
    def name(self) -> str:
        """What it is called in a shell: its file's name, without what all have."""
        return self.path.stem.removeprefix("kernel-")

    @property
    def spec(self) -> str | None:
        """Its kernelspec; None if the file does not say it."""
        named: object = self.info.get("kernel_name")
        return named if isinstance(named, str) and named else None

    @property
    def age(self) -> float:
        """Seconds since it began."""
        return max(0.0, time.time() - self.began)

    @property
    def encryption(self) -> str | None:
        """How what passes is encrypted: "CURVE", or None."""
        return "CURVE" if self.info.get("curve_publickey") else None


def runtime_directory() -> Path:
    """Where Jupyter's programs put connection files."""
    return Path(jupyter_runtime_dir())


def connection_files() -> list[Path]:
    """Give the connection files of the runtime directory; other files there are left out."""
    try:
        paths = sorted(runtime_directory().glob("*.json"))
    except OSError:
        return []
    return [path for path in paths if _is_connection(path)]


def _is_connection(path: Path) -> bool:
    try:
        read_connection(path)
    except (OSError, NotAConnectionError):
        return False
    return True


def read_connection(path: Path) -> dict[str, Any]:
    """
    Read a connection file.

    Raises:
        OSError: It cannot be read.
        NotAConnectionError: It is none.
    """
    if not path.is_file():
        raise NotAConnectionError("it is no file" if path.exists() else "there is none")
    if path.stat().st_size > LARGEST:
        raise NotAConnectionError(f"it has more than {LARGEST} bytes")
    try:
        loaded: object = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise NotAConnectionError("it is not JSON") from error
    if not isinstance(loaded, dict):
        raise NotAConnectionError("it holds no JSON object")
    info = cast("dict[str, Any]", loaded)
    lacking = [name for name in PORTS if type(info.get(name)) is not int]
    if not isinstance(info.get("ip"), str):
        lacking.append("ip")
    if lacking:
        raise NotAConnectionError(f"it lacks {', '.join(lacking)}")
    return info


async def seen() -> list[Kernel]:
    """Look at all kernels of the runtime directory, the newest first."""
    kernels = await look_at(connection_files())
    return sorted(kernels, key=lambda kernel: kernel.began, reverse=True)


async def look_at(paths: Iterable[Path]) -> list[Kernel]:
    """
    Look at the kernels of these connection files, at all of them at once.

    That takes less than two seconds, whatever hangs. A file that goes meanwhile is left out.
    """
    found: list[tuple[Path, dict[str, Any], float]] = []
    for path in paths:
        try:
            found.append((path, read_connection(path), path.stat().st_mtime))
        except (OSError, NotAConnectionError):
            continue
    infos = [info for _path, info, _written in found]
    beats, listeners = await asyncio.gather(_beats(infos), asyncio.to_thread(_listeners))
    kernels: list[Kernel] = []
    for (path, info, written), is_alive in zip(found, beats, strict=True):
        pid = _process_of(info, listeners)
        state: State = "alive" if is_alive else "stale" if pid is None else "silent"
        kernels.append(Kernel(path, info, state, pid, _began(pid) or written))
    return kernels


# Heartbeats


async def _beats(infos: list[dict[str, Any]]) -> list[bool]:
    """Tell of each whether its heartbeat answers."""
    context = zmq.asyncio.Context()
    turns = asyncio.Semaphore(AT_ONCE)
    tasks = [asyncio.create_task(_beat(context, info, turns)) for info in infos]
    try:
        if tasks:
            await asyncio.wait(tasks, timeout=ALL_BEATS)
        return [task.done() and task.exception() is None and task.result() for task in tasks]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        context.destroy(linger=0)


async def _beat(
    context: zmq.asyncio.Context, info: Mapping[str, Any], turns: asyncio.Semaphore
) -> bool:
    try:
        async with turns, asyncio.timeout(BEAT):
            return await _is_listening(info) and await _answers(context, info)
    except (OSError, ValueError, OverflowError, zmq.ZMQError):  # TimeoutError is an OSError
        return False


async def _is_listening(info: Mapping[str, Any]) -> bool:
    """Tell whether anybody does where its heartbeat was: ZMQ would try on and on."""
    if info.get("transport") == "ipc":
        _reader, writer = await asyncio.open_unix_connection(_socket_path(info, "hb_port"))
    else:
        _reader, writer = await asyncio.open_connection(info["ip"], info["hb_port"])
    writer.close()
    return True


async def _answers(context: zmq.asyncio.Context, info: Mapping[str, Any]) -> bool:
    with context.socket(zmq.REQ) as socket:
        socket.linger = 0
        if public := info.get("curve_publickey"):
            socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()
            socket.curve_serverkey = str(public).encode("ascii")
        if info.get("transport") == "ipc":
            socket.connect(f"ipc://{_socket_path(info, 'hb_port')}")
        else:
            socket.connect(f"tcp://{info['ip']}:{info['hb_port']}")
        await socket.send(b"ping")
        return await socket.recv() == b"ping"


def _socket_path(info: Mapping[str, Any], port: str) -> str:
    return f"{info['ip']}-{info[port]}"


# Processes


def _listeners() -> dict[int | str, int]:
    """Give a process that listens at each port, and at each socket's path."""
    try:
        import psutil  # it comes with ipykernel
    except ImportError:
        return {}
    listeners: dict[int | str, int] = {}
    for kind in ("tcp", "unix"):
        with suppress(psutil.Error, OSError, RuntimeError):  # macOS asks for more rights
            for connection in psutil.net_connections(kind):
                if connection.pid is not None and (place := _place(connection)) is not None:
                    listeners[place] = connection.pid
    return listeners


def _place(connection: Any) -> int | str | None:
    """Give the port, or the path of the socket, at which it waits for others."""
    address: Any = connection.laddr
    if not address:
        return None
    if isinstance(address, str):
        return os.path.abspath(address)
    return address.port if connection.status == "LISTEN" else None


def _process_of(info: Mapping[str, Any], listeners: Mapping[int | str, int]) -> int | None:
    """Give the process that listens at all its ports; None if there is none, or not here."""
    if info.get("transport") == "ipc":
        places: set[int | str] = {os.path.abspath(_socket_path(info, port)) for port in PORTS}
    elif _is_here(info["ip"]):
        places = {info[port] for port in PORTS}
    else:
        return None
    if not places <= listeners.keys():
        return None
    import psutil

    with suppress(psutil.Error):
        process = psutil.Process(listeners[places.pop()])
        if not _listens(process, places):
            return None
        # What a kernel forks off has its sockets as well.
        while (parent := process.parent()) is not None and _listens(parent, places):
            process = parent
        return process.pid
    return None


def _listens(process: Any, places: set[int | str]) -> bool:
    import psutil

    try:
        return places <= {_place(each) for each in process.net_connections("all")}
    except (psutil.Error, OSError, AttributeError):  # before 6.0 it had another name
        return False


def _is_here(ip: str) -> bool:
    from jupyter_client import localinterfaces

    is_known = ip in ("localhost", "0.0.0.0", "*") or ip.startswith("127.")
    return is_known or ip in cast("list[str]", localinterfaces.local_ips())


def _began(pid: int | None) -> float | None:
    if pid is None:
        return None
    import psutil

    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return None
