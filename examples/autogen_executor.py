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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autogen_core import CancellationToken
from autogen_core.code_executor import CodeBlock, CodeExecutor, CodeResult
from pydantic import BaseModel

from conkernelclient.agent import KernelSession


@dataclass
class SessionCodeResult(CodeResult):
    """A result with its images, in files that are gone when this program ends."""

    output_files: list[Path] = field(default_factory=list)


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
    ) -> SessionCodeResult:
        """Run the blocks up to the first that fails: exit code 1, or 124 if its time was over."""
        texts: list[str] = []
        files: list[Path] = []
        for block in code_blocks:
            running = asyncio.ensure_future(self._session.run(block.code))
            cancellation_token.link_future(running)
            result = await running
            texts.append(result.to_llm(self._session.max_chars))
            for part in result.parts(None, images="path"):
                if part.kind == "image" and part.path is not None:
                    files.append(Path(part.path))
            if result.status != "ok":
                code = 124 if result.status == "timeout" else 1
                return SessionCodeResult(code, "\n".join(texts), files)
        return SessionCodeResult(0, "\n".join(texts), files)
