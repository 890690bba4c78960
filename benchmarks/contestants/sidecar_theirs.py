"""
kernel-sidecar: an action with two handlers.

An action whose reply is not heard ends all the same, 3 s after idle; then the reply was lost.
"""

from __future__ import annotations

import asyncio
from typing import Any

from kernel_sidecar.client import KernelSidecarClient
from kernel_sidecar.handlers.base import Handler
from kernel_sidecar.handlers.debug import DebugHandler


class Counter(Handler):
    def __init__(self) -> None:
        self.outputs = 0

    async def handle_stream(self, msg: Any) -> None:
        self.outputs += msg.content.text.endswith("\n")


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
        counter, debug = Counter(), DebugHandler()
        await self.kc.execute_request(code, handlers=[counter, debug])
        assert debug.counts["execute_reply"] == 1, "its action was done without a reply"
        return counter.outputs

    async def close(self) -> None:
        await self.kc.__aexit__(None, None, None)
