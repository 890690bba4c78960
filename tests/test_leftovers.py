"""What is left behind when a step of start, open or close fails?"""

from __future__ import annotations

import errno

import pytest

from conkernelclient import ConKernelClient, ConKernelManager, run_kernel


async def test_a_client_that_cannot_be_closed_does_not_keep_its_kernel_alive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`run_kernel` shuts the kernel down although closing the client fails, and tells of it."""
    managers: list[ConKernelManager] = []
    stop, make = ConKernelClient.stop_channels, ConKernelManager.client

    def client(self: ConKernelManager, **kwargs: object) -> ConKernelClient:
        managers.append(self)
        return make(self, **kwargs)

    def fail(self: ConKernelClient) -> None:
        stop(self)
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(ConKernelManager, "client", client)
    monkeypatch.setattr(ConKernelClient, "stop_channels", fail)
    with pytest.raises(OSError, match="Too many open files"):
        async with run_kernel("python3"):
            pass
    assert not managers[0].has_kernel
