"""
The least that a request can cost with pyzmq: no classes, no messages as dicts, no protocol states.

Each frame is verified and parsed, and a future gets the reply and the contents of the outputs when
reply and idle are in.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
from datetime import UTC, datetime
from typing import Any

import orjson
import zmq

DELIMITER = b"<IDS|MSG>"


class Client:
    def __init__(self, info: dict[str, Any]) -> None:
        self.loop = asyncio.get_running_loop()
        self.context = zmq.Context.instance()
        self.auth = hmac.new(info["key"].encode(), digestmod=hashlib.sha256)
        self.pending: dict[str, list[Any]] = {}
        self.numbers = itertools.count()
        self.welcomed = self.loop.create_future()
        self.shell = self.connect(info, "shell", zmq.DEALER)
        self.iopub = self.connect(info, "iopub", zmq.SUB)
        self.is_scheduled = False

    async def open(self) -> None:
        self.look()
        await self.welcomed

    def connect(self, info: dict[str, Any], name: str, kind: int) -> Any:
        socket = self.context.socket(kind)
        socket.linger = 0
        socket.rcvhwm = socket.sndhwm = 0
        socket.reconnect_ivl = 10  # milliseconds, for a kernel that is still starting
        if "curve_publickey" in info:
            socket.curve_secretkey = info["curve_secretkey"].encode()
            socket.curve_publickey = socket.curve_serverkey = info["curve_publickey"].encode()
        socket.connect(f"tcp://{info['ip']}:{info[name + '_port']}")
        self.loop.add_reader(socket.FD, self.drain)
        if kind == zmq.SUB:
            socket.subscribe(b"")
        return socket

    async def request(self, code: str) -> int:
        msg_id = f"floor_{next(self.numbers)}"
        parts = [
            orjson.dumps(
                {
                    "msg_id": msg_id,
                    "msg_type": "execute_request",
                    "username": "username",
                    "session": "floor",
                    "date": datetime.now(UTC).isoformat(),
                    "version": "5.4",
                }
            ),
            b"{}",
            b"{}",
            orjson.dumps(
                {
                    "code": code,
                    "silent": False,
                    "store_history": True,
                    "user_expressions": {},
                    "allow_stdin": False,
                    "stop_on_error": False,
                }
            ),
        ]
        entry = self.pending[msg_id] = [self.loop.create_future(), None, False, []]
        self.shell.send_multipart([DELIMITER, self.sign(parts), *parts])
        self.look()
        await entry[0]
        return len(entry[3])

    def sign(self, parts: list[bytes]) -> bytes:
        auth = self.auth.copy()
        for part in parts:
            auth.update(part)
        return auth.hexdigest().encode()

    def look(self) -> None:
        """Whoever used a socket may have taken the signal of its descriptor."""
        if self.is_scheduled:
            return
        if (self.shell.getsockopt(zmq.EVENTS) | self.iopub.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
            self.is_scheduled = True
            self.loop.call_soon(self.drain)

    def drain(self) -> None:
        self.is_scheduled = False
        for socket in (self.iopub, self.shell):
            while True:
                try:
                    frames = socket.recv_multipart(zmq.NOBLOCK)
                except zmq.Again:
                    break
                self.take(socket, frames)
        self.look()

    def take(self, socket: Any, frames: list[bytes]) -> None:
        start = frames.index(DELIMITER)
        parts = frames[start + 2 : start + 6]
        if not hmac.compare_digest(self.sign(parts), frames[start + 1]):
            return
        header, parent, _, content = map(orjson.loads, parts)
        kind = header["msg_type"]
        if kind == "iopub_welcome":
            self.welcomed.set_result(None)
        entry = self.pending.get(parent.get("msg_id"))
        if entry is None:
            return
        if socket is self.shell:
            entry[1] = content
        elif kind == "status":
            entry[2] = content["execution_state"] == "idle"
        elif kind != "execute_input":
            entry[3].append(content)
        if entry[2] and entry[1] is not None:
            del self.pending[parent["msg_id"]]
            entry[0].set_result(None)

    async def close(self) -> None:
        for socket in (self.shell, self.iopub):
            self.loop.remove_reader(socket.FD)
            socket.close()
