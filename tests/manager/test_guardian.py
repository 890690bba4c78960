"""Kernels end with the driver that started them, however that ends."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from conkernelclient import run_kernel
from conkernelclient.manager import guardian
from tests.clients import until
from tests.manager.processes import is_running


async def test_the_guardian_is_there_as_long_as_a_kernel_is() -> None:
    """And not for independent ones."""
    assert guardian.pid() is None
    async with run_kernel():
        pid = guardian.pid()
        assert pid is not None
        async with run_kernel():
            assert guardian.pid() == pid
    assert guardian.pid() is None
    await until(lambda: not is_running(pid))
    async with run_kernel(independent=True):
        assert guardian.pid() is None


@pytest.mark.parametrize("is_reaped", [False, True])
async def test_a_guardian_that_a_ctrl_c_ended_before_it_was_on_its_own_is_replaced(
    is_reaped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody would end the kernels of a driver that is killed."""
    popen = subprocess.Popen
    first: list[subprocess.Popen[bytes]] = []

    def interrupted_once(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        if first or guardian.PROGRAM not in command:
            return popen(command, **options)
        first.append(popen(command, **(options | {"start_new_session": False})))
        first[0].kill()
        if is_reaped:
            first[0].wait()
        return first[0]

    monkeypatch.setattr(guardian.subprocess, "Popen", interrupted_once)
    guardian.guard(2**22 + 1)
    try:
        assert first[0].returncode == -signal.SIGKILL
        pid = guardian.pid()
        assert pid is not None
        assert pid != first[0].pid
        assert os.getsid(pid) == pid
    finally:
        guardian.unguard(2**22 + 1)
    await until(lambda: not is_running(pid))


DRIVER = """
import asyncio, os, sys
from conkernelclient import ConKernelManager
async def main():
    km = ConKernelManager()
    await km.start_kernel(independent=sys.argv[1] == "independent")
    kc = await km.client().start_channels()
    run = kc.run("import time\\nprint('on', flush=True)\\nwhile True:\\n"
                 " try: time.sleep(9)\\n except BaseException: pass")
    await anext(aiter(run))
    with open(sys.argv[2] + ".new", "w") as file:
        file.write(str(km.provisioner.pid))
    os.rename(sys.argv[2] + ".new", sys.argv[2])
    await asyncio.sleep(600)
asyncio.run(main())
"""


@pytest.mark.parametrize("how", ["owned", "independent"])
async def test_a_driver_that_was_killed_leaves_no_kernel_unless_it_is_independent(
    how: str, tmp_path: Path
) -> None:
    """Within three seconds, whatever the kernel does."""
    file = tmp_path / "pid"
    driver = subprocess.Popen([sys.executable, "-c", DRIVER, how, str(file)])
    try:
        await until(file.exists)
    finally:
        driver.kill()
        driver.wait()
    kernel = int(file.read_text())
    if how == "owned":
        async with asyncio.timeout(3):
            while is_running(kernel):
                await asyncio.sleep(0.01)
    else:
        await asyncio.sleep(0.2)
        assert is_running(kernel)
        os.killpg(kernel, signal.SIGKILL)
        await until(lambda: not is_running(kernel))
