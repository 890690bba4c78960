"""What is left behind when a step of start, open or close fails?"""

from __future__ import annotations

import errno
import inspect
import json
import os
import subprocess
import sys
import time
from pathlib import Path
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
import asyncio, json, os, resource
from conkernelclient import run_kernel

{inspect.getsource(held)}
async def settled():
    # libzmq opens and closes in threads of its own: it is done when twenty looks give the same.
    looks = []
    while len(looks) < 20:
        now = held()
        looks = [*looks, now] if now in looks else [now]
        await asyncio.sleep(0.01)
    return looks[-1]

async def main():
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4000, most), most))
    counts = [await settled()]
    async with run_kernel("python3") as kc:
        counts.append(await settled())
        clients = [kc.parent.client() for _ in range(100)]
        for client in clients:
            client.start_channels()
        await asyncio.gather(*(client.wait_for_ready() for client in clients))
        counts.append(await settled())
        for client in clients:
            client.stop_channels()
        counts.append(await settled())
    counts.append(await settled())
    print(json.dumps(counts))

asyncio.run(main())
"""


def test_under_every_small_limit_of_descriptors_a_start_works_or_says_why_and_leaves_nothing() -> (
    None
):
    """Whichever step finds none left: of the start, or of a client of a kernel that runs."""
    limits = range(9, 60) if os.environ.get("FULL") else range(9, 60, 6)
    lines = under_limits("whole", limits)
    assert all("Error: " in line or "Timeout: " in line or line.endswith("2") for line in lines)


def test_a_client_for_which_descriptors_do_not_suffice_is_not_opened_and_leaves_nothing() -> None:
    """And with some more it works."""
    free = range(1, 26) if os.environ.get("FULL") else range(1, 26, 4)
    lines = under_limits("client", free)
    assert "no file descriptor is left for the shell channel" in lines[0]
    assert "ulimit" in lines[0]
    assert lines[-1] == "2"


def under_limits(way: str, limits: range) -> list[str]:
    """Give what became of it with each limit; fails if anything was left, or hung."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITS, way, *map(str, limits)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # what the kernels say of their own end
        text=True,
        timeout=LONG * 10,
        check=True,
    )
    lines = done.stdout.splitlines()
    outcomes = [json.loads(line) for line in lines]
    assert [left for _, left in outcomes if left] == []
    assert len(outcomes) == len(limits)
    return [str(outcome) for outcome, _ in outcomes]


# Each limit has a process of its own, forked off one that has loaded everything.
LIMITS: Final = """
import asyncio, contextlib, gc, json, os, resource, signal, sys, time
import zmq.asyncio
from conkernelclient import ConKernelManager, run_kernel
import conkernelclient.client.comms
import conkernelclient.connection.connection, conkernelclient.connection.ready
import conkernelclient.manager.arguments, conkernelclient.manager.life

MOST = resource.getrlimit(resource.RLIMIT_NOFILE)[1]

def limit(soft):
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, MOST))

def descriptors():
    return len(os.listdir("/proc/self/fd"))

def children():
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        return file.read().split()

async def whole(most):
    limit(most)
    try:
        async with run_kernel("python3", startup_timeout=5) as kc:
            return await kc.eval("1 + 1")
    finally:
        limit(1000)

async def client(free):
    km = ConKernelManager()
    await km.start_kernel()
    try:
        before = descriptors()
        kc = km.client(startup_timeout=2)  # libzmq itself tries to connect again and again
        limit(before - 1 + free)
        try:
            kc.start_channels()
            return await kc.eval("1 + 1")
        finally:
            kc.stop_channels()
            limit(1000)
            after = descriptors()
            other = await km.client().start_channels()
            assert await other.eval("1") == 1
            other.stop_channels()
            await until(lambda: descriptors() <= before)
    finally:
        await km.shutdown_kernel(now=True)

async def until(is_so):
    deadline = time.monotonic() + 5
    while not is_so() and time.monotonic() < deadline:
        gc.collect()
        await asyncio.sleep(0.01)
    return is_so()

async def main(way, number):
    before = descriptors()
    try:
        outcome = await way(number)
    except (OSError, RuntimeError) as error:
        outcome = f"{type(error).__name__}: {error}"
    at_rest = await until(lambda: descriptors() <= before and not children())
    print(json.dumps([outcome, 0 if at_rest else [number, descriptors() - before, children()]]))

way = {"whole": whole, "client": client}[sys.argv[1]]
for number in map(int, sys.argv[2:]):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.alarm(60)
            asyncio.run(main(way, number))
            sys.stdout.flush()
            code = 0
        except BaseException as error:
            print(json.dumps(["", [number, repr(error)]]), flush=True)
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        print(json.dumps(["", [number, f"ended by signal {-code}"]]), flush=True)
"""


@pytest.mark.parametrize("transport", ["tcp", "ipc"])
def test_a_driver_that_ends_at_once_leaves_no_file(tmp_path: Path, transport: str) -> None:
    """The guardian removes the connection file and the directory of sockets with the kernel."""
    code = (
        "import asyncio, os\n"
        "from conkernelclient import ConKernelManager\n"
        "async def main():\n"
        f"    km = ConKernelManager(transport={transport!r})\n"
        "    await km.start_kernel()\n"
        "    print(km.connection_file, flush=True)\n"
        "    os._exit(0)\n"
        "asyncio.run(main())\n"
    )
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        timeout=LONG,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert Path(done.stdout.strip()).parent == tmp_path
    deadline = time.monotonic() + 10
    while (left := list(tmp_path.iterdir())) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert left == []
