"""async-kernel's client: the reply that it awaits, and its iopub queue given out by request."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

from async_kernel.messaging.zmq import ZMQClient


class Client:
    def __init__(self, info: dict[str, Any]) -> None:
        self.info = info
        self.stack = AsyncExitStack()
        self.pending: dict[str, list[Any]] = {}

    async def open(self) -> None:
        self.kc = ZMQClient()
        self.kc.load_connection_info(self.info)
        await self.stack.enter_async_context(self.kc.start())
        self.queue = await self.stack.enter_async_context(self.kc.iopub_subscribe())
        self.task = asyncio.create_task(self.give_out())

    async def give_out(self) -> None:
        async for message in self.queue:
            entry = self.pending.get(message["parent_header"].get("msg_id"))
            if entry is None:
                continue
            kind = message["header"]["msg_type"]
            entry[1] += kind == "stream"
            if kind == "status" and message["content"]["execution_state"] == "idle":
                entry[0].set()

    async def request(self, code: str) -> int:
        pending = self.kc.execute(code)
        msg_id = pending.msg_id
        entry = self.pending[msg_id] = [asyncio.Event(), 0]
        reply = await pending
        assert reply["content"]["status"] == "ok"
        await entry[0].wait()
        del self.pending[msg_id]
        return entry[1]

    async def close(self) -> None:
        self.task.cancel()
        await self.stack.aclose()
