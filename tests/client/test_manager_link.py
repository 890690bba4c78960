"""What the manager says of its kernel reaches its clients, from any thread."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from conkernelclient import errors
from conkernelclient.state.presence import State
from conkernelclient.testing import FakeKernel, Hold
from tests.clients import LONG, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from conkernelclient import ConKernelClient


@pytest.fixture
async def kc() -> AsyncIterator[ConKernelClient]:
    """A client that is ready, whose kernel holds `wait`."""
    with FakeKernel(in_memory=True) as kernel:
        kernel.on_code("wait", [Hold()])
        made = await kernel.client().start_channels()
        await made.wait_for_ready(timeout=LONG)
        yield made
        made.stop_channels()


def died() -> errors.DeadKernelError:
    return errors.DeadKernelError("it died", exit_code=7)


async def test_an_end_fails_what_waits_with_its_own_words(kc: ConKernelClient) -> None:
    """And what is sent from then on."""
    reply = kc.execute("wait", reply=True)
    kc._link.end(died)
    with pytest.raises(errors.DeadKernelError, match="it died"):
        await asyncio.wait_for(reply, LONG)
    with pytest.raises(errors.DeadKernelError, match="it died"):
        kc.execute("1")


async def test_a_restart_fails_what_was_sent_and_pauses_what_follows(kc: ConKernelClient) -> None:
    """Until the kernel is started, or nothing comes of it."""
    before = kc.execute("wait", reply=True)
    kc._link.announce_restart()
    with pytest.raises(errors.KernelRestartedError):
        await asyncio.wait_for(before, LONG)
    after = kc.run("1")
    await asyncio.sleep(0)
    assert not after.started
    assert kc._connection.presence.state is State.RESTARTING
    kc._link.call_off_restart()
    assert kc._connection.presence.state is not State.RESTARTING
    kc._link.call_off_restart()  # harmless: there is none


async def test_it_tells_from_a_thread_as_well(kc: ConKernelClient) -> None:
    """As the thread does that waits for the process."""
    reply = kc.execute("wait", reply=True)
    await asyncio.to_thread(kc._link.end, died)
    with pytest.raises(errors.DeadKernelError):
        await asyncio.wait_for(reply, LONG)


async def test_whether_anything_came_counts_from_the_last_start(kc: ConKernelClient) -> None:
    """Of the kernel before it there may be much."""
    assert kc._link.has_received()
    calls: list[str] = []
    kc._link.start(
        kc.get_connection_info(), lambda: calls.append("left"), lambda: calls.append("answered")
    )
    assert not kc._link.has_received()
    await until(lambda: calls)
    assert calls == ["answered"]
    assert kc._link.has_received()
    assert kc._link.loop is asyncio.get_running_loop()
