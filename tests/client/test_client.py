"""A client is made with what it can work with."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
from traitlets import TraitError

from tests.clients import LONG, client_of

if TYPE_CHECKING:
    from conkernelclient import ConKernelManager


@pytest.mark.parametrize("limit", [0, -1])
def test_a_window_that_lets_nobody_pass_is_refused(km: ConKernelManager, limit: int) -> None:
    """No run would ever have left."""
    with pytest.raises(TraitError):
        km.client(window=limit)


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
