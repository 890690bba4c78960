"""A comm that we open is handled when the kernel is idle for it, and refused if it closed it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import ConKernelClient, errors
from conkernelclient.testing import FakeKernel, Publish, Say, Silence
from tests.clients import LONG, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def client_of_fake(kernel: FakeKernel) -> AsyncIterator[ConKernelClient]:
    """A client that has heard the kernel."""
    kc = await kernel.client().start_channels()
    try:
        await kc.wait_for_ready(timeout=LONG)
        yield kc
        assert kc.stats()["pending"] == 0
    finally:
        kc.stop_channels()


def closing(*after: Any, data: Any = None) -> Any:
    """A script that closes the comm, and does what is `after`."""

    def script(request: Any) -> list[Any]:
        comm_id = request["content"]["comm_id"]
        return [Publish("comm_close", {"comm_id": comm_id, "data": data or {}}), *after, Silence()]

    return script


async def test_its_idle_says_that_it_was_handled() -> None:
    """What is published before it is not."""
    with FakeKernel(in_memory=True) as kernel:
        kernel.on("comm_open", [Say("at work"), Silence()])
        async with client_of_fake(kernel) as kc:
            opening = kc.comms.open("target", {"x": 1}, metadata={"m": 2}, buffers=[b"b"])
            comm = await asyncio.wait_for(opening, LONG)
            assert comm is opening
            assert comm.is_open
            assert await comm is comm
            assert list(kc.comms) == [comm]
        (request,) = kernel.wait_for("comm_open")
    assert request["content"] == {
        "comm_id": comm.comm_id,
        "target_name": "target",
        "data": {"x": 1},
    }
    assert request["metadata"]["m"] == 2
    assert [bytes(one) for one in request["buffers"]] == [b"b"]


async def test_a_close_before_the_idle_is_a_refusal() -> None:
    """The error has what the kernel said; other requests and clients are not hurt."""
    with FakeKernel(in_memory=True) as kernel:
        kernel.on("comm_open", closing(Say("no such target", name="stderr"), data={"known": ["a"]}))
        async with client_of_fake(kernel) as kc:
            closed: list[Any] = []
            comm = kc.comms.open("target")
            comm.on_close = closed.append
            with pytest.raises(errors.CommTargetError, match="target") as refusal:
                await asyncio.wait_for(comm, LONG)
            assert refusal.value.target_name == "target"
            assert refusal.value.data == {"known": ["a"]}
            assert refusal.value.stderr == "no such target"
            assert "'known': ['a']" in str(refusal.value)
            assert not comm.is_open
            assert len(kc.comms) == 0
            assert [one["msg_type"] for one in closed] == ["comm_close"]
            with pytest.raises(errors.CommTargetError):  # who asks again is told again
                await comm
            assert isinstance(comm.error, errors.CommTargetError)
            with pytest.raises(ValueError, match="closed"):
                comm.send()


async def test_a_close_after_the_idle_closes_an_open_comm() -> None:
    """The kernel had handled the opening by then."""
    with FakeKernel(in_memory=True) as kernel:
        async with client_of_fake(kernel) as kc:
            comm = await asyncio.wait_for(kc.comms.open("target"), LONG)
            closed: list[Any] = []
            comm.on_close = closed.append
            (request,) = kernel.wait_for("comm_open")
            kernel.publish("comm_close", {"comm_id": comm.comm_id, "data": {}}, request)
            await until(lambda: closed)
            assert not comm.is_open
            assert comm.error is None
            assert await comm is comm
            assert [message async for message in comm] == []


async def test_a_close_of_another_comm_refuses_nothing() -> None:
    """As a target's handler may close one that it had before."""
    with FakeKernel(in_memory=True) as kernel:
        kernel.on("comm_open", [Publish("comm_close", {"comm_id": "other"}), Silence()])
        async with client_of_fake(kernel) as kc:
            comm = await asyncio.wait_for(kc.comms.open("target"), LONG)
            assert comm.is_open


async def test_one_that_the_kernel_answers_and_closes_is_refused_after_its_messages() -> None:
    """They are not lost; a loop over them ends."""

    def script(request: Any) -> list[Any]:
        comm_id = request["content"]["comm_id"]
        return [
            Publish("comm_msg", {"comm_id": comm_id, "data": {"n": 1}}),
            Publish("comm_close", {"comm_id": comm_id}),
            Silence(),
        ]

    with FakeKernel(in_memory=True) as kernel:
        kernel.on("comm_open", script)
        async with client_of_fake(kernel) as kc, asyncio.timeout(LONG):
            comm = kc.comms.open("target")
            assert [message["content"]["data"] async for message in comm] == [{"n": 1}]
            with pytest.raises(errors.CommTargetError):
                await comm


