"""The command serves a notebook to front ends, or runs code in a kernel that is there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from websockets.sync.client import connect

from conkernelclient.cli.main import main
from conkernelclient.sidecar.server import json_schema
from tests.cli.shell import CONKERNEL, conkernel
from tests.clients import LONG

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WITHOUT_EXTRA = """
import sys
sys.modules["pydantic"] = None
from conkernelclient.cli import main
sys.exit(main(["sidecar"]))
"""


@pytest.fixture
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """None in the environment, whatever the command takes out of it."""
    monkeypatch.setenv("CONKERNEL_TOKEN", "")


class Command:
    """The command while it serves."""

    def __init__(self, *args: str, **env: str) -> None:
        self.process = subprocess.Popen(
            [*CONKERNEL, "sidecar", *args],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **env},
        )
        assert self.process.stderr is not None
        self.said = []
        while not self.said or "http://" not in self.said[-1]:
            self.said.append(self.process.stderr.readline())
            assert self.said[-1], self.said
        self.url = self.said[-1].split()[-1]

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        """End it by a signal; gives status and what it wrote."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=LONG)
        return self.process.returncode, out, err


@pytest.fixture
def serving() -> Iterator[Any]:
    """Start it; what a test leaves is killed."""
    commands: list[Command] = []

    def serve(*args: str, **env: str) -> Command:
        commands.append(Command(*args, **env))
        return commands[-1]

    yield serve
    for command in commands:
        if command.process.poll() is None:
            command.process.kill()
            command.process.communicate()


def run_first(command: Command, source: str) -> list[str]:
    """Edit and run the first cell, as a front end does; gives the types of what is told."""
    parts = urlsplit(command.url)
    told: list[str] = []
    with connect(f"ws://{parts.netloc}/socket?{parts.query}", proxy=None) as socket:

        def say(type: str, **fields: Any) -> None:
            socket.send(json.dumps({"type": type, "id": 1, **fields}))

        say("subscribe")
        while True:
            message = json.loads(socket.recv(LONG))
            told.append(message["type"])
            if message["type"] == "snapshot":
                cell_id = message["document"]["cells"][0]["id"]
                say("edit_cell", cell_id=cell_id, source=source)
                say("run_cell", cell_id=cell_id)
            elif message["type"] == "cell_state_changed" and message["state"] == "idle":
                return told


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_notebook_that_is_not_there_is_made(serving: Any, tmp_path: Path, number: int) -> None:
    """With its outputs it is in the file when the command has ended, with status 0."""
    path = tmp_path / "new.ipynb"
    command = serving("--kernel", "python3", str(path))
    assert command.url.startswith("http://127.0.0.1:")
    told = run_first(command, "import os; print('TOKEN' in str(os.environ), os.getpid())")
    assert "outputs_changed" in told
    status, out, err = command.end(number)
    assert (status, out, "Traceback" in err) == (0, "", False)
    (cell,) = json.loads(path.read_text())["cells"]
    said, pid = cell["outputs"][0]["text"][0].split()
    assert said == "False"
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)


