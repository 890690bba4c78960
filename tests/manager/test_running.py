"""One call starts a kernel and gives a client that is ready."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from conkernelclient import (
    errors,
    run_kernel,
)
from tests.clients import until


async def test_what_passes_over_tcp_is_encrypted_where_both_ends_are_ours() -> None:
    """The kernelspec says that the kernel can; a client without the keys hears nothing."""
    async with run_kernel() as kc:
        assert kc.curve_publickey is not None
        assert await kc.eval("1") == 1
        without = {"curve_publickey": None, "curve_secretkey": None, "startup_timeout": 0.3}
        other = kc.parent.client(**without)
        other.start_channels()
        with pytest.raises(errors.ReadyTimeout):
            await other.wait_for_ready(timeout=0.3)
        other.stop_channels()


async def test_run_kernel_stays_plain_where_that_is_asked_for() -> None:
    """It takes the argument of jupyter_client's `start_kernel`."""
    async with run_kernel(transport_encryption="disabled") as kc:
        assert kc.curve_publickey is None


async def test_run_kernel_shuts_down_after_errors_and_cancels() -> None:
    """What started a kernel ends it."""
    processes: list[Any] = []

    async def use() -> None:
        async with run_kernel("python3") as kc:
            assert kc.stop_on_error is False
            processes.append(kc.parent.provisioner.process)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await use()

    async def wait() -> None:
        async with run_kernel("python3", client_options={"window": None}) as kc:
            assert kc.window is None
            processes.append(kc.parent.provisioner.process)
            await asyncio.get_running_loop().create_future()

    task = asyncio.create_task(wait())
    await until(lambda: len(processes) == 2)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert all(process.poll() is not None for process in processes)
