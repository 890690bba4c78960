"""This library's sidecar: an action with two handlers, which are given models."""

from __future__ import annotations

from typing import Any

from conkernelclient import ConKernelClient
from conkernelclient.sidecar import DebugHandler, Handler, Sidecar
from conkernelclient.sidecar.models import Stream


class Counter(Handler):
    def __init__(self) -> None:
        self.outputs = 0

    def handle_stream(self, message: Stream) -> None:
        self.outputs += message.content.text.endswith("\n")


class Client:
    def __init__(self, info: dict[str, Any]) -> None:
        kc = ConKernelClient()
        kc.load_connection_info(info)
        self.sidecar = Sidecar(kc)

    async def open(self) -> None:
        await self.sidecar.__aenter__()

    async def request(self, code: str) -> int:
        counter, debug = Counter(), DebugHandler()
        await self.sidecar.execute_request(code, handlers=[counter, debug])
        assert debug.counts["execute_reply"] == 1, "its action was done without a reply"
        return counter.outputs

    async def close(self) -> None:
        await self.sidecar.__aexit__(None, None, None)
