"""A kernel that dies is started again where that is wanted."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

import pytest

from conkernelclient import ConKernelManager, ConMultiKernelManager, errors
from tests.clients import LONG, until


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_kernel_that_dies_is_restarted_and_the_callbacks_are_called(
    is_async: bool,
) -> None:
    """On plain asyncio, at once, as long as the limit is not reached."""
    km = ConKernelManager(autorestart=True)
    heard: list[str] = []

    def restarted() -> None:
        heard.append("restart")

    async def restarted_too() -> None:
        heard.append("restart")

    km.add_restart_callback(restarted_too if is_async else restarted)
    km.add_restart_callback(lambda: heard.append("dead"), "dead")
    await km.start_kernel()
    kc = await km.client().start_channels()
    with pytest.raises(errors.DeadKernelError, match="exit status 1"):
        await asyncio.wait_for(kc.run("import os; os._exit(1)"), LONG)
    assert (await asyncio.wait_for(kc.run("'back'"), LONG)).text == "'back'\n"
    assert heard == ["restart"]
    km._make_revival().restart_limit = 1
    with pytest.raises(errors.DeadKernelError):
        await asyncio.wait_for(kc.run("import os; os._exit(1)"), LONG)
    await until(lambda: heard == ["restart", "dead"])
    with pytest.raises(errors.DeadKernelError):
        await kc.run("1")
    kc.stop_channels()
    await km.shutdown_kernel(now=True)


@pytest.mark.parametrize("what", ["shutdown_all", "restart_kernel"])
async def test_a_kernel_that_is_being_restarted_unasked_can_be_ended_or_restarted(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The multi-kernel manager looks at `ready`, pending only for what somebody asked for."""
    many = ConMultiKernelManager()
    kernel_id = await many.start_kernel()
    km = many.get_kernel(kernel_id)
    is_launching, may_launch = asyncio.Event(), asyncio.Event()
    launch = km._async_launch_kernel

    async def launch_when_told(*args: Any, **kwargs: Any) -> Any:
        is_launching.set()
        await may_launch.wait()
        return await launch(*args, **kwargs)

    monkeypatch.setattr(km, "_async_launch_kernel", launch_when_told)
    os.kill(km.provisioner.process.pid, signal.SIGKILL)
    await asyncio.wait_for(is_launching.wait(), LONG)
    assert km.ready.done()
    asked = asyncio.ensure_future(
        many.shutdown_all() if what == "shutdown_all" else many.restart_kernel(kernel_id)
    )
    may_launch.set()
    await asyncio.wait_for(asked, LONG)
    assert await km.is_alive() == (what == "restart_kernel")
    await many.shutdown_all(now=True)
