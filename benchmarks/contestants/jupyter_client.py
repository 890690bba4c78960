"""
jupyter_client: `execute`, then its reply and what is published until idle.

Its channels hand out the next message, whosever it is: one request at a time.
"""

from __future__ import annotations

from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient


class Client:
    def __init__(self, info: dict[str, Any]) -> None:
        self.kc = AsyncKernelClient()
        self.kc.load_connection_info(info)

    async def open(self) -> None:
        self.kc.start_channels()
        await self.kc.wait_for_ready(timeout=60)

    async def request(self, code: str) -> int:
        msg_id = self.kc.execute(code)
        outputs = 0
        while (await self.kc.get_shell_msg())["parent_header"].get("msg_id") != msg_id:
            pass
        while True:
            message = await self.kc.get_iopub_msg()
            if message["parent_header"].get("msg_id") != msg_id:
                continue
            outputs += message["msg_type"] == "stream"
            if message["content"].get("execution_state") == "idle":
                return outputs

    async def close(self) -> None:
        self.kc.stop_channels()
