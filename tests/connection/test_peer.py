"""A kernel that closes its connections and does not end is gone as well, whoever watches it."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from conkernelclient import ConKernelManager, errors
from conkernelclient.testing import FakeKernel, Hold, Silence
from tests.clients import LONG, opened, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conkernelclient import ConKernelClient

# The kernel's loop ends, as an interrupt between two of its handlers can make it end. It closes its
# sockets, and then waits for ever for one of its context, as it does where a thread still has one.
LEAVE = """
import sys, zmq
from ipykernel.kernelapp import IPKernelApp
sys.kept = IPKernelApp.instance().context.socket(zmq.PAIR)
get_ipython().kernel.io_loop.add_callback(get_ipython().kernel.io_loop.stop)
"""


async def test_a_kernel_whose_process_hangs_in_its_end_is_told_as_dead() -> None:
    """Who waited for it waited for ever, and its manager took it for alive."""
    km = ConKernelManager()
    await km.start_kernel()
    kc = await km.client().start_channels()
    assert (await kc.run(LEAVE)).status == "ok"
    waiting = kc.run("1"), kc.execute("2", reply=True), kc.complete("a", reply=True)
    for outcome in await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), LONG):
        assert isinstance(outcome, errors.DeadKernelError)
        assert "closed its connections" in str(outcome)
        assert "restart_kernel" in str(outcome)
    assert await km.is_alive()  # its process is
    await km.restart_kernel(now=True)
    assert await asyncio.wait_for(kc.eval("'again'"), LONG) == "again"
    kc.stop_channels()
    await km.shutdown_kernel(now=True)


async def test_what_its_process_ends_by_afterwards_is_said() -> None:
    """That tells more than that it closed its connections."""
    km = ConKernelManager()
    await km.start_kernel()
    kc = await km.client().start_channels()
    await kc.run(LEAVE)
    with pytest.raises(errors.DeadKernelError, match="closed its connections"):
        await asyncio.wait_for(kc.run("1"), LONG)
    assert km.provisioner is not None
    os.kill(km.provisioner.pid, signal.SIGKILL)
    await until(lambda: "SIGKILL" in str(kc.run("1").exception()))
    kc.stop_channels()
    await km.shutdown_kernel(now=True)


async def test_it_is_restarted_where_dead_ones_are() -> None:
    """Once, however many clients have noticed; its process goes."""
    km = ConKernelManager(autorestart=True)
    heard: list[str] = []
    km.add_restart_callback(lambda: heard.append("restart"))
    km.add_restart_callback(lambda: heard.append("dead"), "dead")
    await km.start_kernel()
    one, two = [await km.client().start_channels() for _ in range(2)]
    await one.run(LEAVE)
    for outcome in await asyncio.wait_for(
        asyncio.gather(one.run("1"), two.run("2"), return_exceptions=True), LONG
    ):
        assert isinstance(outcome, errors.DeadKernelError)
    for kc in (one, two):
        await kc.wait_for_ready(timeout=LONG)
        assert (await asyncio.wait_for(kc.run("'back'"), LONG)).text == "'back'\n"
        kc.stop_channels()
    assert heard == ["restart"]
    await km.shutdown_kernel(now=True)


@contextmanager
def watched(kernel: FakeKernel, told: list[str]) -> Iterator[ConKernelClient]:
    """A client that believes in an owner, who says nothing."""
    kc = kernel.client()
    kc._link.watch(lambda: told.append("left"), lambda: None, is_starting=False)
    try:
        yield kc
    finally:
        kc.stop_channels()


async def test_the_client_goes_on_when_it_is_there_again() -> None:
    """Also where the owner has told nothing of either."""
    told: list[str] = []
    with FakeKernel() as kernel, watched(kernel, told) as kc:
        await opened(kc)
        kernel.kill()
        with pytest.raises(errors.DeadKernelError):
            await asyncio.wait_for(kc.run("1"), LONG)
        assert told == ["left"]
        kernel.restart()
        await until(lambda: kc._connection.presence.state.name == "HERE")
        assert (await asyncio.wait_for(kc.run("1"), LONG)).status == "ok"
        assert told == ["left"]


async def test_an_answer_that_a_short_cut_has_cost_is_not_waited_for() -> None:
    """The kernel was there again before anybody took it for gone."""
    told: list[str] = []
    with FakeKernel() as kernel, watched(kernel, told) as kc:
        await opened(kc)
        kernel.on_code("held", [Hold()])
        run = kc.run("held")
        await until(lambda: run.started)
        kernel.restart()
        with pytest.raises(errors.KernelRestartedError):
            await asyncio.wait_for(run, LONG)
        assert (await asyncio.wait_for(kc.run("1"), LONG)).status == "ok"
        assert told == []


async def test_a_kernel_that_comes_back_mute_and_goes_again_is_gone() -> None:
    """An attached client had waited for its greeting for ever, and with it whatever was sent."""
    with FakeKernel() as kernel:
        kc = await opened(kernel.client())
        kernel.on("kernel_info_request", [Silence(is_idle=False)])
        kernel.restart()
        await until(lambda: kc._connection.presence.holds and kc._peer._connected)
        run = kc.run("1")
        kernel.kill()
        with pytest.raises(errors.DeadKernelError):
            await asyncio.wait_for(run, LONG)
        kc.stop_channels()


def test_a_loop_that_ends_meanwhile_leaves_the_looking_to_the_next() -> None:
    """The task of a loop that was closed is never done: nobody looked for the kernel any more."""
    first, second = asyncio.new_event_loop(), asyncio.new_event_loop()
    with FakeKernel() as kernel:
        kc = kernel.client()

        async def lose() -> None:
            await opened(kc)
            kernel.kill()
            await until(lambda: kc._connection.presence.holds)
            await asyncio.sleep(0)  # the looking has begun

        async def find() -> str:
            with pytest.raises(errors.DeadKernelError):
                await asyncio.wait_for(kc.run("1"), LONG)
            kernel.restart()
            await until(lambda: kc._connection.presence.state.name == "HERE")
            return (await asyncio.wait_for(kc.run("1"), LONG)).status

        first.run_until_complete(lose())
        first.close()  # with what it had still to do
        assert second.run_until_complete(find()) == "ok"
        kc.stop_channels()
    second.close()
