"""conkernelclient 0.0.23: `run()`, all messages of it, until reply and idle."""

from __future__ import annotations

from typing import Any

from conkernelclient import ConKernelClient


class Client:
    def __init__(self, info: dict[str, Any]) -> None:
        self.kc = ConKernelClient()
        self.kc.load_connection_info(info)

    async def open(self) -> None:
        await self.kc.start_channels()

    async def request(self, code: str) -> int:
        outputs = 0
        async for message in self.kc.run(code):
            outputs += message["msg_type"] == "stream"
        return outputs

    async def close(self) -> None:
        self.kc.stop_channels()
