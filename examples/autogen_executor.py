"""
How does AutoGen run its agents' code in a `KernelSession`?

`SessionCodeExecutor` is a `CodeExecutor` of autogen-core (`pip install autogen-core`). Each call
ends with its own result: after a cell that hangs, swallows interrupts or ends the kernel, the next
one runs.

    async with SessionCodeExecutor(timeout=60) as executor:
        tool = PythonCodeExecutionTool(executor)
"""

from __future__ import annotations

import asyncio
from typing import Any

from autogen_core import CancellationToken
from autogen_core.code_executor import CodeBlock, CodeExecutor, CodeResult
from pydantic import BaseModel

from conkernelclient.agent import KernelSession


class SessionCodeExecutor(CodeExecutor):
    """Runs code blocks in one kernel; takes what `KernelSession` takes."""

    component_config_schema = BaseModel

    def __init__(self, **options: Any) -> None:
        self._options = options
        self._session = KernelSession(**options)

    async def start(self) -> None:
        """Start the kernel."""
        await self._session.__aenter__()

    async def stop(self) -> None:
        """End the kernel."""
        await self._session.close()
        self._session = KernelSession(**self._options)

    async def restart(self) -> None:
        """Begin anew."""
        await self._session.restart()

    async def execute_code_blocks(
        self, code_blocks: list[CodeBlock], cancellation_token: CancellationToken
    ) -> CodeResult:
        """Run the blocks up to the first that fails: exit code 1, or 124 if its time was over."""
        texts: list[str] = []
        for block in code_blocks:
            running = asyncio.ensure_future(self._session.run(block.code))
            cancellation_token.link_future(running)
            result = await running
            texts.append(result.to_llm(self._session.max_chars))
            if result.status != "ok":
                return CodeResult(124 if result.status == "timeout" else 1, "\n".join(texts))
        return CodeResult(0, "\n".join(texts))
