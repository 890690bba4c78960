"""A round trip of constant frames on a DEALER: nothing is made, signed, verified or parsed."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import zmq

HEADER = b'{"msg_id": "raw", "msg_type": "execute_request", "session": "raw", "username": ""}'
FRAMES = [b"<IDS|MSG>", b"", HEADER, b"{}", b"{}", b'{"code": "0"}']


class Client:
    def __init__(self, info: dict[str, Any]) -> None:
        self.waiting: deque[asyncio.Future[None]] = deque()
        self.loop = asyncio.get_running_loop()
        self.socket = socket = zmq.Context.instance().socket(zmq.DEALER)
        socket.linger = socket.rcvhwm = socket.sndhwm = 0
        if "curve_publickey" in info:
            socket.curve_secretkey = info["curve_secretkey"].encode()
            socket.curve_publickey = socket.curve_serverkey = info["curve_publickey"].encode()
        socket.connect(f"tcp://{info['ip']}:{info['shell_port']}")
        self.loop.add_reader(socket.FD, self.drain)
        self.is_scheduled = False

    async def open(self) -> None:
        await self.request("")

    async def request(self, _: str) -> int:
        future = self.loop.create_future()
        self.waiting.append(future)
        self.socket.send_multipart(FRAMES)
        self.look()
        await future
        return 0

    def look(self) -> None:
        if not self.is_scheduled and self.socket.getsockopt(zmq.EVENTS) & zmq.POLLIN:
            self.is_scheduled = True
            self.loop.call_soon(self.drain)

    def drain(self) -> None:
        self.is_scheduled = False
        while True:
            try:
                self.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            self.waiting.popleft().set_result(None)

    async def close(self) -> None:
        self.loop.remove_reader(self.socket.FD)
        self.socket.close()
