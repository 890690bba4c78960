"""Many kernels are kept by their ids."""

from __future__ import annotations

from conkernelclient import (
    ConKernelManager,
    ConMultiKernelManager,
)
from tests.clients import client_of


async def test_many_kernels_through_the_multi_kernel_manager() -> None:
    """With the AsyncIOLoop variant of the manager."""
    from conkernelclient.ioloop import ConIOLoopKernelManager

    manager = ConMultiKernelManager()
    ids = [await manager.start_kernel(kernel_name="python3") for _ in range(2)]
    assert sorted(manager.list_kernel_ids()) == sorted(ids)
    one = manager.get_kernel(ids[0])
    assert isinstance(one, ConIOLoopKernelManager)
    assert isinstance(one, ConKernelManager)
    async with client_of(one) as kc:
        assert await kc.eval("2") == 2
    await manager.shutdown_all(now=True)
    assert manager.list_kernel_ids() == []
