"""How does AutoGen run code for a loop? By its `JupyterCodeExecutor`."""

from __future__ import annotations

import tempfile

from autogen_core import CancellationToken
from autogen_core.code_executor import CodeBlock
from autogen_ext.code_executors.jupyter import JupyterCodeExecutor


class Loop:
    def __init__(self, timeout: float) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.executor = JupyterCodeExecutor(timeout=int(timeout), output_dir=self.folder.name)

    async def open(self) -> None:
        await self.executor.start()

    async def call(self, code: str) -> tuple[str, list[bytes]]:
        block = CodeBlock(code=code, language="python")
        result = await self.executor.execute_code_blocks([block], CancellationToken())
        images = [path.read_bytes() for path in result.output_files if path.suffix == ".png"]
        return result.output, images

    async def close(self) -> None:
        await self.executor.stop()
        self.folder.cleanup()
