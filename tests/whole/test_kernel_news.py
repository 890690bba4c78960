"""What becomes of a real kernel's process is told to whoever watches it."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import ConKernelClient, ConKernelManager, KernelNews, errors
from tests.clients import LONG, client_of, opened, until, until_printed

if TYPE_CHECKING:
    from pathlib import Path

    from conkernelclient import KernelWatch

WRITE_AND_DIE = """
import os, signal, sys
print("last words", flush=True)
print("why", file=sys.__stderr__, flush=True)
open({gate!r}).close()
os.kill(os.getpid(), signal.SIGKILL)
"""


def watching(kc: ConKernelClient) -> tuple[KernelWatch, list[KernelNews]]:
    """A watch of `kc`, and what it hears."""
    heard = list[KernelNews]()
    return kc.watch_kernel(heard.append), heard


def states(heard: list[KernelNews]) -> list[str]:
    return [news.state for news in heard]


def kill(km: ConKernelManager) -> None:
    provisioner: Any = km.provisioner
    os.kill(provisioner.pid, signal.SIGKILL)


async def test_a_death_is_told_to_each_client_with_its_signal(
    mortal: ConKernelManager, tmp_path: Path
) -> None:
    """And its waiters were told the same."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    async with client_of(mortal) as one, client_of(mortal) as two:
        (watch, heard), (other_watch, other) = watching(one), watching(two)
        run = one.run(WRITE_AND_DIE.format(gate=str(gate)))
        await until_printed(run)
        gate.open("w").close()
        with pytest.raises(errors.DeadKernelError) as caught:
            await asyncio.wait_for(run, LONG)
        await until(lambda: heard and other)
        await watch.until_handled()
        await other_watch.until_handled()
        assert states(heard) == states(other) == ["dead"]
        for news in (*heard, *other):
            assert isinstance(news.error, errors.DeadKernelError)
            assert (news.error.exit_code, caught.value.exit_code) == (-signal.SIGKILL,) * 2
            assert "why" in news.error.stderr
            assert not news.error.expected
        assert "last words" in run.outcome.stdout
        assert one.kernel_state == two.kernel_state == "dead"


async def test_a_restart_and_a_shutdown_are_told_to_each_client(mortal: ConKernelManager) -> None:
    """The shutdown as a death that was to be expected."""
    async with client_of(mortal) as one, client_of(mortal) as two:
        heard, other = watching(one)[1], watching(two)[1]
        await mortal.restart_kernel(now=True)
        for kc in (one, two):
            await kc.wait_for_ready(timeout=LONG)
        await until(lambda: len(heard) == len(other) == 3)
        assert states(heard) == states(other) == ["restarting", "starting", "ready"]
        assert {news.error for news in (*heard, *other)} == {None}
        await mortal.shutdown_kernel(now=True)
        await until(lambda: len(heard) == len(other) == 4)
        for news in (heard[3], other[3]):
            assert news.state == "dead"
            assert isinstance(news.error, errors.DeadKernelError)
            assert news.error.expected


async def test_a_kernel_that_died_is_there_again_after_a_restart(mortal: ConKernelManager) -> None:
    """The watch of before hears of it."""
    async with client_of(mortal) as kc:
        heard = watching(kc)[1]
        kill(mortal)
        await until(lambda: kc.kernel_state == "dead")
        await mortal.restart_kernel(now=True)
        await kc.wait_for_ready(timeout=LONG)
        await until(lambda: len(heard) == 4)
        assert states(heard) == ["dead", "restarting", "starting", "ready"]


async def test_a_client_without_a_manager_learns_it_from_its_sockets(
    mortal: ConKernelManager,
) -> None:
    """First that the connection is lost, then that nothing came back."""
    async with client_of(mortal):  # the kernel is up
        kc = ConKernelClient(connection_file=mortal.connection_file)
        kc.load_connection_file()
        await opened(kc)
        heard = watching(kc)[1]
        kill(mortal)
        await until(lambda: len(heard) == 2)
        assert states(heard) == ["disconnected", "dead"]
        assert heard[0].error is None
        assert isinstance(heard[1].error, errors.DeadKernelError)
        assert heard[1].error.exit_code is None
        kc.stop_channels()


async def test_a_kernel_that_is_restarted_unasked_says_why() -> None:
    """By a manager that is to do so."""
    km = ConKernelManager(autorestart=True)
    await km.start_kernel()
    async with client_of(km) as kc:
        heard = watching(kc)[1]
        kill(km)
        await until(lambda: len(heard) == 3)
        assert states(heard) == ["restarting", "starting", "ready"]
        assert isinstance(heard[0].error, errors.DeadKernelError)
        assert heard[0].error.exit_code == -signal.SIGKILL
        assert (heard[1].error, heard[2].error) == (None, None)
        assert (await asyncio.wait_for(kc.run("'back'"), LONG)).text == "'back'\n"
    await km.shutdown_kernel(now=True)
