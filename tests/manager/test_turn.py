"""Who starts, restarts or ends a kernel waits for his turn."""

from __future__ import annotations

import asyncio

from conkernelclient import ConKernelManager
from tests.clients import LONG


async def test_shutdowns_and_restarts_at_once_take_turns() -> None:
    """In the order of the calls; the last one says whether there is a kernel."""
    km = ConKernelManager()
    await km.start_kernel()
    async with asyncio.timeout(LONG):
        await asyncio.gather(*(km.restart_kernel(now=True) for _ in range(3)))
        assert await km.is_alive()
        await asyncio.gather(
            km.restart_kernel(now=True), km.interrupt_kernel(), km.shutdown_kernel(now=True)
        )
        assert not await km.is_alive()
        await asyncio.gather(*(km.shutdown_kernel(now=True) for _ in range(3)))
        await asyncio.gather(*(km.shutdown_kernel() for _ in range(2)))
    assert not km.has_kernel
