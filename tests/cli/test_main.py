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
