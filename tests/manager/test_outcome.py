"""Whoever waits for a start hears of its end."""

from __future__ import annotations

import asyncio

from conkernelclient import ConKernelManager
from tests.clients import LONG


async def test_who_gives_up_waiting_for_ready_harms_nobody() -> None:
    """A timeout around it cancels it; the start that it tells of had failed with that."""
    km = ConKernelManager()
    starting = asyncio.ensure_future(km.start_kernel())
    await asyncio.sleep(0)
    km.ready.cancel()
    await asyncio.wait_for(starting, LONG)
    assert await km.is_alive()
    ending = asyncio.ensure_future(km.shutdown_kernel(now=True))
    await asyncio.sleep(0)
    await asyncio.wait_for(km.ready, LONG)
    await ending
