"""A fake kernel and a client of it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from conkernelclient.testing import (
    FakeKernel,
)
from tests.clients import LONG, opened

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from conkernelclient import ConKernelClient


@asynccontextmanager
async def fake(*args: Any, **options: Any) -> AsyncIterator[tuple[FakeKernel, ConKernelClient]]:
    """A fake kernel and a client that is ready."""
    with FakeKernel(*args, **options) as kernel:
        kc = await opened(kernel.client())
        try:
            async with asyncio.timeout(LONG):
                yield kernel, kc
            assert kc.stats()["violations"] == kc.stats()["rejected"] == 0
        finally:
            kc.stop_channels()


async def raw_messages(kc: ConKernelClient, msg_id: str) -> list[tuple[str, dict[str, Any]]]:
    """Type and content of what was published for a request."""
    pubs = await kc.get_pubs(msg_id, timeout=LONG)
    assert all(pub["parent_header"]["msg_id"] == msg_id for pub in pubs)
    return [(pub["msg_type"], pub["content"]) for pub in pubs]
