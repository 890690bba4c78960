"""A shell completes commands, kernelspecs and the kernels that run."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from conkernelclient.cli import main
from conkernelclient.cli.completion import SHELLS, complete
from tests.cli.shell import CONKERNEL
from tests.cli.test_finding import STALE

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_has_its_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Which names the command."""
    assert main(["completion", shell]) == 0
    assert "conkernel" in capsys.readouterr().out


def test_bash_completes_commands_kernelspecs_and_kernels(runtime: Path) -> None:
    """By the script, as it is used."""
    (runtime / "kernel-abc1.json").write_text(STALE)
    program = runtime / "conkernel"
    quoted = CONKERNEL[2].replace("import main", "import main; import sys; sys.argv[0] = 'x'")
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{quoted}" "$@"\n')
    program.chmod(0o700)
    typed = ["conkernel int", "conkernel exec --kernel pyt", "conkernel attach ab"]
    script = 'eval "$(conkernel completion bash)"\n' + "".join(
        f"COMP_LINE='{line}'; COMP_POINT={len(line)}; COMP_TYPE=9; COMP_WORDS=({line}); "
        f"COMP_CWORD={len(line.split()) - 1}; COMPREPLY=(); "
        f"_python_argcomplete conkernel; printf '%s|' \"${{COMPREPLY[@]}}\"; echo\n"
        for line in typed
    )
    env = {**os.environ, "PATH": f"{runtime}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", script], env=env, capture_output=True, text=True, check=True
    )
    found = [line.rstrip("|").replace(" ", "") for line in done.stdout.splitlines()]
    assert found == ["interrupt", "python3", "abc1"], done.stderr


def test_without_argcomplete_one_line_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And a tab completes nothing, without a sound."""
    for name in ("argcomplete", "argcomplete.shell_integration"):
        monkeypatch.setitem(sys.modules, name, None)
    assert main(["completion", "bash"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "conkernelclient[completion]" in shown.err
    import argparse

    complete(argparse.ArgumentParser())
