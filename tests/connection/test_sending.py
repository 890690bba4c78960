"""A request is sent in its turn, keeps its place to its end, and waits for a kernel if it must."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import errors
from conkernelclient.state.router import Phase, Request, Takes
from conkernelclient.state.window import Call
from conkernelclient.testing import FakeKernel, Hold
from tests.clients import LONG, opened, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from conkernelclient import ConKernelClient
    from conkernelclient.connection.connection import Connection


class Owner:
    """Counts what comes."""

    subshell_id: str | None = None

    def __init__(self) -> None:
        self.came = 0
        self.error: BaseException | None = None

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    def receive(self, _channel: str, _message: Any) -> None:
        self.came += 1

    def end(self) -> None:
        self.came += 1

    def fail(self, error: BaseException) -> None:
        self.error = error


@asynccontextmanager
async def connected(**traits: Any) -> AsyncIterator[tuple[FakeKernel, ConKernelClient, Connection]]:
    """A client that is ready, without sockets."""
    with FakeKernel(in_memory=True) as kernel:
        kernel.on_code("held", [Hold()])
        kc = await opened(kernel.client(**traits))
        try:
            yield kernel, kc, kc._connection
        finally:
            kc.stop_channels()


def codes(kernel: FakeKernel) -> list[str]:
    asked = kernel.requests
    return [one["content"]["code"] for one in asked if one["msg_type"] == "execute_request"]


async def test_a_request_of_the_client_s_own_goes_past_all_that_waits() -> None:
    async with connected(window=1) as (kernel, kc, connection):
        kc.run("held")
        kc.run("behind")
        await asyncio.to_thread(kernel.wait_for, "execute_request")
        connection.pause()
        owner = Owner()
        content = {"code": "ours", "silent": True}
        request = connection.open_request(owner, "execute_request", content, Takes.RUN)
        assert request.phase is Phase.SENT
        await asyncio.to_thread(kernel.wait_for, "execute_request", 2)
        assert codes(kernel) == ["held", "ours"]
        connection.give_up(request)


async def test_what_waits_for_a_kernel_is_sent_in_order_when_there_is_one() -> None:
    async with connected() as (kernel, kc, connection):
        connection.pause()
        assert connection.is_paused
        runs = [kc.run(str(number)) for number in range(5)]
        by_hand = kc.session.msg("execute_request", {"code": "hand", "silent": False})
        kc.shell_channel.send(by_hand)
        await asyncio.sleep(0)
        assert codes(kernel) == []
        connection.resume()
        await asyncio.wait_for(asyncio.gather(*runs), LONG)
        await asyncio.to_thread(kernel.wait_for, "execute_request", 6)
        assert sorted(codes(kernel)) == ["0", "1", "2", "3", "4", "hand"]
        assert [code for code in codes(kernel) if code != "hand"] == ["0", "1", "2", "3", "4"]


async def test_too_many_that_wait_are_refused_and_none_is_registered() -> None:
    async with connected(max_backlog_messages=2) as (_, kc, connection):
        connection.pause()
        kc.run("1")
        kc.run("2")
        with pytest.raises(errors.BacklogFullError, match="2 requests wait"):
            kc.run("3")
        assert len(connection.open_requests()) == 2


async def test_a_place_is_kept_until_the_kernel_has_finished() -> None:
    """Given up, a run that was not sent never is; one in the kernel holds up those behind it."""
    async with connected(window=1) as (kernel, _, connection):
        sent: list[str] = []

        def entry(name: str) -> Call:
            call = Call(lambda: sent.append(name), lambda _: None, msg_id=name)
            call.is_run = True
            return call

        first, second, third = entry("first"), entry("second"), entry("third")
        requests = {}
        for one in (first, second, third):
            request = requests[one] = Request(one.msg_id, Takes.REPLY, Owner())
            assert connection.register(request, kc_message(one.msg_id)) is False
            connection.submit(one)
        assert sent == ["first"]
        assert connection.ahead_of(second) is first
        assert connection.give_up(requests[second], second)
        requests[first].phase = Phase.SENT
        assert not connection.give_up(requests[first], first)
        assert sent == ["first"]
        connection.step_aside(first)
        assert sent == ["first", "third"]
        connection.finish(requests[third], third)
        connection.finish(requests[third], third)
        assert requests[third].phase is Phase.DONE
        assert kernel.is_alive


def kc_message(msg_id: str) -> dict[str, Any]:
    return {"msg_id": msg_id, "msg_type": "execute_request", "header": {}, "content": {}}


async def test_what_cannot_be_sent_fails_for_its_caller_alone() -> None:
    async with connected(window=1) as (_, _, connection):
        failed: list[BaseException] = []
        sent: list[str] = []

        def refuse() -> None:
            raise errors.BacklogFullError("full")

        first = Call(lambda: sent.append("first"), failed.append, msg_id="first")
        bad = Call(refuse, failed.append, msg_id="bad")
        last = Call(lambda: sent.append("last"), failed.append, msg_id="last")
        for one in (first, bad, last):
            one.is_run = True
            connection.submit(one)
        connection.step_aside(first)
        assert sent == ["first", "last"]
        assert [type(error) for error in failed] == [errors.BacklogFullError]
        with pytest.raises(errors.BacklogFullError):
            connection.submit(Call(refuse, failed.append, "elsewhere", msg_id="alone"))


async def test_a_wider_window_lets_more_in_at_once() -> None:
    async with connected(window=1) as (kernel, kc, connection):
        runs = [kc.run("held") for _ in range(3)]
        await until(lambda: len(codes(kernel)) == 1)
        connection.limit_window(None)
        await until(lambda: len(codes(kernel)) == 3)
        assert not any(run.done() for run in runs)


async def test_a_message_that_was_never_sent_is_told_of_to_who_reads_by_hand() -> None:
    async with connected() as (_, kc, connection):
        connection.pause()
        msg_id = kc.execute("1")
        waiting = asyncio.create_task(kc.get_pubs(msg_id))
        await asyncio.sleep(0)
        connection.limit_pause(0.01)
        late = kc.run("2")
        with pytest.raises(errors.ReadyTimeout):
            await asyncio.wait_for(late, LONG)
        assert not waiting.done()
        kc.stop_channels()
        with pytest.raises(errors.ChannelsClosedError):
            await asyncio.wait_for(waiting, LONG)
