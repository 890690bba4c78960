"""The examples do what they say; what they adapt to is stood in for, where it is not needed."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@dataclass
class CodeBlock:
    """As autogen-core has it."""

    code: str
    language: str


@dataclass
class CodeResult:
    """As autogen-core has it."""

    exit_code: int
    output: str


class CodeExecutor:
    """As autogen-core has it, as far as an executor uses it."""

    async def __aenter__(self) -> Any:
        """Start."""
        me: Any = self
        await me.start()
        return me

    async def __aexit__(self, *_error: object) -> None:
        """Stop."""
        me: Any = self
        await me.stop()


class CancellationToken:
    """As autogen-core has it."""

    def __init__(self) -> None:
        self.linked: list[asyncio.Future[Any]] = []

    def link_future(self, future: asyncio.Future[Any]) -> asyncio.Future[Any]:
        """Cancel `future` with the others."""
        self.linked.append(future)
        return future

    def cancel(self) -> None:
        """Cancel them."""
        for future in self.linked:
            future.cancel()


@pytest.fixture
def executor_class(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The adapter to AutoGen."""
    core, executors, models = map(ModuleType, ("autogen_core", "executors", "pydantic"))
    vars(core)["CancellationToken"] = CancellationToken
    vars(executors).update(CodeBlock=CodeBlock, CodeExecutor=CodeExecutor, CodeResult=CodeResult)
    vars(models)["BaseModel"] = object
    monkeypatch.setitem(sys.modules, "autogen_core", core)
    monkeypatch.setitem(sys.modules, "autogen_core.code_executor", executors)
    monkeypatch.setitem(sys.modules, "pydantic", models)
    spec = importlib.util.spec_from_file_location("example", EXAMPLES / "autogen_executor.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.SessionCodeExecutor


async def test_autogens_executor_runs_blocks_up_to_the_first_that_fails(
    executor_class: Any,
) -> None:
    """And the next call goes on, whatever that did."""

    async def run(*codes: str) -> tuple[int, str]:
        blocks = [CodeBlock(code, "python") for code in codes]
        done = await executor.execute_code_blocks(blocks, CancellationToken())
        return done.exit_code, done.output

    async with executor_class(timeout=1) as executor:
        assert await run("x = 1", "print(x)") == (0, "\n1\n")
        status, text = await run("1/0", "print('not run')")
        assert (status, "ZeroDivisionError" in text, "not run" in text) == (1, True, False)
        status, text = await run("import time; time.sleep(100)")
        assert (status, "timed out after 1 s" in text) == (124, True)
        status, text = await run("import os; os._exit(1)")
        assert (status, "all variables are gone" in text) == (1, True)
        assert (await run("print(2)"))[0] == 0
        await executor.restart()
        token = CancellationToken()
        block = [CodeBlock("import time; time.sleep(100)", "python")]
        running = asyncio.ensure_future(executor.execute_code_blocks(block, token))
        while not token.linked:
            await asyncio.sleep(0)
        token.cancel()
        await asyncio.wait((running,))
        assert running.cancelled()
        assert (await run("print(3)"))[1].startswith("3\n")
