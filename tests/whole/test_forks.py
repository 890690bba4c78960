"""What does a forked child do to the clients and kernels of its parent?"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

import pytest

from conkernelclient import ConKernelClient, ConKernelManager, errors, run_kernel
from tests.clients import LONG, client_of

if TYPE_CHECKING:
    from collections.abc import Callable

# A child is forked off a process with threads: Python 3.12 and later warn of that.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")


def in_child(function: Callable[[], object]) -> int:
    """Call `function` in a forked child; gives its exit code, 0 if it returned."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            function()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


async def goes_on(kc: ConKernelClient) -> bool:
    """Tell whether replies and outputs reach it."""
    return (await kc.run("print('x'); 7", timeout=LONG)).stdout == "x\n"


async def test_a_client_stopped_in_a_forked_child_goes_on_in_the_parent() -> None:
    """The child's `stop_channels` takes nothing out of the epoll that both share."""
    async with run_kernel("python3") as kc:
        assert in_child(kc.stop_channels) == 0
        assert await goes_on(kc)


async def test_a_client_collected_in_a_forked_child_goes_on_in_the_parent(
    km: ConKernelManager,
) -> None:
    """Its finalizer touches nothing there."""
    async with client_of(km) as kc:

        def finalize() -> None:
            kc.__del__()
            gc.collect()

        assert in_child(finalize) == 0
        assert await goes_on(kc)


async def test_with_its_heartbeat_running_as_well(km: ConKernelManager) -> None:
    """The thread is not there in the child."""
    async with client_of(km) as kc:
        assert kc.hb_channel.is_alive()
        assert in_child(kc.stop_channels) == 0
        assert kc.hb_channel.is_alive()
        assert await goes_on(kc)


async def test_a_child_forked_while_a_thread_sends_is_not_held_up_by_its_lock(
    km: ConKernelManager,
) -> None:
    """The thread that holds it is not there."""
    async with client_of(km) as kc:
        held, done = threading.Event(), threading.Event()

        def hold() -> None:
            with kc._connection._outbound.lock, kc._connection._transport._lock:
                held.set()
                done.wait(LONG)

        thread = threading.Thread(target=hold)
        thread.start()
        held.wait(LONG)
        try:
            assert in_child(kc.stop_channels) == 0
        finally:
            done.set()
            thread.join()
        assert await goes_on(kc)


async def test_a_child_forked_in_a_thread_leaves_the_client_alone(km: ConKernelManager) -> None:
    """As from the main thread."""
    async with client_of(km) as kc:
        assert await asyncio.to_thread(in_child, kc.stop_channels) == 0
        assert await goes_on(kc)


async def test_a_forked_child_ends_restarts_and_interrupts_no_kernel_of_its_parent() -> None:
    """To shut it down does nothing there, as after a `finally` on the way out."""
    async with run_kernel("python3") as kc:
        km: ConKernelManager = kc.parent
        refused = []

        def try_all() -> None:
            with_loop(km.shutdown_kernel(now=True))
            for verb in (km.restart_kernel, km.interrupt_kernel, km.start_kernel):
                with pytest.raises(errors.ForkedError):
                    with_loop(verb())
                refused.append(verb)
            km.__del__()
            assert os.path.exists(km.connection_file)

        assert in_child(try_all) == 0
        assert os.path.exists(km.connection_file)
        assert await goes_on(kc)


def with_loop(coroutine: Any) -> None:
    """Run it in a loop of its own, in a child that was forked in the middle of another one."""
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(coroutine)
    finally:
        loop.close()


def use_another_client(connection_file: str) -> None:
    """In a worker: attach to the kernel."""

    async def main() -> None:
        kc = ConKernelClient(connection_file=connection_file)
        kc.load_connection_file()
        await kc.start_channels()
        try:
            assert await goes_on(kc)
        finally:
            kc.stop_channels()

    asyncio.run(main())


async def test_a_worker_of_multiprocessing_may_have_a_client_of_its_own(
    km: ConKernelManager,
) -> None:
    """It shares no context with its parent's."""
    async with client_of(km) as kc:
        context = multiprocessing.get_context("fork")
        worker = context.Process(target=use_another_client, args=(km.connection_file,))
        worker.start()
        await asyncio.to_thread(worker.join, LONG)
        assert worker.exitcode == 0
        worker.close()
        assert await goes_on(kc)


def test_a_child_that_ends_by_sys_exit_while_the_kernel_prints_does_end() -> None:
    """It unwinds the parent's tasks in the parent's loop; what was to be read there is not read."""
    done = subprocess.run(
        [sys.executable, "-c", LEAVES_BY_SYS_EXIT],
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout == "child 0\nkernel there\nok\n"


LEAVES_BY_SYS_EXIT: Final = """
import asyncio, os, signal, sys
from conkernelclient import run_kernel

async def main():
    async with run_kernel("python3") as kc:
        run = kc.run("import time\\nfor n in range(2000): print(n, flush=True); time.sleep(0.0005)")
        async for _ in run:
            if run.outcome.stdout:
                break
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            sys.exit(0)
        # No thread wakes this loop any more: asyncio's own way out took that from the shared epoll.
        while not (ended := os.waitpid(child, os.WNOHANG))[0]:
            await asyncio.sleep(0.01)
        _, status = ended
        print("child", os.waitstatus_to_exitcode(status))
        print("kernel", "there" if await kc.parent.is_alive() else "gone")
        print((await run).status)

asyncio.run(main())
"""
