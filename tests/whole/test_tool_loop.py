"""A tool loop whose model does the worst ends by itself, with a transcript that makes sense."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import nbformat
import pytest
from PIL import Image

from conkernelclient.agent import KernelSession, Limits
from tests.manager.processes import is_running

if TYPE_CHECKING:
    from pathlib import Path

MAX_CHARS: Final = 3000
HANGS: Final = "import time\nprint('begun', flush=True)\ntime.sleep(1000)"
SWALLOWS: Final = """
import time
while True:
    try:
        print('go', flush=True)
        time.sleep(1000)
    except KeyboardInterrupt:
        pass
"""
PLOT: Final = """
import matplotlib.pyplot as plt
figure = plt.figure(figsize=(40, 40), dpi=100)
plt.plot([1, 2])
plt.show()
"""
CRASH: Final = (
    "import os, time\nprint('last', flush=True)\ntime.sleep(0.5)\nos.kill(os.getpid(), 9)"
)

# What the model does in each of its turns: tools with their arguments, and what has to be in the
# answer to each.
SCRIPT: Final[list[list[tuple[str, dict[str, Any] | str, str]]]] = [
    [("run", {"code": "total = 40\nprint('hello')"}, "hello")],
    [("run", {"code": HANGS, "timeout": 1}, "timed out after 1 s and was interrupted")],
    [("run", {"code": "total += 2; total"}, "42")],
    [("run", {"code": "print('x' * 10_000_000)"}, "left out")],
    [("run", {"code": PLOT}, "")],
    [("run", {"code": "input('name? ')"}, "Error")],
    [("run", {"cod": "1"}, "it takes code")],
    [("run", '{"code": "1"', "no JSON")],
    [("dance", {}, "there is no tool 'dance'")],
    [("run", {"code": f"{n} * 100"}, f"{n * 100}\n") for n in range(10)],
    [("run", {"code": SWALLOWS, "timeout": 1}, "so the kernel was ended")],
    [("run", {"code": "total"}, "NameError")],
    [("run", {"code": "total = helper(41)"}, "showed nothing")],
    [("run", {"code": CRASH}, "SIGKILL")],
    [("run", {"code": "helper(1)"}, "fresh kernel")],
    [("run", {"code": HANGS, "background": True}, "poll it")],
    [("poll", {"run_id": "LAST", "wait": 1}, "still runs")],
    [("run", {"code": "1", "timeout": 0.5}, "held the kernel")],
    [("interrupt", {}, "was interrupted")],
    [("poll", {"run_id": "LAST"}, "KeyboardInterrupt")],
    [("variables", {}, "helper: function")],
    [("restart", {}, "fresh kernel")],
    [("run", {"code": "helper(2)"}, "3")],
]


@dataclass
class ScriptedModel:
    """
    A model that says what the script says, and reads what it gets.

    Attributes:
        wanted: What the answer to each of its calls has to hold, by the call's id.
    """

    wanted: dict[str, str] = field(default_factory=dict)
    _turn: int = 0
    _last_run: str = ""

    def answer(self, messages: list[dict[str, Any]]) -> dict[str, Any]:
        """Give the next message, in Anthropic's form."""
        for block in messages[-1]["content"] if self._turn else []:
            text = block["content"][0].get("text", "")
            if "runs in the background" in text:
                self._last_run = text.split()[0]
        if self._turn == len(SCRIPT):
            return {"role": "assistant", "content": [{"type": "text", "text": "done"}]}
        content: list[dict[str, Any]] = []
        for place, (name, arguments, said) in enumerate(SCRIPT[self._turn]):
            call = f"call_{self._turn}_{place}"
            self.wanted[call] = said
            given = arguments
            if isinstance(given, dict) and given.get("run_id") == "LAST":
                given = given | {"run_id": self._last_run}
            content.append({"type": "tool_use", "id": call, "name": name, "input": given})
        self._turn += 1
        return {"role": "assistant", "content": content}


