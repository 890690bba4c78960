"""This library's sidecar: an action with two handlers, which are given dicts."""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Mapping
from typing import Any

from conkernelclient import ConKernelClient
from conkernelclient.sidecar import Handler, Sidecar


class Counter(Handler):
    takes = "dicts"

    def __init__(self) -> None:
        self.outputs = 0

    def handle_stream(self, message: Mapping[str, Any]) -> None:
        self.outputs += message["content"]["text"].endswith("\n")


class Debug(Handler):
    takes = "dicts"

    def __init__(self) -> None:
        self.counts: Counts[str] = Counts()
        self.last: dict[str, Mapping[str, Any]] = {}

    def unhandled_message(self, message: Mapping[str, Any]) -> None:
        msg_type = message["msg_type"]
        self.counts[msg_type] += 1
        self.last[msg_type] = message


class Client:
    def __init__(self, info: dict[str, Any]) -> None:
        kc = ConKernelClient()
        kc.load_connection_info(info)
        self.sidecar = Sidecar(kc)

    async def open(self) -> None:
        await self.sidecar.__aenter__()

    async def request(self, code: str) -> int:
        counter, debug = Counter(), Debug()
        await self.sidecar.execute_request(code, handlers=[counter, debug])
        assert debug.counts["execute_reply"] == 1, "its action was done without a reply"
        return counter.outputs

    async def close(self) -> None:
        await self.sidecar.__aexit__(None, None, None)
