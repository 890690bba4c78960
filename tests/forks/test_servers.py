"""A program has one server for all kernels that start alike, and is told what goes wrong."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING, Final

import pytest

from conkernelclient.forks import servers
from conkernelclient.forks.program import PARTS
from tests.clients import LONG

from .conftest import PROGRAM, forked
from .test_server import lives, until_ended

if TYPE_CHECKING:
    from pathlib import Path

WAITS: Final = "import time; time.sleep(600)"


async def test_kernels_that_start_otherwise_have_another_server(program: dict[str, str]) -> None:
    """Those that start alike share one."""
    await forked(program, "")
    await forked(program | {"OWN": "1"}, "")
    assert len(servers.pids()) == 1
    await forked(program | {"OMP_NUM_THREADS": "1"}, "")
    await forked(program, "", preload=["json"])
    assert len(servers.pids()) == 3


async def test_what_cannot_be_forked_says_why() -> None:
    """For the fresh process that takes its place."""
    with pytest.raises(servers.CannotForkError, match="'ir' is no kernel of Python's"):
        await servers.fork(["ir"])


async def test_a_system_without_forks_says_so(
    program: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is started."""
    monkeypatch.setattr(servers, "CAN_FORK", False)
    with pytest.raises(servers.CannotForkError, match="no fork"):
        await forked(program, "")
    assert servers.pids() == []


async def test_an_interpreter_that_is_not_there_is_an_error(program: dict[str, str]) -> None:
    """The one that a fresh process gives."""
    with pytest.raises(FileNotFoundError, match="nowhere"):
        await servers.fork(["/nowhere/python", "-m", PROGRAM], env=program)
    assert servers.pids() == []


async def test_a_server_that_ends_as_it_starts_is_tried_once_more(
    program: dict[str, str], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then it is no use; its stderr says why."""
    monkeypatch.setitem(PARTS, PROGRAM, ("not_there_at_all",))
    with pytest.raises(servers.CannotForkError, match="ends as it starts"):
        await forked(program, "")
    assert capfd.readouterr().err.count("No module named 'not_there_at_all'") == 2
    assert servers.pids() == []


async def test_a_server_that_has_ended_is_replaced(program: dict[str, str]) -> None:
    """Its end is seen when the next kernel is asked for."""
    await forked(program, "")
    (first,) = servers.pids()
    os.kill(first, signal.SIGKILL)
    await until_ended(first)
    process = await forked(program, "sys.exit(5)")
    assert servers.pids() != [first]
    assert await asyncio.to_thread(process.wait, LONG) == 5


async def test_a_server_that_does_not_fork_in_time_is_given_up(
    program: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And killed, if need be."""
    folder = program["PYTHONPATH"].split(os.pathsep)[0]
    with open(f"{folder}/never_loads.py", "w") as file:
        file.write("import time\nwhile True: time.sleep(600)")
    monkeypatch.setattr(servers, "LONGEST", 0.2)
    monkeypatch.setattr(servers, "ENDS", 0.1)
    with pytest.raises(servers.CannotForkError, match=r"within 0\.2 s"):
        await forked(program, "", preload=["never_loads"])
    assert servers.pids() == []


async def test_a_slow_server_on_which_kernels_depend_is_left_alone(
    program: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would end with it."""
    process = await forked(program, WAITS)
    (pid,) = servers.pids()
    os.kill(pid, signal.SIGSTOP)
    monkeypatch.setattr(servers, "LONGEST", 0.1)
    with pytest.raises(servers.CannotForkError, match=r"within 0\.1 s"):
        await forked(program, "")
    os.kill(pid, signal.SIGCONT)
    assert servers.pids() == [pid]
    assert process.poll() is None
    process.kill()
    assert await asyncio.to_thread(process.wait, LONG) == -signal.SIGKILL


async def test_one_that_is_cancelled_leaves_no_process(
    program: dict[str, str], tmp_path: Path
) -> None:
    """Wherever it stands: the fork runs only when it is known here."""
    await forked(program, "")
    code = f"open({str(tmp_path / 'ran')!r} + str(__import__('os').getpid()), 'w').close()\n{WAITS}"
    for steps in range(12):
        task = asyncio.create_task(forked(program, code))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait((task,))
        assert task.cancelled()
    process = await forked(program, "")  # what was asked for before is done
    assert await asyncio.to_thread(process.wait, LONG) == 0
    assert list(tmp_path.glob("ran*")) == []


async def test_a_child_of_this_program_has_no_part_in_its_servers(program: dict[str, str]) -> None:
    """A server ends with the program that started it, whatever its children do."""
    await forked(program, "")
    (server,) = servers.pids()
    reads, writes = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(writes)
        os.read(reads, 1)
        os._exit(len(servers._running))
    try:
        servers.end_all()
        await until_ended(server)
        assert lives(pid)
    finally:
        os.close(writes)
        os.close(reads)
        _pid, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0


async def test_a_link_that_breaks_before_the_answer_is_a_server_that_is_gone(
    program: dict[str, str],
) -> None:
    """A fork that is killed before it runs is told as one."""
    code = f"{sys.executable!r}"
    process = await forked(program, code)
    assert await asyncio.to_thread(process.wait, LONG) == 0
    with pytest.raises(servers.CannotForkError, match="ended before"):
        servers._pid_in({"returncode": -9})
