"""The command serves kernels to clients of the Model Context Protocol, and says how to use it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from conkernelclient.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

WITHOUT_EXTRA = """
import sys
sys.modules["mcp"] = sys.modules["mcp_types"] = None
from conkernelclient.cli import main
sys.exit(main(["mcp"]))
"""


def test_the_configuration_has_the_options(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files have their whole paths: its client is anywhere."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.py").write_text("x = 1")
    options = ["--setup", "s.py", "--journal", "j.jsonl", "--timeout", "5", "--all-tools"]
    assert main(["mcp", *options, "--memory", "4000", "--cwd", ".", "--print-config"]) == 0
    entry = json.loads(capsys.readouterr().out)["mcpServers"]["conkernel"]
    assert os.path.isabs(entry["command"])
    for part in ("--setup", str(tmp_path / "s.py"), str(tmp_path / "j.jsonl"), "--all-tools"):
        assert part in entry["args"]


def test_the_command_is_the_script_that_was_started(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If that is a file that can be run."""
    script = tmp_path / "conkernel"
    script.touch(0o755)
    monkeypatch.setattr(sys, "argv", [str(script)])
    assert main(["mcp", "--print-config"]) == 0
    entry = json.loads(capsys.readouterr().out)["mcpServers"]["conkernel"]
    assert entry == {"command": str(script), "args": ["mcp"]}


def test_the_configuration_of_a_server_over_http_is_its_address(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the token, which no kernel finds in its environment."""
    monkeypatch.setenv("CONKERNEL_MCP_TOKEN", "sesame")
    assert main(["mcp", "--http", "[::1]:80", "--print-config"]) == 0
    assert json.loads(capsys.readouterr().out)["mcpServers"]["conkernel"] == {
        "type": "http",
        "url": "http://[::1]:80/mcp",
        "headers": {"Authorization": "Bearer sesame"},
    }
    assert "CONKERNEL_MCP_TOKEN" not in os.environ


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--kernel", "nope"], "nope"),
        (["--setup", "no/such/file"], "--setup no/such/file: "),
        (["--journal", "j.txt"], "has to end with .ipynb or .jsonl"),
        (["--cwd", "no/such"], "there is no such directory"),
        (["--token", "t"], "go with --http"),
        (["--http", "0", "--token", "a b"], "printable ASCII"),
    ],
)
def test_wrong_options_are_one_line_and_end_with_2(
    capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    """Before anything is served."""
    assert main(["mcp", *options]) == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert said in printed.err


@pytest.mark.parametrize(
    "options", [["--http", "x"], ["--http", "a:65536"], ["--max-chars", "0"], ["--timeout", "-1"]]
)
def test_options_that_are_no_numbers_are_refused(options: list[str]) -> None:
    """By the parser."""
    with pytest.raises(SystemExit) as caught:
        main(["mcp", *options])
    assert caught.value.code == 2


def test_without_the_extra_it_says_what_to_install() -> None:
    """In one line."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_EXTRA], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "conkernel: needs the MCP SDK: pip install 'conkernelclient[mcp]'\n"
