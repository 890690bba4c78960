"""The answer to a request is a future and a coroutine."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import ConKernelManager
from tests.client.ways import AWAITABLES, WAYS
from tests.clients import LONG, client_of
from tests.conftest import KERNEL

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.mark.parametrize("what", AWAITABLES)
@pytest.mark.parametrize("way", WAYS)
async def test_every_awaitable_goes_every_way(km: ConKernelManager, what: str, way: str) -> None:
    """Programs hand them to whatever asyncio has."""
    async with client_of(km) as kc:
        got = await WAYS[way](AWAITABLES[what](kc))
        got = got[0] if isinstance(got, list) else got
        assert (got.status if what == "run" else got["content"]["status"]) in ("ok", "complete")


@pytest.fixture(scope="module")
def loop_and_manager() -> Iterator[tuple[asyncio.AbstractEventLoop, ConKernelManager]]:
    """A kernel whose loop runs only now and then."""
    loop = asyncio.new_event_loop()
    manager = ConKernelManager(kernel_name=KERNEL)
    loop.run_until_complete(manager.start_kernel())
    yield loop, manager
    loop.run_until_complete(manager.shutdown_kernel(now=True))
    loop.close()


@pytest.mark.parametrize("what", AWAITABLES)
def test_every_awaitable_runs_until_complete(what: str, loop_and_manager: Any) -> None:
    """Called outside the loop, while that does not run."""
    loop, manager = loop_and_manager
    kc = manager.client()
    kc.start_channels()
    loop.run_until_complete(kc.wait_for_ready(timeout=LONG))
    got = loop.run_until_complete(AWAITABLES[what](kc))
    assert (got.status if what == "run" else got["content"]["status"]) in ("ok", "complete")
    kc.stop_channels()
