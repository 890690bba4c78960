"""How does jupyter-kernel-client run code for a loop? By `execute`, in threads, by WebSocket."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from jupyter_kernel_client import JupyterKernelClient

sys.path.append(str(Path(__file__).parents[1]))

from jupyter_host import JupyterHost
from reading import read


class Loop:
    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self.host = JupyterHost()

    async def open(self) -> None:
        await self.host.start()
        self.client = JupyterKernelClient(server_url=self.host.url, token=self.host.token)
        await asyncio.to_thread(self.client.start)

    async def call(self, code: str) -> tuple[str, list[bytes]]:
        reply = await asyncio.to_thread(self.client.execute, code, timeout=self.timeout)
        return read(reply["outputs"])

    async def close(self) -> None:
        try:
            await asyncio.wait_for(asyncio.to_thread(self.client.stop), 5)
        finally:
            self.host.stop()
