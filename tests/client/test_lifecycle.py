"""A client's channels start and stop at any time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conkernelclient import ConKernelManager


async def test_channels_may_be_stopped_as_soon_as_they_were_started(km: ConKernelManager) -> None:
    """The heartbeat's thread opened sockets until there were none left."""
    for _ in range(50):
        kc = km.client()
        kc.start_channels()
        kc.stop_channels()
        assert not kc.channels_running
