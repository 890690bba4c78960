"""Does the kernel answer pings?"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from conkernelclient.client.heartbeat import ConHBChannel
from conkernelclient.testing import FakeKernel
from tests.clients import LONG, until

if TYPE_CHECKING:
    from conkernelclient import ConKernelManager


def beating() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if isinstance(thread, ConHBChannel)]


async def test_the_heartbeat_takes_no_thread_until_somebody_asks_for_it() -> None:
    """And none after the channels were stopped."""
    with FakeKernel() as kernel:
        kc = kernel.client()
        await kc.start_channels()
        assert (await kc.run("x")).status == "ok"
        assert kc._hb_channel is None
        before = beating()
        assert kc.hb_channel.is_alive()
        assert kc.hb_channel is kc.hb_channel
        assert len(beating()) == len(before) + 1
        kc.stop_channels()
        assert beating() == before
        assert not kc.hb_channel.is_alive()
        kc.stop_channels()


async def test_a_client_without_a_manager_asks_the_heartbeat_whether_the_kernel_lives() -> None:
    """The first question waits for the first answer, and tells no lie."""
    with FakeKernel() as kernel:
        kc = kernel.client()
        await kc.start_channels()
        try:
            assert await asyncio.wait_for(kc.is_alive(), LONG)
            assert kc.hb_channel.is_beating()
        finally:
            kc.stop_channels()


async def test_the_first_question_of_a_kernel_that_is_gone_is_answered_rightly() -> None:
    """Nobody had heard its heart before."""
    with FakeKernel() as kernel:
        kc = kernel.client()
        await kc.start_channels()
        try:
            assert (await kc.run("x")).status == "ok"
            kernel.kill()
            await until(kc._connection.is_disconnected)
            assert not await asyncio.wait_for(kc.is_alive(), LONG)
        finally:
            kc.stop_channels()


async def test_whoever_waits_for_the_first_answer_is_told_when_the_channels_are_stopped() -> None:
    """And stopping does not wait for the answer."""
    with FakeKernel() as kernel:
        kc = kernel.client()
        kernel.kill()
        await kc.start_channels()
        kc.hb_channel.time_to_dead = 1000.0
        asking = asyncio.ensure_future(kc.is_alive())
        await asyncio.sleep(0)
        kc.stop_channels()
        await asyncio.wait_for(asking, LONG)


async def test_who_does_not_want_a_heartbeat_gets_none() -> None:
    """As with jupyter_client, `is_alive` is a guess then."""
    with FakeKernel() as kernel:
        kc = kernel.client()
        await kc.start_channels(hb=False)
        assert await kc.is_alive()
        assert not kc.hb_channel.is_alive()
        kc.stop_channels()


async def test_the_context_may_be_ended_while_the_heart_is_listened_to(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The thread ends by itself."""
    with FakeKernel() as kernel:
        kc = kernel.client()
        await kc.start_channels(shell=False, iopub=False, stdin=False, control=False)
        channel = kc.hb_channel
        kc.hb_channel.time_to_dead = 0.05
        await until(lambda: channel.is_beating())
        kc.context.destroy()
        channel.stop()
        assert not channel.is_alive()
        kc.stop_channels()


def test_a_heartbeat_that_is_stopped_before_it_runs_ends(km: ConKernelManager) -> None:
    """Whatever its thread did first."""
    kc = km.client()
    channel = kc.hb_channel
    channel._exit.set()
    channel.start()
    channel.join(timeout=LONG)
    assert not channel.is_alive()
    channel.close()
    kc.context.destroy(linger=0)
