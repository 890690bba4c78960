"""
kernel-sidecar: an action with a handler.

An action whose reply is not heard ends all the same, 3 s after idle; then the reply was lost.
"""

from __future__ import annotations

import asyncio
from typing import Any

from kernel_sidecar.client import KernelSidecarClient
from kernel_sidecar.handlers.base import Handler


class Counter(Handler):
    def __init__(self) -> None:
        self.outputs = 0
        self.has_reply = False

    async def handle_stream(self, _: object) -> None:
        self.outputs += 1

    async def handle_execute_reply(self, _: object) -> None:
        self.has_reply = True


class Client:
    def __init__(self, info: dict[str, Any]) -> None:
        self.kc = KernelSidecarClient(info)

    async def open(self) -> None:
        await self.kc.__aenter__()
        while True:  # it does not wait until it is heard: an action that is done was
            action = self.kc.kernel_info_request()
            try:
                await asyncio.wait_for(action.done.wait(), 1)
            except TimeoutError:
                continue
            return

    async def request(self, code: str) -> int:
        counter = Counter()
        await self.kc.execute_request(code, handlers=[counter])
        assert counter.has_reply, "its action was done without a reply"
        return counter.outputs

    async def close(self) -> None:
        await self.kc.__aexit__(None, None, None)
