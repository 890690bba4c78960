"""What drives a kernel at the least cost, so that the kernel is what is measured?"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import os
import secrets
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import orjson
import zmq

from .processes import ROOT, CannotError, compiling

__all__ = ["FrontEnd", "Message", "running"]

DELIMITER: Final = b"<IDS|MSG>"
CHANNELS: Final = ("shell", "iopub", "stdin", "control", "hb")
READY_WITHIN: Final = 30.0  # seconds
ENDS_WITHIN: Final = 5.0  # seconds


class Message:
    """A message of the kernel; its content is read when it is asked for."""

    __slots__ = ("arrived", "channel", "frames", "msg_type", "parent")

    def __init__(self, channel: str, frames: Sequence[bytes]) -> None:
        at = frames.index(DELIMITER)
        self.frames = frames[at + 2 : at + 6]
        self.channel = channel
        self.msg_type: str = orjson.loads(self.frames[0])["msg_type"]
        self.parent: str = orjson.loads(self.frames[1]).get("msg_id", "")
        self.arrived = time.perf_counter()

    @property
    def content(self) -> dict[str, Any]:
        """The content."""
        return orjson.loads(self.frames[3])

    @property
    def is_idle(self) -> bool:
        """Whether it says that its request is done with."""
        return self.msg_type == "status" and b'idle"' in self.frames[3]


class FrontEnd:
    """A DEALER for shell, one for control, a SUB for iopub; no threads, no loop."""

    def __init__(self, info: Mapping[str, Any], process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._auth = hmac.new(info["key"].encode(), digestmod=hashlib.sha256)
        self._context = zmq.Context.instance()
        self._numbers = itertools.count()
        self._session = secrets.token_hex(8)
        self._poller = zmq.Poller()
        self._sockets: dict[str, zmq.Socket[bytes]] = {}
        for name, kind in (("iopub", zmq.SUB), ("shell", zmq.DEALER), ("control", zmq.DEALER)):
            socket = self._context.socket(kind)
            socket.linger = 0
            socket.rcvhwm = socket.sndhwm = 0
            socket.reconnect_ivl = 5  # milliseconds, for a kernel that is still starting
            if kind == zmq.SUB:
                socket.subscribe(b"")
            socket.connect(f"tcp://{info['ip']}:{info[name + '_port']}")
            self._poller.register(socket, zmq.POLLIN)
            self._sockets[name] = socket

    def send(
        self,
        msg_type: str,
        content: Mapping[str, Any],
        *,
        channel: str = "shell",
        metadata: Mapping[str, Any] | None = None,
        subshell: str | None = None,
    ) -> str:
        """Send a request, and give its msg_id."""
        msg_id = f"{self._session}_{next(self._numbers)}"
        header: dict[str, Any] = {
            "msg_id": msg_id,
            "msg_type": msg_type,
            "username": "",
            "session": self._session,
            "date": "2026-01-01T00:00:00.000000Z",
            "version": "5.4",
        }
        if subshell is not None:
            header["subshell_id"] = subshell
        parts = [orjson.dumps(it) for it in (header, {}, metadata or {}, content)]
        auth = self._auth.copy()
        for part in parts:
            auth.update(part)
        frames = [DELIMITER, auth.hexdigest().encode(), *parts]
        self._sockets[channel].send_multipart(frames)
        return msg_id

    def execute(self, code: str, **options: Any) -> str:
        """Send an execute request, and give its msg_id."""
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": False,
        }
        return self.send("execute_request", content, **options)

    def messages(self, within: float) -> Iterator[Message]:
        """Give what comes, for as long as it is asked; it ends when nothing came in `within`."""
        while True:
            ready = dict(self._poller.poll(round(within * 1000)))
            if not ready:
                return
            for name, socket in self._sockets.items():
                if socket not in ready:
                    continue
                with suppress(zmq.Again):
                    while True:
                        yield Message(name, socket.recv_multipart(zmq.NOBLOCK))

    def until(
        self,
        is_enough: Callable[[Message], object],
        within: float = READY_WITHIN,
        see: Callable[[Message], object] = lambda _: None,
    ) -> Message:
        """
        Give the first message that is enough; `see` is shown all until then.

        Raises CannotError if none comes within so many seconds.
        """
        deadline = time.perf_counter() + within
        for message in self.messages(within):
            see(message)
            if is_enough(message):
                return message
            if time.perf_counter() > deadline:
                break
        raise CannotError(f"no answer within {within:g} s")

    def finished(self, msg_ids: Sequence[str], within: float = 60) -> dict[str, Message]:
        """Wait until all are answered and idle; gives the replies."""
        replies: dict[str, Message] = {}
        idle: set[str] = set()

        def is_enough(message: Message) -> bool:
            if message.channel != "iopub":
                replies[message.parent] = message
            elif message.is_idle:
                idle.add(message.parent)
            else:
                return False
            return message.parent in open_ids and not (open_ids - (replies.keys() & idle))

        open_ids = set(msg_ids)
        self.until(is_enough, within)
        return {msg_id: replies[msg_id] for msg_id in msg_ids}

    def run(self, code: str, within: float = 60, **options: Any) -> Message:
        """Run a cell; gives its reply when it is idle as well."""
        msg_id = self.execute(code, **options)
        return self.finished([msg_id], within)[msg_id]

    def first_reply(self) -> None:
        """Wait for the reply to a first request."""
        sent = self.send("kernel_info_request", {})
        self.until(lambda m: m.parent == sent and m.channel == "shell")

    def wait_until_ready(self) -> None:
        """Wait for a reply on shell, and for a message on iopub."""
        self.first_reply()
        deadline = time.perf_counter() + READY_WITHIN
        while time.perf_counter() < deadline:
            with suppress(CannotError):
                sent = self.send("kernel_info_request", {})
                self.until(lambda m, sent=sent: m.parent == sent and m.is_idle, 0.2)
                self.run("None")
                return
        raise CannotError(f"the kernel was not ready within {READY_WITHIN:g} s")

    def interrupt(self, how: str) -> None:
        """Interrupt the kernel, by "signal" or by "message"."""
        if how == "signal":
            os.kill(self.process.pid, signal.SIGINT)
        else:
            self.send("interrupt_request", {}, channel="control")

    def cpu(self) -> float:
        """Give the CPU time that the kernel has used, in seconds."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> int:
        """Give the resident memory of the kernel, in bytes."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def close(self) -> None:
        """Close the sockets."""
        for socket in self._sockets.values():
            socket.close()


@contextmanager
def running(argv: Sequence[str], *, is_ours: bool) -> Iterator[FrontEnd]:
    """Run a kernel, with no cells' history of earlier ones, and a front end of it."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        info: dict[str, Any] = {
            "ip": "127.0.0.1",
            "transport": "tcp",
            "key": secrets.token_hex(),
            "signature_scheme": "hmac-sha256",
            "kernel_name": "",
            **{f"{name}_port": port for name, port in zip(CHANNELS, _ports(), strict=True)},
        }
        file = Path(folder, "kernel.json")
        file.write_text(json.dumps(info))
        environment = {**compiling(), "IPYTHONDIR": folder, "JPY_PARENT_PID": str(os.getpid())}
        environment.pop("PYTHONPATH", None)
        if is_ours:
            environment["PYTHONPATH"] = str(ROOT)
        process = subprocess.Popen(
            [part.replace("{connection_file}", str(file)) for part in argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env=environment,
        )
        front_end = FrontEnd(info, process)
        try:
            yield front_end
        finally:
            front_end.close()
            process.kill()
            process.wait(ENDS_WITHIN)


def _ports() -> list[int]:
    context = zmq.Context.instance()
    sockets = [context.socket(zmq.ROUTER) for _ in CHANNELS]
    try:
        return [socket.bind_to_random_port("tcp://127.0.0.1") for socket in sockets]
    finally:
        for socket in sockets:
            socket.close(0)
