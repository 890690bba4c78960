"""
How does jupyter-mcp-server run code for a loop? By its tool `execute_code`, over stdio.

It runs beside a Jupyter server, as its documentation has it. A tool takes its timeout in whole
seconds, 60 at most.
"""

from __future__ import annotations

import base64
import os
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from jupyter_host import JupyterHost
from mcp import Client, StdioServerParameters, stdio_client


class Loop:
    def __init__(self, timeout: float) -> None:
        self.timeout = int(timeout)
        self.host = JupyterHost()

    async def open(self) -> None:
        await self.host.start()
        server = StdioServerParameters(
            command=str(Path(sys.executable).parent / "jupyter-mcp-server"),
            env={
                **os.environ,
                "JUPYTER_URL": self.host.url,
                "JUPYTER_TOKEN": self.host.token,
                "ALLOW_IMG_OUTPUT": "true",
            },
        )
        self.client = Client(stdio_client(server))
        await self.client.__aenter__()
        await self.client.call_tool("execute_code", {"code": "pass"})  # which starts its kernel

    async def call(self, code: str) -> tuple[str, list[bytes]]:
        answer = await self.client.call_tool(
            "execute_code", {"code": code, "timeout": self.timeout}
        )
        texts = [block.text for block in answer.content if block.type == "text"]
        images = [block.data for block in answer.content if block.type == "image"]
        return "\n".join(texts), [base64.b64decode(image) for image in images]

    async def close(self) -> None:
        try:
            await self.client.__aexit__(None, None, None)
        finally:
            self.host.stop()
