"""The examples do what they say; what they adapt to is stood in for, where it is not needed."""

from __future__ import annotations

import asyncio
import base64
import importlib.util
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from conkernelclient.agent import KernelSession

EXAMPLES = Path(__file__).parents[2] / "examples"


SHOW = """
from IPython.display import display
data = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGA"
display({"image/png": data + "WjR9awAAAABJRU5ErkJggg=="}, raw=True)
"""


def loaded(name: str) -> Any:
    """An example as a module."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses look
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[name]
    return module


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
    return loaded("autogen_executor").SessionCodeExecutor


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
        block = CodeBlock(SHOW, "python")
        shown = await executor.execute_code_blocks([block], CancellationToken())
        (file,) = shown.output_files
        assert file.read_bytes().endswith(b"IEND\xaeB`\x82")
        assert "[image/png, 1x1" in shown.output
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


PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJg"
    "gg=="
)
IMAGE = f"from IPython.display import Image\nimport base64\nImage(base64.b64decode('{PNG}'))"
# What the model does in each turn, and what has to be in the answer to each call.
TURNS: list[list[tuple[str, dict[str, Any], str]]] = [
    [("run", {"code": "x = 40"}, "no output")],
    [("run", {"code": f"x + {n}"}, f"{40 + n}") for n in range(10)],
    [("run", {"code": "while True: pass", "timeout": 0.2}, "timed out after 0.2 s")],
    [("run", {"code": "input('name? ')"}, "Error")],
    [
        ("run", {"cod": "1"}, "it takes code"),
        ("run", {"code": 1}, "code"),
        ("dance", {}, "no tool"),
    ],
    [("run", {"code": IMAGE}, "image"), ("variables", {}, "x: int")],
    [("run", {"code": "import os; os._exit(3)"}, "variables are gone")],
    [("run", {"code": "x"}, "NameError")],
]
ALL = [(name, arguments, said) for turn in TURNS for name, arguments, said in turn]


def check(answers: list[str]) -> None:
    """Each call has its own answer, in the order of the calls."""
    assert len(answers) == len(ALL)
    for (_, arguments, said), answer in zip(ALL, answers, strict=True):
        assert said in answer, (arguments, answer)


async def test_a_loop_of_plain_functions_answers_each_call(tmp_path: Path) -> None:
    """Images are files; the script of the example comes to its end."""
    example = loaded("loop_functions")

    async def model(messages: list[Any], tools: list[dict[str, Any]]) -> Any:
        assert [it["name"] for it in tools] == ["run", "variables"]
        assert tools[0]["parameters"]["required"] == ["code"]
        turn = len(messages) // 2
        return [(it[0], it[1]) for it in TURNS[turn]] if turn < len(TURNS) else "done"

    async with KernelSession() as session:
        messages = await example.loop(model, session, "task", str(tmp_path))
        check([answer for answers in messages[2::2] for answer in answers])
        (file,) = tmp_path.rglob("*.png")
        assert file.read_bytes() == base64.b64decode(PNG)
        assert any(str(file) in answer for answers in messages[2::2] for answer in answers)
        messages = await example.loop(example.scripted, session, "task", str(tmp_path))
        assert messages[4] == ["45", "46", "47"]
        assert "timed out" in messages[6][0]


async def test_a_loop_in_anthropics_form_answers_each_call() -> None:
    """All results of a turn are in the next message, by their ids; images are blocks."""
    example, seen = loaded("loop_anthropic"), list[str]()

    async def create(**request: Any) -> dict[str, Any]:
        assert "run" in [it["name"] for it in request["tools"]]
        json.dumps(request)
        turn = len(request["messages"]) // 2
        if turn == len(TURNS):
            return {"role": "assistant", "content": [{"type": "text", "text": "done"}]}
        calls = [
            {"type": "tool_use", "id": f"{turn}.{n}", "name": it[0], "input": it[1]}
            for n, it in enumerate(TURNS[turn])
        ]
        return {"role": "assistant", "content": calls, "stop_reason": "tool_use"}

    async with KernelSession() as session:
        messages = await example.loop(create, session, "task")
        assert [it["role"] for it in messages] == ["user", "assistant"] * (len(TURNS) + 1)
        for asked, told in zip(messages[1::2], messages[2::2], strict=False):
            ids = [block["tool_use_id"] for block in told["content"]]
            assert ids == [block["id"] for block in asked["content"]]
            seen += [json.dumps(block["content"]) for block in told["content"]]
        check([text.replace("showed nothing", "no output") for text in seen])
        assert PNG in "".join(seen)
        messages = await example.loop(example.scripted, session, "task")
        assert "45" in str(messages[2])
        assert "timed out" in str(messages[4])


async def test_a_loop_in_openais_form_answers_each_call() -> None:
    """Each by its id, in a message of its own; the images of a turn are the user's."""
    example = loaded("loop_openai")
    turns = iter(TURNS)

    async def create(**request: Any) -> dict[str, Any]:
        assert "run" in [it["function"]["name"] for it in request["tools"]]
        json.dumps(request)
        turn = next(turns, None)
        message: dict[str, Any] = {"role": "assistant", "content": "done"}
        if turn is not None:
            functions = [{"name": it[0], "arguments": json.dumps(it[1])} for it in turn]
            message["tool_calls"] = [
                {"id": f"{id(turn)}.{n}", "type": "function", "function": it}
                for n, it in enumerate(functions)
            ]
        return {"choices": [{"message": message}]}

    async with KernelSession() as session:
        messages = await example.loop(create, session, "task")
        asked = [call["id"] for it in messages for call in it.get("tool_calls", ())]
        told = [it for it in messages if it["role"] == "tool"]
        assert [it["tool_call_id"] for it in told] == asked
        check([it["content"].replace("showed nothing", "no output") for it in told])
        (images,) = [it for it in messages if isinstance(it["content"], list)]
        assert PNG in str(images)
        assert messages.index(images) > messages.index(told[-5])
        messages = await example.loop(example.scripted, session, "task")
        assert "45" in str(messages[2])
        assert "timed out" in str(messages[4])


async def test_cells_are_linted_before_they_are_run() -> None:
    """What is no Python is refused, what can be mended is, the rest is told below the outputs."""
    sidecar_class = loaded("lint_cells").LintingSidecar
    async with sidecar_class("python3") as sidecar:
        broken = sidecar.execute_request("def broken(:\n    pass", stop_on_error=False)
        magic = sidecar.execute_request("%alias_magic t time\n1")
        mended = sidecar.execute_request("x = 1; not x is None")
        wrong = sidecar.execute_request("if x == None:\n    x\nx")
        refused = await broken
        assert (refused.status, refused.error.ename) == ("error", "SyntaxError")
        assert not broken.is_sent
        assert (await magic).status == "ok"
        assert (await mended).code == "x = 1; x is not None"
        assert "ruff: E711" in (await wrong).stderr
