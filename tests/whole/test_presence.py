"""The kernel's presence is one table: what a client hears decides what becomes of what it sends."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import ConKernelManager, errors
from conkernelclient.state.presence import State
from conkernelclient.testing import FakeKernel, Hold, Silence
from tests.clients import LONG, until

if TYPE_CHECKING:
    from conkernelclient import ConKernelClient


# The same with clients


async def told(waiting: Any) -> BaseException:
    """The error that it ends with, soon."""
    (outcome,) = await asyncio.wait_for(asyncio.gather(waiting, return_exceptions=True), LONG)
    assert isinstance(outcome, BaseException)
    return outcome


def state_of(kc: ConKernelClient) -> State:
    return kc._connection.presence.state


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_a_restart_is_told_to_a_client_that_looks_for_its_kernel() -> None:
    """It was ignored: what was sent before, and each run after it, waited for ever."""
    with FakeKernel() as kernel:
        kc = kernel.client()
        kc._link.watch(lambda: None, lambda: None, is_starting=False)
        kc.start_channels()
        await kc.wait_for_ready(timeout=LONG)
        kernel.on_code("held", [Hold()])
        before = kc.run("held")
        await until(lambda: before.started)
        kernel.kill()
        await until(lambda: state_of(kc) is State.SEEKING)
        kc._link.announce_restart()
        assert isinstance(await told(before), errors.KernelRestartedError)
        meanwhile = kc.run("1")
        kernel.restart()
        kc._link.start(kernel.connection_info, lambda: None, lambda: None)  # type: ignore[arg-type]
        assert (await asyncio.wait_for(meanwhile, LONG)).status == "ok"
        kc.stop_channels()


async def test_restarts_in_a_row_and_at_once_leave_no_descriptor(mortal: ConKernelManager) -> None:
    """A second one that came before the kernel was greeted was ignored, and its sockets stayed."""
    kc = mortal.client()
    kc.start_channels()
    await kc.wait_for_ready()
    before = descriptors()
    for _ in range(3):
        await asyncio.gather(mortal.restart_kernel(now=True), mortal.restart_kernel(now=True))
        await mortal.restart_kernel(now=True)
        assert (await asyncio.wait_for(kc.run("1"), LONG)).text == "1\n"
    await until(lambda: descriptors() <= before)  # libzmq's thread closes the last ones
    kc.stop_channels()


async def test_what_is_sent_between_two_restarts_is_done_by_the_second_kernel(
    mortal: ConKernelManager,
) -> None:
    """It was told of an interrupt that nobody had sent."""
    kc = mortal.client()
    kc.start_channels()
    restarts = [asyncio.ensure_future(mortal.restart_kernel(now=True)) for _ in range(2)]
    await asyncio.sleep(0)
    reply, run = kc.execute("x = 5", reply=True), kc.run("x")
    await asyncio.wait_for(asyncio.gather(*restarts), LONG)
    assert (await asyncio.wait_for(reply, LONG))["content"]["status"] == "ok"
    assert (await asyncio.wait_for(run, LONG)).text == "5\n"
    kc.stop_channels()


async def test_channels_opened_anew_look_for_a_kernel_that_had_vanished() -> None:
    """It stayed gone for the client, although it was there again."""
    with FakeKernel() as kernel:
        kc = kernel.client()
        kc.start_channels()
        await kc.wait_for_ready(timeout=LONG)
        kernel.kill()
        assert isinstance(await told(kc.run("1")), errors.DeadKernelError)
        kc.stop_channels()
        kernel.restart()
        kc.start_channels()
        assert (await asyncio.wait_for(kc.run("1"), LONG)).status == "ok"
        kc.stop_channels()


async def test_a_kernel_that_goes_while_it_is_greeted_is_told() -> None:
    """Its process may stay, so that nobody else could tell."""
    with FakeKernel(is_welcoming=False) as kernel:
        kernel.on("kernel_info_request", [Silence(is_idle=False)])
        kc = kernel.client()
        kc._link.watch(lambda: None, lambda: None, is_starting=True)
        kc.start_channels()
        run = kc.run("1")
        await asyncio.to_thread(kernel.wait_for, "kernel_info_request")
        await until(lambda: kc._peer._connected)
        assert state_of(kc) is State.GREETING
        kernel.kill()
        assert isinstance(await told(run), errors.DeadKernelError)
        kc.stop_channels()


async def test_channels_opened_anew_during_a_restart_wait_for_the_new_kernel(
    mortal: ConKernelManager,
) -> None:
    """What was sent over them left for the old one, and the new one's result was lost."""
    kc = mortal.client()
    kc.start_channels()
    await kc.run("mark = 'old'")
    restarting = asyncio.ensure_future(mortal.restart_kernel(now=True))
    await asyncio.sleep(0)
    kc.stop_channels()
    kc.start_channels()
    assert state_of(kc) is State.RESTARTING
    result = await asyncio.wait_for(kc.run("'mark' in globals()"), LONG)
    assert (result.status, result.text, result.interrupted) == ("ok", "False\n", False)
    await restarting
    kc.stop_channels()


async def test_a_client_made_during_a_restart_waits_for_the_new_kernel(
    mortal: ConKernelManager,
) -> None:
    """Its first run ended as interrupted, or never."""
    for _ in range(3):
        restarting = asyncio.ensure_future(mortal.restart_kernel(now=True))
        await asyncio.sleep(0)
        kc = mortal.client()
        kc.start_channels()
        result = await asyncio.wait_for(kc.run("print('here')"), LONG)
        assert (result.status, result.stdout) == ("ok", "here\n")
        await restarting
        kc.stop_channels()


async def test_a_restart_that_is_cancelled_before_its_turn_lets_the_clients_go_on(
    mortal: ConKernelManager,
) -> None:
    """They had been told that their kernel leaves."""
    kc = mortal.client()
    kc.start_channels()
    await kc.run("mark = 1")
    async with mortal._lock():
        restarting = asyncio.ensure_future(mortal.restart_kernel(now=True))
        await until(lambda: state_of(kc) is State.RESTARTING)
        run = kc.run("mark")
        restarting.cancel()
        await asyncio.wait((restarting,))
    assert (await asyncio.wait_for(run, LONG)).text == "1\n"
    kc.stop_channels()


async def test_a_client_of_a_kernel_that_ended_says_so_after_it_was_opened_anew(
    mortal: ConKernelManager,
) -> None:
    """Its owner knows; nobody waits for a kernel that cannot come."""
    kc = mortal.client()
    kc.start_channels()
    await kc.run("1")
    await mortal.shutdown_kernel(now=True)
    kc.stop_channels()
    kc.start_channels()
    with pytest.raises(errors.DeadKernelError, match="was shut down"):
        await kc.run("1")
    kc.stop_channels()
