"""Every way leads to a kernel, and what was not begun here is left as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from conkernelclient import ConKernelClient, ConKernelManager
from conkernelclient.errors import (
    SessionError,
)
from conkernelclient.sidecar.sidecar import Sidecar
from tests.clients import client_of, until


async def test_each_way_to_a_kernel(km: ConKernelManager, tmp_path: Path) -> None:
    """A file, a client with its channels open or not, a manager, running or not; all are left."""
    async with Sidecar(km.connection_file) as sidecar:
        assert (await sidecar.execute_request("1")).text.rstrip() == "1"
        with pytest.raises(SessionError, match="was not started here"):
            await sidecar.restart()
    async with client_of(km) as kc, Sidecar(kc) as sidecar:
        going_on = sidecar.execute_request("import time; time.sleep(0.3); 2")
        await until(lambda: going_on.is_sent)
        await sidecar.__aexit__(None, None, None)
        assert (await going_on).text.rstrip() == "2"
        assert await kc.kernel_info(reply=True)
    closed = km.client()
    assert isinstance(closed, ConKernelClient)
    async with Sidecar(closed) as sidecar:
        await sidecar.kernel_info_request()
    assert not closed.channels_running
    fresh = ConKernelManager(kernel_name="python3")
    async with Sidecar(fresh) as sidecar:
        assert (await sidecar.execute_request("3")).text.rstrip() == "3"
    assert not fresh.has_kernel
    with pytest.raises(SessionError, match="no connection file"):
        async with Sidecar(tmp_path / "none.json"):
            pass
