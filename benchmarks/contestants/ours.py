"""This library: the whole of a `Run`, with its result and the reply as a message dict."""

from __future__ import annotations

from typing import Any

from conkernelclient import ConKernelClient


class Client:
    def __init__(self, info: dict[str, Any], **traits: Any) -> None:
        self.kc = ConKernelClient(window=None, **traits)
        self.kc.load_connection_info(info)

    async def open(self) -> None:
        self.kc.start_channels()
        await self.kc.wait_for_ready(timeout=60)

    async def request(self, code: str) -> int:
        result = await self.kc.run(code)
        assert result.reply is not None
        assert result.reply["content"]["status"] == "ok"
        return sum(output["text"].count("\n") for output in result.outputs)

    async def close(self) -> None:
        self.kc.stop_channels()
