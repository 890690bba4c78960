"""A program and the kernel exchange messages of their own."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import ConKernelManager, errors
from conkernelclient.testing import FakeKernel, Hold, Reply, Silence
from tests.client.talking import ECHO, KERNELS, coming, numbers, opened, say
from tests.clients import LONG, client_of, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from conkernelclient import ConKernelClient
    from conkernelclient.client.comms import Comm

SIZE = 5_000_000


@pytest.fixture(scope="module", params=KERNELS)
async def each(anyio_backend: Any, request: Any) -> AsyncIterator[ConKernelManager]:
    """A kernel of each kind, for the tests of this module."""
    manager = ConKernelManager(kernel_name=request.param)
    await manager.start_kernel()
    yield manager
    await manager.shutdown_kernel(now=True)


@pytest.fixture(params=KERNELS)
async def doomed(anyio_backend: Any, request: Any) -> AsyncIterator[ConKernelManager]:
    """A kernel of each kind, for one test, which may end it."""
    manager = ConKernelManager(kernel_name=request.param)
    await manager.start_kernel()
    yield manager
    await manager.shutdown_kernel(now=True)


async def test_comms_open_from_both_sides(each: ConKernelManager) -> None:
    """And carry data and buffers both ways."""
    async with client_of(each) as kc:
        heard: list[Any] = []
        arrived: list[Any] = []
        await kc.run(
            "from comm import get_comm_manager, create_comm\n"
            "def on_open(comm, msg):\n"
            "    def echo(m):\n"
            "        comm.send({'echo': m['content']['data']}, buffers=m['buffers'])\n"
            "    comm.on_msg(echo)\n"
            "get_comm_manager().register_target('echo', on_open)"
        )
        comm = kc.comms.open("echo", {"hello": 1})
        comm.on_msg = heard.append
        comm.send({"n": 1}, buffers=[b"raw"])
        await until(lambda: heard)
        assert heard[0]["content"]["data"] == {"echo": {"n": 1}}
        assert [bytes(buffer) for buffer in heard[0]["buffers"]] == [b"raw"]
        kc.comms.register_target("mine", lambda comm, msg: arrived.append((comm, msg)))
        await kc.run("c = create_comm(target_name='mine', data={'from': 'kernel'})")
        await until(lambda: arrived)
        theirs, message = arrived[0]
        assert message["content"]["data"] == {"from": "kernel"}
        assert await theirs is theirs
        closed: list[Any] = []
        theirs.on_close = closed.append
        await kc.run("c.close()")
        await until(lambda: closed)
        assert not theirs.is_open
        with pytest.raises(ValueError, match="closed"):
            theirs.send({})
        comm.close()
        assert list(kc.comms) == []


async def test_a_target_that_is_missing_is_an_error(each: ConKernelManager) -> None:
    """Awaited, it is raised with what the kernel wrote; else the comm is closed."""
    async with client_of(each) as kc, asyncio.timeout(LONG):
        with pytest.raises(errors.CommTargetError, match="'nowhere'") as refusal:
            await kc.comms.open("nowhere")
        assert "No such comm target registered: nowhere" in refusal.value.stderr
        closed: list[Any] = []
        comm = kc.comms.open("nowhere")
        comm.on_close = closed.append
        await until(lambda: closed)
        assert not comm.is_open
        assert len(kc.comms) == 0
        await until(lambda: kc.stats()["pending"] == 0)


async def test_a_target_whose_handler_fails_is_an_error(each: ConKernelManager) -> None:
    """With its traceback."""
    async with client_of(each) as kc, asyncio.timeout(LONG):
        await kc.run(
            "from comm import get_comm_manager\n"
            "get_comm_manager().register_target('broken', lambda comm, message: 1 / 0)"
        )
        with pytest.raises(errors.CommTargetError) as refusal:
            await kc.comms.open("broken")
        assert "ZeroDivisionError" in refusal.value.stderr


async def test_metadata_and_buffers_are_kept_in_both_directions(each: ConKernelManager) -> None:
    """With the opening, with 5 MB, with several buffers, and with the close."""
    async with client_of(each) as kc, asyncio.timeout(LONG):
        await kc.run(ECHO)
        large = bytes(range(256)) * (SIZE // 256)
        comm = kc.comms.open("echo", {"x": 1}, metadata={"m": "o"}, buffers=[large, b""])
        greeting = await coming(comm)
        assert greeting["content"]["data"] == {"opened": {"x": 1}}
        assert greeting["metadata"]["echo"] == "o"
        assert [bytes(one) for one in greeting["buffers"]] == [large, b""]
        comm.send({"n": 2}, metadata={"m": [1]}, buffers=[memoryview(large), bytearray(b"ab"), b""])
        echo = await coming(comm)
        assert echo["content"]["data"] == {"echo": {"n": 2}}
        assert echo["metadata"]["echo"] == [1]
        assert [bytes(one) for one in echo["buffers"]] == [large, b"ab", b""]
        assert all(isinstance(one, (bytes, memoryview)) for one in echo["buffers"])
        comm.close({"why": 3}, metadata={"m": "c"}, buffers=[large])
        result = await kc.run(
            "[(data, m, [bytes(one) == bytes(range(256)) * (len(one) // 256) and len(one) "
            "for one in buffers]) for data, m, buffers in seen]"
        )
        assert result.value == [({"why": 3}, "c", [len(large)])]
        kc.comms.register_target("mine", lambda comm, message: arrived.append((comm, message)))
        arrived: list[Any] = []
        await kc.run(
            f"c = create_comm(target_name='mine', metadata={{'m': 1}}, buffers=[b'x' * {SIZE}])\n"
            f"c.close({{'d': 1}}, metadata={{'m': 2}}, buffers=[b'y' * {SIZE}])"
        )
        await until(lambda: arrived)
        (theirs, opening) = arrived[0]
        assert opening["metadata"]["m"] == 1
        assert bytes(opening["buffers"][0]) == b"x" * SIZE
        await until(lambda: not theirs.is_open)


async def test_the_kernel_s_close_has_its_buffers(each: ConKernelManager) -> None:
    """For `on_close`, sync or async."""
    async with client_of(each) as kc, asyncio.timeout(LONG):
        closed: list[Any] = []

        async def on_close(message: Any) -> None:
            await asyncio.sleep(0)
            closed.append(message)

        async def on_open(comm: Comm, _: Any) -> None:
            await asyncio.sleep(0)
            comm.on_close = on_close

        kc.comms.register_target("mine", on_open)
        await kc.run(
            "from comm import create_comm\n"
            "c = create_comm(target_name='mine')\n"
            f"c.close({{'d': 1}}, metadata={{'m': 2}}, buffers=[b'y' * {SIZE}])"
        )
        await until(lambda: closed)
        assert closed[0]["content"]["data"] == {"d": 1}
        assert closed[0]["metadata"]["m"] == 2
        assert bytes(closed[0]["buffers"][0]) == b"y" * SIZE


@asynccontextmanager
async def ending(km: ConKernelManager) -> AsyncIterator[tuple[ConKernelClient, Comm, list[Any]]]:
    """A client and its comm, whose kernel is about to end, and what `on_close` was given."""
    kc = km.client()
    kc.start_channels()
    await kc.wait_for_ready(timeout=LONG)
    closed: list[Any] = []
    try:
        comm = await opened(kc)
        comm.on_close = closed.append
        async with asyncio.timeout(LONG):
            yield kc, comm, closed
    finally:
        kc.stop_channels()


async def test_a_restart_closes_the_comms(doomed: ConKernelManager) -> None:
    """A loop is told why, `on_close` is called without a message, and the new kernel has none."""
    async with ending(doomed) as (kc, comm, closed):
        waiting = asyncio.ensure_future(anext(comm))
        await until(lambda: comm._news.waiters)
        await doomed.restart_kernel(now=True)
        with pytest.raises(errors.KernelRestartedError):
            await waiting
        await until(lambda: closed)
        assert closed == [None]
        assert not comm.is_open
        assert isinstance(comm.error, errors.KernelRestartedError)
        assert len(kc.comms) == 0
        assert await kc.comms.adopt() == []
        with pytest.raises(errors.CommTargetError):
            await kc.comms.open("echo")
        comm = await opened(kc)
        assert list(kc.comms) == [comm]


async def test_a_death_closes_the_comms(doomed: ConKernelManager) -> None:
    """With the error that says how the kernel ended, also for an opening that it held."""
    async with ending(doomed) as (kc, comm, closed):
        waiting = asyncio.ensure_future(anext(comm))
        await until(lambda: comm._news.waiters)
        await kc.run(
            "from comm import get_comm_manager\n"
            "get_comm_manager().register_target('end', lambda c, m: __import__('os')._exit(3))"
        )
        with pytest.raises(errors.DeadKernelError):
            await kc.comms.open("end")
        with pytest.raises(errors.DeadKernelError):
            await waiting
        await until(lambda: closed)
        assert closed == [None]
        assert not comm.is_open
        assert len(kc.comms) == 0


async def test_closed_channels_close_the_comms_here_and_they_can_be_adopted_again(
    each: ConKernelManager,
) -> None:
    """The kernel has them still."""
    async with client_of(each) as kc, asyncio.timeout(LONG):
        comm = await opened(kc)
        closed: list[Any] = []
        comm.on_close = closed.append
        waiting = asyncio.ensure_future(anext(comm))
        await until(lambda: comm._news.waiters)
        kc.stop_channels()
        with pytest.raises(errors.ChannelsClosedError):
            await waiting
        await until(lambda: closed)
        assert closed == [None]
        assert len(kc.comms) == 0
        kc.start_channels()
        await kc.wait_for_ready(timeout=LONG)
        (again,) = [one for one in await kc.comms.adopt("echo") if one.comm_id == comm.comm_id]
        again.send({"n": 1})
        assert (await coming(again))["content"]["data"] == {"echo": {"n": 1}}
        again.close()


async def test_a_late_client_adopts_what_is_open(each: ConKernelManager) -> None:
    """Of one target or of all, once, with its messages."""
    async with client_of(each) as early, client_of(each) as late, asyncio.timeout(LONG):
        theirs = await opened(early)
        await early.run("kept = create_comm(target_name='other')")
        (adopted,) = await late.comms.adopt("other")
        heard: list[Any] = []
        adopted.on_msg = heard.append
        await early.run("kept.send({'n': 1})")
        await until(lambda: heard)
        assert heard[0]["content"]["data"] == {"n": 1}
        assert await late.comms.adopt("other") == []
        assert await late.comms.adopt("nowhere") == []
        rest = await late.comms.adopt()
        assert theirs.comm_id in [comm.comm_id for comm in rest]
        assert await early.comms.adopt("echo") == [
            comm for comm in early.comms if comm is not theirs and comm.target_name == "echo"
        ]
        await early.run("kept.close()")
        await until(lambda: not adopted.is_open)
        theirs.close()


async def test_one_client_s_comms_are_not_another_one_s(each: ConKernelManager) -> None:
    """Although the kernel publishes what it sends to both."""
    async with client_of(each) as one, client_of(each) as other, asyncio.timeout(LONG):
        mine, theirs = await opened(one), await opened(other)
        assert list(one.comms) == [mine]
        assert list(other.comms) == [theirs]
        for number in range(20):
            mine.send({"mine": number})
            theirs.send({"theirs": number})
        got = [(await coming(mine), await coming(theirs)) for _ in range(20)]
        echoes = [tuple(message["content"]["data"]["echo"] for message in pair) for pair in got]
        assert echoes == [({"mine": number}, {"theirs": number}) for number in range(20)]
        mine.close()
        await one.run("1")
        assert theirs.is_open
        theirs.send({"still": "here"})
        assert (await coming(theirs))["content"]["data"] == {"echo": {"still": "here"}}
        theirs.close()


async def test_a_slider_is_read_and_set_from_a_second_client(each: ConKernelManager) -> None:
    """As a front end does that comes late: its state is asked for over its comm."""
    async with client_of(each) as early, client_of(each) as late, asyncio.timeout(LONG):
        await early.run("import ipywidgets; slider = ipywidgets.IntSlider(value=3, max=10)")
        states: dict[str, Any] = {}
        for comm in await late.comms.adopt("jupyter.widget"):
            comm.send({"method": "request_state"})
            data = (await coming(comm))["content"]["data"]
            assert data["method"] == "update"
            states[data["state"]["_model_name"]] = comm, data["state"]
        assert {"IntSliderModel", "LayoutModel", "SliderStyleModel"} <= set(states)
        comm, state = states["IntSliderModel"]
        assert (state["value"], state["max"]) == (3, 10)
        comm.send({"method": "update", "state": {"value": 7}, "buffer_paths": []})
        assert (await early.run("slider.value")).value == 7
        await early.run("slider.value = 9")
        async for message in comm:
            if message["content"]["data"]["state"].get("value") == 9:
                break
        await early.run("slider.close()")
        await until(lambda: not comm.is_open)


async def test_a_comm_that_is_closed_while_it_is_adopted_is_not_adopted() -> None:
    """Its close may come before the list that has it."""
    with FakeKernel(in_memory=True) as kernel:
        kc = await kernel.client().start_channels()
        await kc.wait_for_ready(timeout=LONG)
        named, reply = {"target_name": "t"}, threading.Event()
        told = {"gone": named, "kept": named, "odd": 5, "other": {}}
        kernel.on("comm_info_request", [Hold(reply), Reply({"comms": told})])
        closed: list[Any] = []
        kc.subscribe(closed.append, msg_type="comm_close")
        adopting = asyncio.create_task(kc.comms.adopt("t"))
        (request,) = await asyncio.to_thread(kernel.wait_for, "comm_info_request")
        assert request["content"] == {"target_name": "t"}
        kernel.publish("comm_close", {"comm_id": "gone", "data": {}})
        await until(lambda: closed)
        reply.set()
        adopted = await asyncio.wait_for(adopting, LONG)
        assert [comm.comm_id for comm in adopted] == ["kept"]
        assert list(kc.comms) == adopted
        kc.stop_channels()


async def test_a_kernel_that_does_not_tell_its_comms_is_an_error() -> None:
    """At once, or when its time is over."""
    with FakeKernel(in_memory=True) as kernel:
        kc = await kernel.client().start_channels()
        await kc.wait_for_ready(timeout=LONG)
        kernel.on("comm_info_request", [Reply({"comms": [1]})])
        with pytest.raises(errors.ProtocolError, match="comm_info_reply"):
            await kc.comms.adopt()
        kernel.on("comm_info_request", [Silence(is_idle=False)])
        with pytest.raises(errors.ReplyTimeout):
            await kc.comms.adopt(timeout=0.01)
        assert len(kc.comms) == 0
        kc.stop_channels()


async def test_a_comm_that_was_adopted_is_the_one_that_its_target_s_handler_gets() -> None:
    """The list of comms may come before the opening that the kernel published."""
    with FakeKernel(in_memory=True) as kernel:
        kc = await kernel.client().start_channels()
        await kc.wait_for_ready(timeout=LONG)
        kernel.on("comm_info_request", [Reply({"comms": {"c": {"target_name": "t"}}})])
        (adopted,) = await kc.comms.adopt()
        given: list[Any] = []
        kc.comms.register_target("t", lambda comm, message: given.append(comm))
        kernel.publish("comm_open", {"comm_id": "c", "target_name": "t", "data": {}})
        await until(lambda: given)
        assert given == [adopted]
        kc.stop_channels()


@pytest.mark.parametrize("end", ["restart", "kill"])
async def test_a_client_without_a_manager_learns_of_the_end(end: str) -> None:
    """From its sockets, and asks the kernel that it finds."""
    with FakeKernel(in_memory=True) as kernel:
        kc = await kernel.client().start_channels()
        await kc.wait_for_ready(timeout=LONG)
        comm = await kc.comms.open("target")
        closed: list[Any] = []
        comm.on_close = closed.append
        waiting = asyncio.ensure_future(anext(comm))
        await asyncio.to_thread(getattr(kernel, end))
        expected = errors.KernelRestartedError if end == "restart" else errors.DeadKernelError
        with pytest.raises(expected):
            await asyncio.wait_for(waiting, LONG)
        await until(lambda: closed)
        assert closed == [None]
        assert len(kc.comms) == 0
        kc.stop_channels()


async def test_a_cut_connection_costs_no_comm_and_is_told() -> None:
    """The kernel is asked which it has; what it published meanwhile is not known."""
    with FakeKernel(in_memory=True) as kernel:
        kc = await kernel.client().start_channels()
        await kc.wait_for_ready(timeout=LONG)
        kept, gone = await kc.comms.open("target"), await kc.comms.open("target")
        there = {kept.comm_id: {"target_name": "target"}}
        kernel.on("comm_info_request", [Reply({"comms": there})])
        kc._connection.disconnected("shell")
        with pytest.raises(errors.LostMessagesError, match="cut") as lost:
            await coming(kept)
        assert lost.value.count is None
        assert [message async for message in gone] == []
        assert gone.error is None
        assert list(kc.comms) == [kept]
        say(kernel, kept, 1)
        assert numbers([await coming(kept)]) == [1]
        kc.stop_channels()


async def test_one_that_is_opened_while_the_kernel_starts_comes_after_what_was_before_it() -> None:
    """So a target that a run registers is there."""
    manager = ConKernelManager(kernel_name="python3")
    async with asyncio.timeout(LONG):
        await manager.start_kernel()
        kc = manager.client()
        await kc.start_channels()
        run = kc.run(ECHO)
        comm = kc.comms.open("echo", {"early": 1})
        comm.send({"n": 1})
        assert await comm is comm
        assert (await coming(comm))["content"]["data"] == {"opened": {"early": 1}}
        assert (await coming(comm))["content"]["data"] == {"echo": {"n": 1}}
        assert (await run).status == "ok"
        kc.stop_channels()
        await manager.shutdown_kernel(now=True)


async def test_one_that_waits_for_the_kernel_is_sent_to_its_successor(
    doomed: ConKernelManager,
) -> None:
    """A restart costs what was sent; this was not."""
    kc = doomed.client()
    kc.start_channels()
    async with asyncio.timeout(LONG):
        comm = kc.comms.open("nowhere")
        await doomed.restart_kernel(now=True)
        with pytest.raises(errors.CommTargetError):
            await comm
        assert len(kc.comms) == 0
    kc.stop_channels()


async def test_another_thread_opens_and_sends() -> None:
    """In the loop that the client serves."""
    with FakeKernel(in_memory=True) as kernel:
        kc = await kernel.client().start_channels()
        await kc.wait_for_ready(timeout=LONG)
        made: list[Comm] = []

        def work() -> None:
            comm = kc.comms.open("target", {"x": 1})
            comm.send({"x": 2})
            made.append(comm)

        thread = threading.Thread(target=work)
        thread.start()
        await asyncio.to_thread(thread.join)
        await asyncio.wait_for(made[0], LONG)
        (sent,) = await asyncio.to_thread(kernel.wait_for, "comm_msg")
        assert sent["content"]["data"] == {"x": 2}
        kc.stop_channels()


async def test_another_thread_is_told_that_the_channels_are_closed() -> None:
    """And what another one sends to a kernel that is gone by then is logged."""
    with FakeKernel(in_memory=True) as kernel:
        kc = await kernel.client().start_channels()
        await kc.wait_for_ready(timeout=LONG)
        comm = await kc.comms.open("target")
        kc.shell_channel.stop()
        with pytest.raises(errors.ChannelsClosedError):
            await asyncio.to_thread(comm.send)
        with pytest.raises(errors.ChannelsClosedError):
            await asyncio.to_thread(kc.comms.open, "target")
        assert list(kc.comms) == [comm]
        kc.stop_channels()
        with pytest.raises(errors.ChannelsClosedError):
            await comm


async def test_a_target_that_is_unregistered_takes_no_more_comms() -> None:
    """As one that never was."""
    with FakeKernel(in_memory=True) as kernel:
        kc = await kernel.client().start_channels()
        await kc.wait_for_ready(timeout=LONG)
        given: list[Any] = []
        kc.comms.register_target("t", lambda comm, message: given.append(comm))
        kernel.publish("comm_open", {"comm_id": "c", "target_name": "t", "data": {}})
        await until(lambda: given)
        kc.comms.unregister_target("t")
        kc.comms.unregister_target("t")
        seen: list[Any] = []
        kc.subscribe(seen.append, msg_type="comm_open")
        kernel.publish("comm_open", {"comm_id": "d", "target_name": "t", "data": {}})
        await until(lambda: seen)
        assert list(kc.comms) == given
        kc.stop_channels()


async def test_a_kernel_that_cannot_tell_its_comms_after_a_cut_keeps_them() -> None:
    """Who reads them is told of the cut."""
    with FakeKernel(in_memory=True) as kernel:
        kc = await kernel.client().start_channels()
        await kc.wait_for_ready(timeout=LONG)
        comm = await kc.comms.open("target")
        kernel.on("comm_info_request", [Reply({"comms": None})])
        kc._connection.disconnected("shell")
        with pytest.raises(errors.LostMessagesError, match="cut"):
            await coming(comm)
        assert list(kc.comms) == [comm]
        kc.stop_channels()
