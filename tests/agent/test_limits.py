"""Limits hold up a kernel that goes wrong, and nothing else."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from typing import Any

import pytest

from conkernelclient.agent import KernelSession, Limits

GB = 1024**3


@pytest.mark.parametrize("name", ["memory", "cpu_seconds", "output_bytes"])
@pytest.mark.parametrize("value", [0, -1, 1.5, True, "1"])
def test_a_limit_that_is_no_positive_whole_number_is_refused(name: str, value: Any) -> None:
    """Before there is a kernel."""
    with pytest.raises(ValueError, match=name):
        Limits(**{name: value})


def test_without_limits_the_command_is_the_kernels_own() -> None:
    """No process more than needed."""
    assert Limits().command(["python", "x"]) == ["python", "x"]


def test_the_program_becomes_the_command_within_the_limits() -> None:
    """The same process; what it may use is set, and SIGPIPE is as it was."""
    asked = (
        "import os, resource; print(os.getppid(), resource.getrlimit(resource.RLIMIT_AS)[0],"
        " *resource.getrlimit(resource.RLIMIT_CPU))"
    )
    command = Limits(memory=2 * GB, cpu_seconds=7).command([sys.executable, "-c", asked])
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    assert list(map(int, done.stdout.split())) == [os.getpid(), 2 * GB, 7, 8]
    command = Limits(cpu_seconds=7).command(["grep", "SigIgn", "/proc/self/status"])
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    assert not int(done.stdout.split()[1], 16) & 1 << (signal.SIGPIPE - 1)


def test_a_limit_that_is_lower_already_stays() -> None:
    """A limit can only be lowered."""
    asked = "import resource; print(*resource.getrlimit(resource.RLIMIT_CPU))"
    inner = Limits(cpu_seconds=50).command([sys.executable, "-c", asked])
    done = subprocess.run(
        Limits(cpu_seconds=5).command(inner), capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.split() == ["6", "6"]
    assert resource.getrlimit(resource.RLIMIT_CPU)[0] != 6


def test_a_command_that_is_not_there_is_named() -> None:
    """In one line, as a status of 1."""
    command = Limits(cpu_seconds=7).command(["/no/such/kernel"])
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stderr) == (1, "/no/such/kernel: No such file or directory\n")


async def test_too_much_memory_is_an_error_of_the_cell_and_the_session_goes_on() -> None:
    """`MemoryError`, and the variables are kept."""
    async with KernelSession(limits=Limits(memory=4 * GB)) as session:
        await session.run("x = 1")
        result = await session.run("y = bytearray(8 * 1024**3)")
        assert result.error is not None
        assert result.error.ename == "MemoryError"
        assert (await session.run("x")).text == "1\n"


async def test_too_much_processor_time_ends_the_kernel_and_is_named() -> None:
    """The next call has the time again."""
    async with KernelSession(setup=["x = 1"], limits=Limits(cpu_seconds=3)) as session:
        result = await session.run("while True: pass")
        assert (result.status, result.is_lost, result.restarted) == ("error", True, True)
        assert "3 s of processor time" in result.to_llm()
        assert (await session.run("x")).text == "1\n"


async def test_output_beyond_its_limit_is_left_out_and_the_code_goes_on() -> None:
    """A marker tells of it; what was printed last is there, and the error."""
    async with KernelSession(limits=Limits(output_bytes=100_000)) as session:
        result = await session.run("for _ in range(1000): print('x' * 1000)\nprint('last')\n1/0")
        assert len(result.stdout) <= 100_000
        assert result.stdout.endswith("x\nlast\n")
        assert "x\nlast\n" in result.to_llm()
        assert "left out" in result.stderr
        assert result.error is not None
        assert result.error.ename == "ZeroDivisionError"
