"""A forked process is watched as any other."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from typing import TYPE_CHECKING, Final

import pytest

from conkernelclient.forks import servers
from tests.clients import LONG, until
from tests.manager.processes import kill

from .conftest import forked
from .test_server import until_ended

if TYPE_CHECKING:
    from conkernelclient.forks.process import ForkedProcess

WAITS: Final = "import time; time.sleep(600)"


async def code_of(process: ForkedProcess) -> int:
    return await asyncio.to_thread(process.wait, LONG)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("", 0),
        ("sys.exit(3)", 3),
        ("1 / 0", 1),
        ("import os; os._exit(7)", 7),
        ("import os; os.kill(os.getpid(), 9)", -9),
        ("import atexit; atexit.register(lambda: __import__('os')._exit(4))", 4),
    ],
)
async def test_its_exit_status_is_told(program: dict[str, str], code: str, status: int) -> None:
    """As the process had it; again and again."""
    process = await forked(program, code, stderr=subprocess.DEVNULL)
    assert await code_of(process) == status
    assert process.poll() == process.returncode == process.wait() == status


async def test_a_process_that_runs_has_none(program: dict[str, str]) -> None:
    """Until it is ended."""
    process = await forked(program, WAITS)
    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)
    process.terminate()
    assert await code_of(process) == -signal.SIGTERM
    process.kill()  # harmless


async def test_a_process_that_has_ended_is_never_called_running(program: dict[str, str]) -> None:
    """Not even until the server has told how it ended."""
    for _ in range(20):
        process = await forked(program, WAITS)
        kill(process.pid)
        assert process.poll() == -signal.SIGKILL


async def test_many_threads_may_wait_for_it(program: dict[str, str]) -> None:
    """Each gets its exit status."""
    process = await forked(program, WAITS)
    waits = [asyncio.to_thread(process.wait, LONG) for _ in range(5)]
    task = asyncio.gather(*waits)
    process.kill()
    assert await task == [-9] * 5


async def test_its_descriptor_is_closed_when_nobody_waits_on_it_any_more(
    program: dict[str, str],
) -> None:
    """Not before: the number could be another file's by then."""
    process = await forked(program, WAITS)
    waiting = asyncio.gather(*(asyncio.to_thread(process.wait, LONG) for _ in range(3)))
    await until(lambda: process._waiters == 3)
    process.kill()
    await until(lambda: process.poll() is not None)
    assert await waiting == [-9] * 3
    assert (process._waiters, process._link.fileno()) == (0, -1)


async def test_its_pipes_can_be_read(program: dict[str, str]) -> None:
    """All of it, with `communicate`."""
    pipe = subprocess.PIPE
    code = "print(sys.stdin.read() * 2)"
    process = await forked(program, code, stdin=pipe, stdout=pipe, stderr=pipe)
    out, err = await asyncio.to_thread(process.communicate, b"ab", LONG)
    assert (out, err, process.returncode) == (b"abab\n", b"", 0)


async def test_the_server_s_end_is_no_end_of_waiting(program: dict[str, str]) -> None:
    """Nobody knows the exit status then, but that it has ended is seen."""
    process = await forked(program, WAITS)
    (server,) = servers.pids()
    os.kill(server, signal.SIGKILL)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.2)
    process.kill()
    assert await code_of(process) == -signal.SIGKILL


async def test_what_is_left_of_its_group_ends_with_it(program: dict[str, str]) -> None:
    """As a manager does it for its own child."""
    code = (
        "import os, subprocess, sys; child = subprocess.Popen(['sleep', '600']);"
        "print(child.pid, flush=True); os._exit(0)"
    )
    process = await forked(program, code, stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        pid = int(process.stdout.readline())
        await asyncio.to_thread(process.stdout.read)  # until nobody has it open
    assert await code_of(process) == 0
    await until_ended(pid)
