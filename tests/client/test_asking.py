"""A request is registered and sent when it is asked for, and its reply is a future."""

from __future__ import annotations

import pytest

from conkernelclient import (
    ConKernelManager,
    errors,
)
from tests.clients import client_of


async def test_replies_are_sent_when_called_and_not_when_awaited(km: ConKernelManager) -> None:
    """The second sees what the first, never awaited, did."""
    async with client_of(km) as kc:
        kc.execute("called = 1", reply=True)
        assert await kc.eval("called") == 1


async def test_a_reply_timeout_is_the_builtin_timeout_error(km: ConKernelManager) -> None:
    """The kernel is left alone, and nobody waits any more."""
    async with client_of(km) as kc:
        busy = kc.run("import time; time.sleep(0.3)")
        with pytest.raises(TimeoutError, match=r"within 0\.05 s") as caught:
            await kc.execute("late = 1", reply=True, timeout=0.05)
        assert isinstance(caught.value, errors.ReplyTimeout)
        with pytest.raises(TimeoutError):
            await kc.kernel_info(reply=True, timeout=0)
        with pytest.raises(TimeoutError):
            await kc._async_recv_reply(kc.execute("1"), timeout=0.01)
        assert (await busy).status == "ok"
        limited = km.client(default_timeout=0.01)
        await limited.start_channels()
        with pytest.raises(TimeoutError):
            await limited.execute("import time; time.sleep(0.2)", reply=True)
        limited.stop_channels()