def test_the_token_is_that_of_the_option_or_the_environment(
    serving: Any, running: Path, tmp_path: Path
) -> None:
    """The kernel that runs goes on, and has no token in its environment."""
    command = serving("-f", str(running), "--token", "sesame", CONKERNEL_TOKEN="other")
    assert command.url.endswith("/?token=sesame")
    assert "kept nowhere" in command.said[0]
    assert "cell_state_changed" in run_first(command, "1")
    assert command.end()[0] == 0
    command = serving("-f", str(running), str(tmp_path / "n.ipynb"), CONKERNEL_TOKEN="other")
    assert command.url.endswith("/?token=other")
    assert command.end()[0] == 0
    assert conkernel("sidecar", "-f", str(running), "--execute", "1").returncode == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-f", "x", "--kernel", "y"], "give one"),
        (["--debug"], "--debug goes with --execute"),
        (["--tail"], "--tail needs -f"),
        (["--tail", "-f", "x", "n.ipynb"], "NOTEBOOK does not go with --tail"),
        (["--execute", "1", "--port", "1"], "--port does not go with --execute"),
        (["--schema", "--allow-host", "a"], "--allow-host does not go with --schema"),
        (["--execute", "1", "--no-browser"], "--browser does not go with --execute"),
        (["--token", "a b"], "printable ASCII"),
        (["-f", "no/such.json"], "no/such.json"),
        (["-f", "nobody", "--execute", "1"], "nobody"),
        (["-f", "nobody", "--tail"], "nobody"),
        (["--kernel", "nope"], "nope"),
        (["n.txt"], "ends with .ipynb"),
        (["no/such/n.ipynb"], "there is no such directory"),
        (["bad.ipynb"], "bad.ipynb"),
    ],
)
@pytest.mark.usefixtures("no_token", "runtime")
def test_wrong_options_are_one_line_and_end_with_2(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    said: str,
) -> None:
    """Before anything is started; a notebook that is none stays as it is."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.ipynb").write_text("{")
    assert main(["sidecar", *options]) == 2
    printed = capsys.readouterr()
    lines = [line for line in printed.err.splitlines() if "kept nowhere" not in line]
    assert (printed.out, len(lines)) == ("", 1)
    assert said in lines[0]
    assert (tmp_path / "bad.ipynb").read_text() == "{"


@pytest.mark.parametrize("options", [["--port", "x"], ["--port", "65536"], ["--tail", "--schema"]])
def test_what_the_parser_refuses_ends_with_2(options: list[str]) -> None:
    """As everywhere."""
    with pytest.raises(SystemExit) as caught:
        main(["sidecar", *options])
    assert caught.value.code == 2


@pytest.mark.usefixtures("no_token")
def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """No kernel is needed for it."""
    assert main(["sidecar", "--schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json_schema()


def test_execute_prints_what_the_code_shows(running: Path) -> None:
    """Outputs on stdout, and status 0."""
    done = conkernel("sidecar", "-f", str(running), "--execute", "print('one'); 6 * 7")
    assert (done.returncode, done.stdout, done.stderr) == (0, "one\n42\n", "")


def test_execute_ends_with_1_on_an_error(running: Path) -> None:
    """Which is on stderr; the kernel goes on."""
    done = conkernel("sidecar", "-f", str(running), "--execute", "print('one'); 1 / 0")
    assert (done.returncode, done.stdout) == (1, "one\n")
    assert "ZeroDivisionError" in done.stderr
    assert conkernel("sidecar", "-f", str(running), "--execute", "1").returncode == 0


def test_execute_starts_a_kernel_if_none_is_meant() -> None:
    """By the name of its kernelspec."""
    done = conkernel("sidecar", "--kernel", "python3", "--execute", "6 * 7")
    assert (done.returncode, done.stdout) == (0, "42\n")


def test_debug_prints_each_message(running: Path) -> None:
    """Its type and content, on stderr; outputs are where they are without it."""
    done = conkernel("sidecar", "-f", str(running), "--execute", "print('one'); 6 * 7", "--debug")
    assert (done.returncode, done.stdout) == (0, "one\n42\n")
    said = [line.split(" ", 1) for line in done.stderr.splitlines()]
    kinds = [kind for kind, _content in said]
    assert sorted(kinds) == sorted(
        ["status", "execute_input", "stream", "execute_result", "execute_reply", "status"]
    )
    contents = {kind: json.loads(content) for kind, content in said}
    assert contents["stream"] == {"name": "stdout", "text": "one\n"}
    assert contents["execute_reply"]["status"] == "ok"


async def test_tail_prints_what_the_kernel_publishes(running: Path) -> None:
    """A line for each message, as `conkernel tail`."""
    process = subprocess.Popen(
        [*CONKERNEL, "sidecar", "-f", str(running), "--tail"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert process.stdout is not None
    assert "Ctrl-C ends it" in process.stderr.readline()
    conkernel("sidecar", "-f", str(running), "--execute", "print('tailed')")
    while "stdout: tailed" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=LONG)
    assert process.returncode == 130


def test_without_the_extra_it_says_what_to_install() -> None:
    """In one line."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_EXTRA], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    needed = "conkernel: needs the extra: pip install 'conkernelclient[sidecar]'\n"
    assert done.stderr == needed
