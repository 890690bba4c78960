"""Kernels are held by their names, started once, and end with whoever holds them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from IPython.core.error import UsageError
from jupyter_client.provisioning import KernelProvisionerFactory

from conkernelclient.notebook.kernels import Kernels
from tests.manager.processes import is_running, kill, pid_of

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_kernel_is_started_once_however_many_ask_for_it() -> None:
    """Also by one whose wait is cancelled; the end ends it."""
    kernels = Kernels()
    impatient = asyncio.create_task(kernels.get("a", "python3"))
    await asyncio.sleep(0)
    assert kernels.standings() == {"a": "starting"}
    impatient.cancel()
    first, second = await asyncio.gather(kernels.get("a", "python3"), kernels.get("a"))
    assert first is second
    assert kernels.standings() == {"a": "kernelspec python3, idle"}
    assert first.manager is not None
    pid = pid_of(first.manager)
    kill(pid)
    again = await kernels.get("a")
    assert (again is first, again.is_fresh_after, again.spec) == (False, True, "python3")
    assert again.place != first.place
    assert again.manager is not None
    pid = pid_of(again.manager)
    await kernels.close()
    assert not is_running(pid)
    assert kernels.standings() == {}
    with pytest.raises(UsageError, match="none yet"):
        await kernels.known("a")


async def test_a_start_that_an_interrupt_ended_is_begun_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A Ctrl-C is meant for the cell, and may hit the process before it is one of its own."""
    from conkernelclient import ConKernelManager

    original, commands = ConKernelManager.format_kernel_cmd, list[list[str]]()

    def command(self: Any, *more: Any, **options: Any) -> list[str]:
        known = original(self, *more, **options)
        commands.append(["sh", "-c", "kill -INT $$"] if not commands else known)
        return commands[-1]

    factory = KernelProvisionerFactory.instance()
    monkeypatch.setattr(factory, "default_provisioner_name", "local-provisioner")
    monkeypatch.setattr(ConKernelManager, "format_kernel_cmd", command)
    kernels = Kernels()
    held = await kernels.get("python3")
    assert (await held.client.run("6 * 7")).value == 42
    assert len(commands) == 2
    await kernels.close()


async def test_a_start_that_fails_leaves_nothing_and_may_be_tried_again(tmp_path: Path) -> None:
    """The name is free."""
    kernels = Kernels()
    for _ in range(2):
        with pytest.raises(UsageError, match="no kernelspec 'nowhere'"):
            await kernels.get("nowhere")
        await asyncio.sleep(0)
        assert kernels.standings() == {}
    rubbish = tmp_path / "kernel-x.json"
    rubbish.write_text("{}")
    with pytest.raises(UsageError, match="--existing"):
        await kernels.get("x", existing=str(rubbish))
    await kernels.close()


async def test_a_close_amid_a_start_leaves_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The start is cancelled."""
    from conkernelclient import ConKernelManager

    started: list[int] = []
    start = ConKernelManager.start_kernel

    async def spied(self: Any, **arguments: Any) -> None:
        await start(self, **arguments)
        started.append(pid_of(self))

    monkeypatch.setattr(ConKernelManager, "start_kernel", spied)
    kernels = Kernels()
    waiting = asyncio.create_task(kernels.get("python3"))
    async with asyncio.timeout(60):
        while not started:
            await asyncio.sleep(0.01)
    await kernels.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not is_running(started[0])
