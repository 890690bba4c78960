"""The command `conkernel` shows what happens, and its exit status says how it ended."""

from __future__ import annotations

import subprocess

from conkernelclient import __version__
from tests.cli.shell import CONKERNEL, conkernel


def test_an_unknown_kernel_says_how_to_find_one() -> None:
    """With exit status 2, as for wrong arguments."""
    done = conkernel("exec", "1", "--kernel", "no-such-kernel")
    assert done.returncode == 2
    assert "jupyter kernelspec list" in done.stderr
    assert conkernel("exec").returncode == 2
    assert conkernel("nonsense").returncode == 2
    assert conkernel("--version").stdout == f"conkernel {__version__}\n"


def test_a_kernel_that_ends_is_a_failure() -> None:
    """With exit status 1, and one line that says how it ended."""
    done = conkernel("exec", "import os; os._exit(7)")
    assert done.returncode == 1
    assert "DeadKernelError" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_goes_away_costs_no_traceback() -> None:
    """As `| head` does."""
    ps = f'"{CONKERNEL[0]}" -c "{CONKERNEL[2]}" ps --json'
    done = subprocess.run(
        ["bash", "-c", f"{ps} | true; exit ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""


def test_every_command_has_help_with_examples() -> None:
    """All but the kernel's, which is a program of its own."""
    from conkernelclient.cli.main import _parser

    (commands,) = (action for action in _parser()._actions if action.choices)
    for name, parser in dict(commands.choices or {}).items():
        assert name == "kernel" or "examples:\n  " in parser.format_help(), name
