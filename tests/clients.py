"""Clients, opened inside the tests."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from conkernelclient import events

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from conkernelclient import ConKernelClient, ConKernelManager, Run

LONG = 60.0  # seconds: the bound of every wait that ends sooner unless something is broken

# An interrupt swallows the reply to the request that the kernel gets next.
SWALLOW = """
kernel = get_ipython().kernel
def swallow(*args, **kwargs):
    del kernel.do_execute
    raise KeyboardInterrupt
kernel.do_execute = swallow
"""


async def opened(kc: ConKernelClient) -> ConKernelClient:
    """`kc` with open channels, when its kernel is ready."""
    kc.start_channels()
    await kc.wait_for_ready(timeout=LONG)
    return kc


@asynccontextmanager
async def client_of(km: ConKernelManager, **traits: Any) -> AsyncIterator[ConKernelClient]:
    """A client that is ready; at its end nobody waits for anything."""
    kc = await opened(km.client(**traits))
    try:
        yield kc
        assert kc.stats()["pending"] == 0
    finally:
        kc.stop_channels()


async def until(claim: Callable[[], Any]) -> None:
    """Wait until `claim()` holds, looking once in each turn of the loop."""
    async with asyncio.timeout(LONG):
        while not claim():
            await asyncio.sleep(0)


async def until_printed(run: Run) -> None:
    """Wait until something that `run` printed is here.

    A cell that ends its own process ends libzmq's thread as well: what that had not written by then
    never left the kernel, although it was flushed. Such a cell waits at a gate until this returns.
    """
    async with asyncio.timeout(LONG):
        async for event in run:
            if isinstance(event, events.Stream):
                return
    raise AssertionError(f"{run} printed nothing")


def text_of(message: Any) -> str:
    """The plain text of an execute_result or of printed text."""
    content = message["content"]
    return content.get("text") or content["data"]["text/plain"]
