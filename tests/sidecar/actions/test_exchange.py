"""A request is done when idle and reply are in; what will not come is not waited for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from conkernelclient.errors import DeadKernelError, ReplyTimeout
from conkernelclient.sidecar.actions import exchange as module
from conkernelclient.sidecar.actions.exchange import exchange, until_idle
from tests.clients import until

REPLY = {"content": {"status": "ok"}}


class Request:
    """An action, and its messages."""

    def __init__(self) -> None:
        self.msg_id = "1"
        self.reply: Any = None
        self.is_idle = False
        self.idle = asyncio.Event()
        self.looked = 0

    async def until_idle(self) -> None:
        """Wait for it."""
        await self.idle.wait()

    async def until_handled(self) -> None:
        """Note that somebody waits for the handlers."""
        self.looked += 1

    def close(self) -> None:
        """Get no more."""


def started(request: Any, reply: asyncio.Future[Any], counts: Any = None) -> asyncio.Task[Any]:
    """The exchange of a request; the kernel publishes as `counts` says."""
    count = iter(counts or [0] * 99)
    return asyncio.ensure_future(exchange(request, reply, request, lambda: next(count)))


@pytest.mark.parametrize("is_idle_first", [True, False])
async def test_it_waits_for_both_in_either_order(is_idle_first: bool) -> None:
    """And gives the reply."""
    request, reply = Request(), asyncio.get_running_loop().create_future()
    task = started(request, reply)
    for is_idle in (is_idle_first, not is_idle_first):
        assert not task.done()
        if is_idle:
            request.is_idle = True
            request.idle.set()
        else:
            reply.set_result(REPLY)
            await until(lambda: request.reply is REPLY)
    assert await task is REPLY
    assert request.looked == 0


@pytest.mark.parametrize(("counts", "looked"), [([5, 5], 1), ([5, 6, 6, 6], 2), (None, 1)])
async def test_an_idle_that_does_not_come_is_given_up_in_silence(
    monkeypatch: pytest.MonkeyPatch, counts: Any, looked: int
) -> None:
    """As long as messages come it may be among them; that is looked at five times at most."""
    monkeypatch.setattr(module, "IDLE_WITHIN", 0.01)
    request, reply = Request(), asyncio.get_running_loop().create_future()
    reply.set_result(REPLY)
    assert await started(request, reply, counts) is REPLY
    assert request.looked == looked
    flooded = Request()
    assert await started(flooded, reply, range(99)) is REPLY
    assert flooded.looked == 5


async def test_without_a_reply_idle_alone_ends_it_or_a_timeout_or_the_kernel() -> None:
    """The kernel's error is told as it is."""
    request: Any = Request()
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    with pytest.raises(ReplyTimeout, match="has not come to 1"):
        await until_idle(request, ended, 0.01)
    waiting = asyncio.ensure_future(until_idle(request, ended, None))
    await asyncio.sleep(0)
    ended.set_exception(DeadKernelError("it is gone"))
    with pytest.raises(DeadKernelError, match="it is gone"):
        await waiting
    request.idle.set()
    await until_idle(request, ended, None)
