"""The end of a process is noticed whatever the event loops do."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from typing import Any

import pytest

from conkernelclient.manager.watch import ProcessWatch
from tests.clients import LONG


class Ends:
    """What a watch tells of its process's end."""

    def __init__(self) -> None:
        self.told: list[ProcessWatch] = []
        self.is_told = threading.Event()

    def __call__(self, watch: ProcessWatch) -> None:
        self.told.append(watch)
        self.is_told.set()


def waiting(**options: Any) -> subprocess.Popen[bytes]:
    """A process that ends when its stdin does, with status 3."""
    program = "import sys; sys.stdin.read(); sys.exit(3)"
    return subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, **options)


def end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()


@pytest.mark.parametrize(("how", "code"), [(end, 3), (lambda p: p.kill(), -signal.SIGKILL)])
def test_it_is_told_once_with_how_it_ended(how: Any, code: int) -> None:
    """In a thread: no loop is needed."""
    ends = Ends()
    with waiting() as process:
        watch = ProcessWatch(process, owns_group=False, on_end=ends)
        assert (watch.pid, watch.is_over, watch.exit_code) == (process.pid, False, None)
        how(process)
        assert ends.is_told.wait(LONG)
    assert ends.told == [watch]
    assert (watch.is_over, watch.exit_code) == (True, code)


async def test_whoever_waits_is_told_and_gives_up_in_time() -> None:
    """Also if it has ended before."""
    with waiting() as process:
        watch = ProcessWatch(process, owns_group=False, on_end=Ends())
        await watch.until_over(0.01)
        assert not watch.is_over
        assert not watch._waiters
        waiter = asyncio.ensure_future(watch.until_over(LONG))
        await asyncio.sleep(0)
        end(process)
        await waiter
        assert watch.is_over
        await watch.until_over(LONG)


def test_its_group_ends_with_it_where_it_is_ours() -> None:
    """What it had started has no one else to end it."""
    program = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE)\n"
        "print(child.pid, flush=True)\n"
    )
    reading, writing = os.pipe()
    ends = Ends()
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=writing, start_new_session=True
    ) as process:
        os.close(writing)
        ProcessWatch(process, owns_group=True, on_end=ends)
        with open(reading, "rb") as output:
            assert output.readline().strip().isdigit()
            assert output.read() == b""  # the child had that end as well: it is gone
        assert ends.is_told.wait(LONG)


def test_an_end_that_cannot_be_told_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The watch has done its work all the same."""
    is_over = threading.Event()

    def fail(_: ProcessWatch) -> None:
        is_over.set()
        raise ZeroDivisionError

    with waiting() as process:
        watch = ProcessWatch(process, owns_group=False, on_end=fail)
        (thread,) = [t for t in threading.enumerate() if t.name == f"conkernel-watch-{process.pid}"]
        end(process)
        thread.join(LONG)
    assert is_over.is_set()
    assert watch.is_over
    assert "could not be told" in caplog.text
    caplog.clear()


def test_the_status_is_known_although_another_thread_waits_for_the_process() -> None:
    """`Popen.poll` gives None as long as it does."""
    ends = Ends()
    with waiting() as process:
        watch = ProcessWatch(process, owns_group=False, on_end=ends)
        with process._waitpid_lock:
            end(process)
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            assert not ends.is_told.wait(0.1)
        assert ends.is_told.wait(LONG)
        assert watch.exit_code == 3
