"""A fake kernel answers as a kernel does, over real sockets, and does what its scripts say."""

from __future__ import annotations

import time

import pytest

from conkernelclient.testing import (
    FakeKernel,
)
from tests.clients import LONG, until
from tests.testing.fakes import fake


async def test_what_it_says_unasked_reaches_who_listens() -> None:
    """With and without a request as the parent."""
    async with fake() as (kernel, kc):
        got = []
        kc.subscribe(got.append, msg_type="comm_open")
        kernel.publish("comm_open", {"comm_id": "c", "target_name": "t"})
        await until(lambda: got)
        run = kc.run("x")
        await run
        kernel.publish("stream", {"name": "stdout", "text": "late"}, kernel.requests[-1])
        await until(lambda: run.late)
        assert run.late[0].text == "late"


async def test_it_remembers_the_last_requests_and_waits_for_them_so_long() -> None:
    """`requests` is bounded; `wait_for` says how many came."""
    async with fake(max_requests=3) as (kernel, kc):
        for number in range(5):
            await kc.execute(f"{number}", reply=True)
        assert [request["content"]["code"] for request in kernel.requests] == ["2", "3", "4"]
        with pytest.raises(TimeoutError, match="3 of 4"):
            kernel.wait_for("execute_request", 4, timeout=0.0)


async def test_it_can_be_used_with_async_with() -> None:
    """As with `with`; it is gone at the end of the block."""
    began = time.monotonic()
    async with FakeKernel() as kernel:
        kc = await kernel.client().start_channels()
        assert (await kc.run("x")).status == "ok"
        kc.stop_channels()
    assert not kernel.is_alive
    assert time.monotonic() - began < LONG
