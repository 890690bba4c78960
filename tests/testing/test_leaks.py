"""What a test leaves behind is found, and what was there before is not."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient.testing import leaks
from conkernelclient.testing.leaks import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(not leaks.HAS_PROC, reason="it looks into /proc")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is ending here: nobody waits for it."""
    monkeypatch.setattr(leaks, "GRACE", 0.0)


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.communicate(b"\n")


def test_a_descriptor_is_named_until_it_is_closed() -> None:
    """With what it is open on."""
    watch = Watch()
    assert watch.left() == []
    with open(os.devnull, encoding="ascii") as file:
        assert watch.left() == [f"file descriptor {file.fileno()}: {os.devnull}"]
        assert Watch().left() == []
    assert watch.left() == []


def test_a_process_is_named_with_its_command(child: subprocess.Popen[bytes]) -> None:
    """One that was there before is not."""
    assert Watch().left() == []
    watch = Watch()
    watch._processes.discard(child.pid)
    (line,) = watch.left()
    assert line.startswith(f"process {child.pid}: ")
    assert "input()" in line
    assert leaks.parent(child.pid) == str(os.getpid())


def test_what_a_test_that_failed_has_left_tells_nobody_anything() -> None:
    """Its own error is the one to read."""
    watch = Watch()

    def fails() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        watch.wrap(fails)()
    with open(os.devnull, encoding="ascii"):
        assert watch.left() == []


async def test_a_task_that_goes_on_fails_the_function_that_made_it() -> None:
    """What it gives back comes through otherwise."""
    left: list[asyncio.Task[Any]] = []

    async def leaves() -> None:
        left.append(asyncio.ensure_future(asyncio.Event().wait()))

    async def leaves_nothing() -> int:
        await asyncio.ensure_future(asyncio.sleep(0))
        return 5

    watch = Watch()
    with pytest.raises(pytest.fail.Exception, match=r"left behind:\ntask <Task"):
        await watch.wrap(leaves)()
    left[0].cancel()
    assert await watch.wrap(leaves_nothing)() == 5


def test_of_a_process_that_is_gone_nothing_is_known() -> None:
    """It ended between two looks."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    assert (leaks.parent(process.pid), leaks.descriptors(process.pid)) == ("", {})
    assert leaks.command(process.pid) == "it is gone by now"
