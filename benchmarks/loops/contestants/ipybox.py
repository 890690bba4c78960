"""How does ipybox run code for a loop? By its `CodeExecutor`, without its sandbox."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ipybox import CodeExecutor


class Loop:
    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self.folder = tempfile.TemporaryDirectory()
        self.executor = CodeExecutor(images_dir=Path(self.folder.name), kernel_init_timeout=60)

    async def open(self) -> None:
        await self.executor.start()

    async def call(self, code: str) -> tuple[str, list[bytes]]:
        result = await self.executor.execute(code, timeout=self.timeout)
        return result.text or "", [path.read_bytes() for path in result.images]

    async def close(self) -> None:
        await self.executor.stop()
        self.folder.cleanup()
