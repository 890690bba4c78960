"""What is left behind when a step of start, open or close fails?"""

from __future__ import annotations

import errno
import inspect
import json
import os
import subprocess
import sys
from typing import Final

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


def held() -> tuple[int, int]:
    """Give how many descriptors and threads this process has."""
    return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))


def test_a_kernel_with_its_client_and_a_hundred_more_take_few_descriptors_and_threads() -> None:
    """27 and 5 for the first, 16 and none for each of the others; closed, they give all back."""
    done = subprocess.run(
        [sys.executable, "-c", COUNTS], capture_output=True, text=True, timeout=LONG, check=True
    )
    at_rest, one, hundred, closed, ended = json.loads(done.stdout)
    assert one[0] - at_rest[0] <= 27
    assert one[1] - at_rest[1] <= 5
    assert hundred[0] - one[0] <= 100 * 16
    assert hundred[1] == one[1]
    assert closed == one
    assert ended == at_rest


LONG: Final = 60.0
# A process of its own: what other tests hold is not counted.
COUNTS: Final = f"""
import asyncio, json, os, resource, time
from conkernelclient import run_kernel

{inspect.getsource(held)}
async def until(count):
    deadline = time.monotonic() + 10
    while held() != count and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
    return held()

async def main():
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4000, most), most))
    counts = [held()]
    async with run_kernel("python3") as kc:
        counts.append(held())
        clients = [kc.parent.client() for _ in range(100)]
        for client in clients:
            client.start_channels()
        await asyncio.gather(*(client.wait_for_ready() for client in clients))
        counts.append(held())
        for client in clients:
            client.stop_channels()
        counts.append(await until(counts[1]))
    counts.append(await until(counts[0]))
    print(json.dumps(counts))

asyncio.run(main())
"""