async def test_a_loop_over_one_that_was_refused_in_silence_raises() -> None:
    """It does not look as if the kernel had had nothing to say."""
    with FakeKernel(in_memory=True) as kernel:
        kernel.on("comm_open", closing())
        async with client_of_fake(kernel) as kc, asyncio.timeout(LONG):
            with pytest.raises(errors.CommTargetError):
                await anext(kc.comms.open("target"))


async def test_a_timeout_closes_it_and_later_news_reach_nobody() -> None:
    """The kernel is told, as it may open it yet."""
    with FakeKernel(in_memory=True) as kernel:
        kernel.on("comm_open", [Silence(is_idle=False)])
        async with client_of_fake(kernel) as kc:
            comm = kc.comms.open("target", timeout=0.01)
            with pytest.raises(errors.ReplyTimeout, match="comm_open"):
                await asyncio.wait_for(comm, LONG)
            assert not comm.is_open
            (request,) = await asyncio.to_thread(kernel.wait_for, "comm_close")
            assert request["content"]["comm_id"] == comm.comm_id
            assert len(kc.comms) == 0


async def test_the_last_awaiter_that_is_cancelled_closes_it() -> None:
    """Another one that waits keeps it."""
    with FakeKernel(in_memory=True) as kernel:
        kernel.on("comm_open", [Silence(is_idle=False)])
        async with client_of_fake(kernel) as kc:
            comm = kc.comms.open("target")
            first, second = (asyncio.ensure_future(comm) for _ in range(2))
            await until(lambda: len(comm._news.waiters) == 2)
            first.cancel()
            await asyncio.wait([first])
            assert comm.is_open
            second.cancel()
            await asyncio.wait([second])
            assert not comm.is_open
            assert comm._news.waiters == {}
            assert list(kc._connection.subscribers.all) == [kc.comms._subscription]


@pytest.mark.parametrize(
    ("end", "error"),
    [
        ("restart", errors.KernelRestartedError),
        ("kill", errors.DeadKernelError),
        ("stop", errors.ChannelsClosedError),
    ],
)
async def test_the_kernel_s_end_ends_the_wait(end: str, error: type[Exception]) -> None:
    """Of a client without a manager, which learns it from its sockets."""
    with FakeKernel(in_memory=True) as kernel:
        kernel.on("comm_open", [Silence(is_idle=False)])
        kc = await kernel.client().start_channels()
        await kc.wait_for_ready(timeout=LONG)
        comm = kc.comms.open("target")
        waiting = asyncio.ensure_future(comm)
        await asyncio.to_thread(kernel.wait_for, "comm_open")
        if end == "stop":
            kc.stop_channels()
        else:
            await asyncio.to_thread(getattr(kernel, end))
        with pytest.raises((error, errors.TransportError)):
            await asyncio.wait_for(waiting, LONG)
        assert not comm.is_open
        assert len(kc.comms) == 0
        kc.stop_channels()


async def test_one_that_cannot_be_sent_is_told_at_once() -> None:
    """And is not kept."""
    with FakeKernel(in_memory=True) as kernel:
        kc = await kernel.client().start_channels()
        await kc.wait_for_ready(timeout=LONG)
        with pytest.raises(TypeError):
            kc.comms.open("target", buffers=["no buffer"])
        with pytest.raises(errors.ProtocolError):
            kc.comms.open(5)  # type: ignore[arg-type]
        with pytest.raises(errors.ProtocolError):
            kc.comms.open("target", timeout="soon")  # type: ignore[arg-type]
        kc.stop_channels()
        with pytest.raises(errors.ChannelsClosedError):
            kc.comms.open("target")
        assert len(kc.comms) == 0
        assert kc.stats()["pending"] == 0


async def test_what_is_published_for_it_is_in_the_channel_object_as_well() -> None:
    """As before it could be awaited."""
    with FakeKernel(in_memory=True) as kernel:
        kernel.on("comm_open", [Say("printed"), Silence()])
        async with client_of_fake(kernel) as kc:
            await asyncio.wait_for(kc.comms.open("target"), LONG)
            seen = await kc.iopub_channel.get_msgs()
    mine = [one for one in seen if one["parent_header"].get("msg_type") == "comm_open"]
    assert [one["msg_type"] for one in mine] == ["status", "stream", "status"]
