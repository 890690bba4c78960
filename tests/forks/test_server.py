"""A server forks as often as it is asked for, and ends when it should."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final

import pytest

from conkernelclient.forks import child, server, servers
from tests.clients import LONG

from .conftest import forked

if TYPE_CHECKING:
    from pathlib import Path

WAITS: Final = "import time; time.sleep(600)"


def lives(pid: int) -> bool:
    """Whether it runs; one that has ended and is not reaped does not."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2][1:2] != "Z"
    except OSError:
        return False


async def until_ended(pid: int) -> None:
    end = time.monotonic() + LONG
    while lives(pid):
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


async def test_one_server_forks_many_at_once(program: dict[str, str]) -> None:
    """Each is told its own exit status."""
    processes = await asyncio.gather(*(forked(program, f"sys.exit({n})") for n in range(20)))
    assert len(servers.pids()) == 1
    statuses = await asyncio.gather(*(asyncio.to_thread(it.wait, LONG) for it in processes))
    assert statuses == list(range(20))


async def test_forks_have_no_files_of_each_other(program: dict[str, str]) -> None:
    """Nor of the server: one that lives keeps nothing open of one that has ended."""
    code = "import os; print(len(os.listdir('/dev/fd')), flush=True); sys.stdin.read()"
    processes = [
        await forked(program, code, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(4)
    ]
    counts = [await asyncio.to_thread(it.stdout.readline) for it in processes if it.stdout]
    assert len(counts) == 4
    assert set(counts) == {b"4\n"}  # and the directory that is listed
    for process in processes:
        await asyncio.to_thread(process.communicate, b"", LONG)


async def test_threads_that_a_preload_starts_are_refused(program: dict[str, str]) -> None:
    """A fork would have their locks, and not them."""
    folder = program["PYTHONPATH"].split(os.pathsep)[0]
    with open(f"{folder}/starts_a_thread.py", "w") as file:
        file.write("import threading, time\n")
        file.write(
            "threading.Thread(target=time.sleep, args=(600,), name='T', daemon=True).start()"
        )
    with pytest.raises(servers.CannotForkError, match=r"has started threads \(T\)"):
        await forked(program, "", preload=["starts_a_thread"])


async def test_a_preload_that_fails_is_told(program: dict[str, str]) -> None:
    """And the kernel is forked all the same."""
    command = [sys.executable, "-m", "fork_program", ""]
    preload = ["there_is_none", "json"]
    process, failures = await servers.fork(command, env=program, preload=preload)
    assert failures == {"there_is_none": "ModuleNotFoundError: No module named 'there_is_none'"}
    assert await asyncio.to_thread(process.wait, LONG) == 0


@pytest.mark.parametrize("independent", [True, False])
async def test_forks_see_the_end_of_their_parent(
    program: dict[str, str], tmp_path: Path, *, independent: bool
) -> None:
    """Those that are bound to it are given its number, as a kernel takes it."""
    code = "import os, time; print(os.environ.get('JPY_PARENT_PID'), sys.argv[-1]); sys.exit()"
    process = await forked(
        program, code, stdout=subprocess.PIPE, independent=independent, cwd=str(tmp_path)
    )
    (pid,) = servers.pids()
    out, _err = await asyncio.to_thread(process.communicate, None, LONG)
    told = f"{pid} --IPKernelApp.parent_handle={pid}\n"
    assert out.decode() == (f"None {code}\n" if independent else told)


async def test_a_server_ends_with_its_program(program: dict[str, str]) -> None:
    """Here its end of the socket closes, which the system does for one that is killed."""
    process = await forked(program, WAITS)
    (pid,) = servers.pids()
    servers.end_all()
    await until_ended(pid)
    process.kill()
    assert await asyncio.to_thread(process.wait, LONG) == -signal.SIGKILL


async def test_interrupts_of_the_terminal_end_no_server(program: dict[str, str]) -> None:
    """Nor do its forks ignore them."""
    first = await forked(program, WAITS)
    (pid,) = servers.pids()
    os.kill(pid, signal.SIGINT)
    second = await forked(program, WAITS, stderr=subprocess.DEVNULL)
    assert servers.pids() == [pid]
    second.send_signal(signal.SIGINT)
    assert await asyncio.to_thread(second.wait, LONG) in (1, -signal.SIGINT)
    first.kill()
    await asyncio.to_thread(first.wait, LONG)


def test_a_server_that_is_not_needed_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while without a kernel."""
    monkeypatch.setattr(server, "IDLE", 0.01)
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGCHLD)
    wakes = signal.set_wakeup_fd(-1)
    ours, theirs = socket.socketpair()
    try:
        with ours, theirs:
            assert server.Server(theirs, {}).serve() is None
    finally:
        os.close(signal.set_wakeup_fd(wakes))
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGCHLD, before[1])


def test_a_line_that_ends_too_early_is_nobody_s() -> None:
    """A fork whose asker is gone ends."""
    ours, theirs = socket.socketpair()
    with theirs:
        ours.sendall(b'{"directory"')
        ours.close()
        assert child.receive(theirs) is None
        assert not child.send(theirs, {})
