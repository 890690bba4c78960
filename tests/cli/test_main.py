"""The command `conkernel` shows what happens, and its exit status says how it ended."""

from __future__ import annotations

from conkernelclient import __version__
from tests.cli.shell import conkernel


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
