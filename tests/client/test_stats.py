"""A user sees the figures of his client while it works."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from conkernelclient.state.latency import KEPT, Pace
from tests.clients import LONG, client_of

if TYPE_CHECKING:
    from conkernelclient import ConKernelManager


async def test_times_of_requests_and_of_the_client_itself(km: ConKernelManager) -> None:
    """A request that takes long is in p99, and its waiting is none of the client's time."""
    async with client_of(km) as kc:
        before, began = kc.stats(), time.monotonic()
        await asyncio.wait_for(kc.run("import time; time.sleep(0.5)"), LONG)
        replies = [kc.execute("1", reply=True) for _ in range(9)]
        await asyncio.wait_for(asyncio.gather(*replies), LONG)
        after, took = kc.stats(), time.monotonic() - began
    assert after["p99"] >= 0.5
    assert 0 < after["p50"] < after["p99"]
    assert 0 < after["seconds"] - before["seconds"] < took
    assert after["requests"] - before["requests"] == 10


def test_before_the_first_request_there_are_none_and_then_the_last_are_kept() -> None:
    """A bounded number of them."""
    pace = Pace()
    assert pace.percentile(50) == pace.percentile(99) == 0
    for _ in range(2 * KEPT):
        pace.times.append(time.monotonic())
    first = pace.percentile(0)
    assert first > 0
    assert pace.percentile(100) >= pace.percentile(50) >= first
