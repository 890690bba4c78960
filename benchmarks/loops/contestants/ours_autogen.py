"""How does conkernelclient run code for AutoGen? By the executor of `examples/`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3] / "examples"))

from autogen_core import CancellationToken
from autogen_core.code_executor import CodeBlock
from autogen_executor import SessionCodeExecutor


class Loop:
    def __init__(self, timeout: float) -> None:
        self.executor: Any = SessionCodeExecutor(timeout=timeout)

    async def open(self) -> None:
        await self.executor.start()

    async def call(self, code: str) -> tuple[str, list[bytes]]:
        block = CodeBlock(code=code, language="python")
        result = await self.executor.execute_code_blocks([block], CancellationToken())
        return result.output, [path.read_bytes() for path in result.output_files]

    async def close(self) -> None:
        await self.executor.stop()
