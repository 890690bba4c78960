"""Row 9: many kernels at once, and a driver that is killed."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import ConKernelManager
from tests.clients import until
from tests.conftest import KERNEL

from .scale import share

if TYPE_CHECKING:
    from collections.abc import Callable

KERNELS = 32
ROUNDS = share(10)
ORPHANED = 3.0  # seconds

pytestmark = pytest.mark.timeout(600)


def descriptors() -> int:
    """How many this process has open."""
    return len(os.listdir("/proc/self/fd"))


def is_running(pid: int) -> bool:
    """Whether there is such a process, not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def start_and_end(number: int, transport: str) -> int:
    """One kernel's life: it answers rightly, and is gone."""
    km = ConKernelManager(kernel_name=KERNEL, transport=transport)
    await km.start_kernel()
    kc = km.client()
    kc.start_channels()
    await kc.wait_for_ready(timeout=120)
    assert await kc.eval(f"{number} * 2") == number * 2
    assert km.provisioner is not None
    pid = km.provisioner.pid
    kc.stop_channels()
    await km.shutdown_kernel(now=True)
    return pid


@pytest.mark.parametrize("transport", ["tcp", "ipc"])
async def test_kernels_started_at_once_all_answer_and_leave_nothing(
    transport: str, measured: Callable[[str, str, str], None]
) -> None:
    """Neither processes nor descriptors nor tasks."""
    await start_and_end(0, transport)  # what is imported and cached is so from here on
    gc.collect()
    await asyncio.sleep(0)
    before, tasks = descriptors(), len(asyncio.all_tasks())
    began = time.monotonic()
    failed: list[BaseException] = []
    for _ in range(ROUNDS):
        outcomes: list[Any] = await asyncio.gather(
            *(start_and_end(number, transport) for number in range(KERNELS)),
            return_exceptions=True,
        )
        failed += [one for one in outcomes if isinstance(one, BaseException)]
        assert not any(is_running(one) for one in outcomes if isinstance(one, int))
    took = time.monotonic() - began
    gc.collect()
    await until(lambda: (descriptors(), len(asyncio.all_tasks())) == (before, tasks))
    measured(
        "9",
        f"{KERNELS} kernels at once, {ROUNDS} times, {transport}: 0 failures, nothing left",
        f"{len(failed)} failures of {KERNELS * ROUNDS}, descriptors {before} before and "
        f"{descriptors()} after, {took / ROUNDS:.0f} s each time",
    )
    assert failed == []


DRIVER = """
import asyncio, os, sys
from conkernelclient import ConKernelManager
async def main():
    managers = [ConKernelManager(kernel_name=sys.argv[2]) for _ in range(8)]
    await asyncio.gather(*(km.start_kernel() for km in managers))
    clients = [await km.client().start_channels() for km in managers]
    for kc in clients:
        kc.execute("while True:\\n try:\\n  while True: pass\\n except BaseException: pass")
    with open(sys.argv[1] + ".new", "w") as file:
        file.write(" ".join(str(km.provisioner.pid) for km in managers))
    os.rename(sys.argv[1] + ".new", sys.argv[1])
    await asyncio.sleep(600)
asyncio.run(main())
"""


async def test_a_killed_driver_leaves_no_kernel(
    tmp_path: Path, measured: Callable[[str, str, str], None]
) -> None:
    """Although they are all at work."""
    file = tmp_path / "pids"
    driver = subprocess.Popen([sys.executable, "-c", DRIVER, str(file), KERNEL])
    await until(lambda: file.exists() or driver.poll() is not None)
    kernels = [int(pid) for pid in file.read_text().split()]
    assert all(map(is_running, kernels))
    driver.kill()
    driver.wait()
    began = time.monotonic()
    while any(map(is_running, kernels)) and time.monotonic() - began < ORPHANED:
        await asyncio.sleep(0.01)
    took = time.monotonic() - began
    left = sum(map(is_running, kernels))
    measured(
        "9",
        f"driver of 8 busy kernels killed: 0 orphans after {ORPHANED:.0f} s",
        f"{left} orphans, the last ended after {took:.2f} s",
    )
    assert left == 0
