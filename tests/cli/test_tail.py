"""What goes on in a kernel is shown as it comes, of all its clients, until it ends."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from conkernelclient.cli.finding import attached, find
from tests.cli.conftest import kernel_at
from tests.cli.shell import CONKERNEL, Screen, conkernel

if TYPE_CHECKING:
    from pathlib import Path

CELL = "print('one'); print('two', flush=True); 6 * 7"


def started(*args: str) -> subprocess.Popen[str]:
    """The command, when it has subscribed."""
    process = subprocess.Popen(
        [*CONKERNEL, "tail", *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert "Ctrl-C ends it" in process.stderr.readline()
    return process


async def run_cell() -> None:
    """Of another client."""
    async with attached(await find("shared")) as kc:
        assert (await kc.run(CELL)).ok


async def test_each_message_is_a_line_and_ctrl_c_ends_with_130(running: Path) -> None:
    """With time, channel, who asked, type, and what it says; no messages of its own."""
    process = started("shared")
    assert process.stdout is not None
    await run_cell()
    lines = []
    while not lines or "execute_result" not in lines[-1]:
        lines.append(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in rest + errors
    said = [line.split(maxsplit=6) for line in lines]
    assert all(words[1:4] == ["<-", "iopub", "for"] for words in said)
    told = [(words[5], words[6].strip()) for words in said if words[5] != "status"]
    at = next(i for i, (kind, _text) in enumerate(told) if kind == "execute_input")
    assert told[at][1].endswith(CELL)
    kinds = [kind for kind, _text in told[at:]]
    assert set(kinds) == {"execute_input", "stream", "execute_result"}
    assert any("stdout: one" in text for _kind, text in told)
    assert told[-1][1].endswith("] 42")


async def test_a_program_gets_one_json_object_a_line_of_the_types_that_it_wants(
    running: Path,
) -> None:
    """The whole message; it may stop reading when it has enough."""
    process = started("shared", "--json", "--type", "execute_result", "--type", "execute_input")
    assert process.stdout is not None
    await run_cell()
    messages = [json.loads(process.stdout.readline()) for _ in range(2)]
    assert [each["header"]["msg_type"] for each in messages] == ["execute_input", "execute_result"]
    assert messages[1]["content"]["data"] == {"text/plain": "42"}
    assert messages[1]["parent_header"]["msg_type"] == "execute_request"
    assert messages[1]["channel"] == "iopub"
    process.stdout.close()
    await run_cell()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.wait(60) == 1
    process.stderr.close()


def test_it_ends_with_the_kernel_and_says_so_in_colours_on_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However that ends; its last words are shown."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("NO_COLOR", raising=False)
    path = tmp_path / "kernel-mortal.json"
    with kernel_at(path) as process:
        screen = Screen("tail", "mortal")
        try:
            screen.expect("Ctrl-C ends it")
            conkernel("attach", "mortal", text="print('last words')")
            screen.expect("stdout: last words")
            path.unlink()  # as a manager does that does not start it again
            process.kill()
            screen.expect("kernel mortal has ended")
            assert screen.end() == 0
        finally:
            screen.close()
