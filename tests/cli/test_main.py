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


def test_every_command_has_help_with_examples() -> None:
    """All but the kernel's, which is a program of its own."""
    from conkernelclient.cli.main import _parser

    (commands,) = (action for action in _parser()._actions if action.choices)
    for name, parser in dict(commands.choices or {}).items():
        assert name == "kernel" or "examples:\n  " in parser.format_help(), name


def test_a_reader_that_has_seen_enough_ends_the_command_without_a_word() -> None:
    """As `head` does; what is not shown any more is no error of the program."""
    code = "for i in range(100_000): print(i, flush=not i % 1000)"
    with subprocess.Popen(
        [*CONKERNEL, "exec", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "0\n"
        process.stdout.close()
        assert process.wait(timeout=30) == 1
        assert process.stderr.read() == ""
