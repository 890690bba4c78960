"""One comm: what comes over it is read in order, without loss, until it ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import ConKernelManager, errors
from conkernelclient.testing import FakeKernel
from tests.client.talking import KERNELS, coming, numbers, opened, say
from tests.clients import LONG, client_of, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture(scope="module", params=KERNELS)
async def each(anyio_backend: Any, request: Any) -> AsyncIterator[ConKernelManager]:
    """A kernel of each kind, for the tests of this module."""
    manager = ConKernelManager(kernel_name=request.param)
    await manager.start_kernel()
    yield manager
    await manager.shutdown_kernel(now=True)


async def test_a_loop_gets_each_message_in_order_and_ends_with_the_comm(
    each: ConKernelManager,
) -> None:
    """Also those that came before it began; a handler beside it gets them as well."""
    count = 500  # an ipykernel drops what goes beyond 1,000 for a slow client
    async with client_of(each) as kc, asyncio.timeout(LONG):
        await kc.run(
            "from comm import get_comm_manager\n"
            "def count(comm, opening):\n"
            "    def go(message):\n"
            f"        for n in range({count}):\n"
            "            comm.send({'n': n})\n"
            "        comm.close()\n"
            "    comm.send({'n': -1})\n"
            "    comm.on_msg(go)\n"
            "get_comm_manager().register_target('count', count)"
        )
        comm = await kc.comms.open("count")
        heard: list[int] = []
        got: list[int] = []
        comm.send()
        async for message in comm:
            got.append(message["content"]["data"]["n"])
            comm.on_msg = lambda message: heard.append(message["content"]["data"]["n"])
        assert got == list(range(-1, count))
        await until(lambda: len(heard) >= 1)
        assert heard == got[-len(heard) :]
        assert comm.dropped == 0
        assert len(kc.comms) == 0


async def test_a_loop_ends_when_we_close_the_comm_and_is_cancelled_without_loss(
    each: ConKernelManager,
) -> None:
    """What comes meanwhile waits for the next loop."""
    async with client_of(each) as kc, asyncio.timeout(LONG):
        comm = await opened(kc)
        waiting = asyncio.ensure_future(anext(comm))
        await until(lambda: comm._news.waiters)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert waiting.cancelled()
        assert comm._news.waiters == {}
        comm.send({"n": 1})
        comm.send({"n": 2})
        got: list[Any] = []
        async for message in comm:
            got.append(message["content"]["data"]["echo"])
            if len(got) == 2:
                comm.close()
        assert got == [{"n": 1}, {"n": 2}]


async def test_a_message_that_a_handler_had_is_not_kept_for_a_loop() -> None:
    """Or a comm with a handler alone would hold all that ever came."""
    with FakeKernel(in_memory=True) as kernel:
        kc = await kernel.client().start_channels()
        await kc.wait_for_ready(timeout=LONG)
        comm = await kc.comms.open("target")
        heard: list[Any] = []
        comm.on_msg = heard.append
        say(kernel, comm, 1)
        await until(lambda: heard)
        assert len(comm._unread) == 0
        aiter(comm)
        say(kernel, comm, 2)
        assert numbers([await coming(comm)]) == [2]
        assert numbers(heard) == [1, 2]
        kc.stop_channels()


async def test_a_slow_reader_is_told_how_many_it_missed() -> None:
    """At their place; it may go on."""
    with FakeKernel(in_memory=True) as kernel:
        kc = await kernel.client().start_channels()
        await kc.wait_for_ready(timeout=LONG)
        comm = await kc.comms.open("target")
        comm._unread._max_messages = 3
        for number in range(10):
            say(kernel, comm, number)
        await until(lambda: comm.dropped == 7)
        assert numbers([await coming(comm) for _ in range(3)]) == [0, 1, 2]
        with pytest.raises(errors.LostMessagesError, match="7 messages") as lost:
            await coming(comm)
        assert lost.value.count == 7
        say(kernel, comm, 10)
        assert numbers([await coming(comm)]) == [10]
        kc.stop_channels()


async def test_a_slow_handler_holds_up_no_other_comm(each: ConKernelManager) -> None:
    """Nor the loop over its own."""
    async with client_of(each) as kc, asyncio.timeout(LONG):
        slow, quick = await opened(kc), await opened(kc)
        gate = asyncio.Event()
        heard: list[str] = []

        async def wait(message: Any) -> None:
            await gate.wait()
            heard.append("slow")

        slow.on_msg = wait
        quick.on_msg = lambda message: heard.append("quick")
        slow.send()
        await coming(slow)
        quick.send()
        await until(lambda: heard)
        assert heard == ["quick"]
        gate.set()
        await until(lambda: len(heard) == 2)