async def loop(model: ScriptedModel, session: KernelSession) -> list[dict[str, Any]]:
    """The tool loop, as a program has it; gives the transcript."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": "do your worst"}]
    while True:
        message = model.answer(messages)
        messages.append(message)
        calls = [block for block in message["content"] if block["type"] == "tool_use"]
        if not calls:
            return messages
        answers = await asyncio.gather(
            *(session.handle_tool_call(call["name"], call["input"]) for call in calls)
        )
        blocks = [
            answer.for_anthropic(call["id"]) for answer, call in zip(answers, calls, strict=True)
        ]
        messages.append({"role": "user", "content": blocks})


@pytest.mark.timeout(180)
async def test_a_tool_loop_ends_by_itself_with_a_coherent_transcript(tmp_path: Path) -> None:
    """Each call has its own answer, short enough, without anything for a programmer."""
    journal = tmp_path / "loop.ipynb"
    model = ScriptedModel()
    setup = ["def helper(x):\n    return x + 1"]
    limits = Limits(output_bytes=1_000_000)
    async with KernelSession(
        setup=setup, max_chars=MAX_CHARS, timeout=30, journal=journal, limits=limits
    ) as session:
        messages = await loop(model, session)
        pid = int((await session.run("import os; os.getpid()")).text)
    assert not is_running(pid)
    asked = [block for it in messages[1::2] for block in it["content"] if "id" in block]
    told = [block for it in messages[2::2] for block in it["content"]]
    assert [block["id"] for block in asked] == [block["tool_use_id"] for block in told]
    for block in told:
        text = "".join(part.get("text", "") for part in block["content"])
        assert model.wanted[block["tool_use_id"]] in text, text
        assert len(text) <= MAX_CHARS + 10
        assert block["content"]
        assert not any(word in text for word in ("msg_id", "restart_kernel", "km.", "\x1b"))
    json.dumps(messages)
    images = [image for block in told for image in block["content"] if image["type"] == "image"]
    (plot,) = [base64.b64decode(image.pop("source")["data"]) for image in images]
    assert max(Image.open(io.BytesIO(plot)).size) == 1568
    assert len(json.dumps(messages)) < 40_000  # what the model's context holds of the rest
    notebook: Any = nbformat.read(journal, as_version=4)
    nbformat.validate(notebook)
    kinds = [cell.cell_type for cell in notebook.cells]
    assert kinds.count("code") == 4 + 24  # the set-up in each of four kernels, and what ran


# A server over stdio: its stdout is the wire.
SERVER: Final = """
import asyncio, os, sys
from conkernelclient.agent import KernelSession
CODE = '''
import os, subprocess
os.write(1, b"by number\\\\n")
os.write(2, b"error by number\\\\n")
subprocess.run(["sh", "-c", "echo child; echo child error >&2"])
subprocess.Popen(["sh", "-c", "echo later"]).wait()
print("printed")
os.system("echo system")
os._exit(1)
'''
async def main():
    async with KernelSession(start_timeout=40) as session:
        first = await session.run(CODE.replace("os._exit(1)", ""))
        shown = first.text
        while not all(word in shown for word in ("by number", "child\\n", "later", "system")):
            shown += (await session.run("")).text
        await session.run(CODE)
        await session.run("1")
    os.write(int(sys.argv[1]), shown.encode())
asyncio.run(main())
"""


def test_not_a_byte_of_a_session_reaches_a_program_that_speaks_over_stdio() -> None:
    """What is written by number, by children, and by a kernel that ends, is in the results."""
    told, tells = os.pipe()
    done = subprocess.run(
        [sys.executable, "-c", SERVER, str(tells)],
        pass_fds=[tells],
        capture_output=True,
        timeout=90,
        check=False,
    )
    os.close(tells)
    with os.fdopen(told, encoding="utf-8") as pipe:
        shown = pipe.read()
    assert (done.stdout, done.stderr, done.returncode) == (b"", b"", 0)
    assert "printed" in shown
