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


def test_the_kernels_commands_are_its_own() -> None:
    """With their help and their exit status: the kernel is a program of its own."""
    done = conkernel("kernel", "--help")
    assert done.returncode == 0
    assert "conkernel kernel" in done.stdout
    assert conkernel("kernel", "nonsense").returncode == 2
    assert conkernel("kernel", "uninstall", "--name", "no-such-kernel").returncode == 1


def test_no_command_of_the_kernel_says_which_there_are() -> None:
    """With exit status 2, and no kernel is started."""
    done = conkernel("kernel")
    assert done.returncode == 2
    assert "uninstall" in done.stdout
