"""A kernel that does not read blocks nobody, and a full queue says so at once."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import errors
from tests.clients import LONG, client_of

from .scale import share
from .ticker import run_delay, ticking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conkernelclient import ConKernelManager

pytestmark = pytest.mark.timeout(300)

COUNT = share(5_000, least=1_000)  # requests
# So many of them at once: from 4,000 outstanding on ipykernel 7.4 locks itself for good. Its main
# thread waits for its shell thread to take a reply, and that for the main one to take a request.
AT_ONCE = 2_500
REPLIES = COUNT // 2  # of the requests; the others are runs, which wait for each other
LONG_CODE = "#" * 20_000  # so that few requests fill what the system holds between the sockets
STALL = 0.05  # seconds
REFUSAL = 0.001  # seconds


@contextmanager
def only_our_garbage() -> Iterator[None]:
    """What the tests before left, and pytest, is not to be measured; what the client makes is."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def stopped(km: ConKernelManager) -> Iterator[None]:
    """The kernel's process stands still."""
    pid = km.provisioner.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def value_of(reply: Any) -> str:
    return reply["content"]["user_expressions"]["v"]["data"]["text/plain"]


async def test_requests_to_a_stopped_kernel_never_stall_the_loop(
    km: ConKernelManager, measured: Callable[[str, str, str], None]
) -> None:
    """When it goes on, each is answered, with its own value."""
    async with client_of(km) as kc:
        async with ticking() as idle:
            await asyncio.sleep(2)
        with only_our_garbage(), stopped(km):
            async with ticking() as gaps:
                began = time.monotonic()
                waiting: list[Any] = []
                for n in range(COUNT):
                    asked = {"v": str(n)}
                    if n < REPLIES:
                        waiting.append(kc.execute("", user_expressions=asked, reply=True))
                    else:
                        waiting.append(kc.run("", user_expressions=asked))
                    await asyncio.sleep(0)
                sending = time.monotonic() - began
                await asyncio.sleep(0.5)  # the loop goes on beside a full socket
        began = time.monotonic()
        got = await asyncio.wait_for(asyncio.gather(*waiting), 4 * LONG)
        took = time.monotonic() - began
        replies = [*got[:REPLIES], *(result.reply for result in got[REPLIES:])]
        right = sum(value_of(reply) == str(n) for n, reply in enumerate(replies))
        measured(
            "10",
            f"SIGSTOP, {COUNT:,} requests (half of them runs): the loop never stalls over "
            f"{STALL * 1000:.0f} ms; after SIGCONT all are answered",
            f"largest gap {gaps}; idle {idle}; sent in {sending:.2f} s; {right:,} answered right "
            f"in {took:.1f} s",
        )
        assert right == COUNT
        assert kc.stats()["backlog"] == 0
        assert gaps.largest < STALL


async def test_beyond_the_bound_a_request_is_refused_at_once(
    km: ConKernelManager, measured: Callable[[str, str, str], None]
) -> None:
    """And nothing of it is registered; what was accepted is answered when the kernel goes on."""
    async with client_of(km, max_backlog_messages=100) as kc:
        with only_our_garbage(), stopped(km):
            accepted: list[Any] = []
            with pytest.raises(errors.BacklogFullError):
                for n in range(AT_ONCE):
                    asked = {"v": str(n)}
                    accepted.append(
                        kc.execute(
                            LONG_CODE, store_history=False, user_expressions=asked, reply=True
                        )
                    )
                    await asyncio.sleep(0)
            before = kc.stats()
            refusals: list[float] = []
            work: list[float] = []
            for _ in range(500):
                began, waited, worked = time.perf_counter(), run_delay(), time.thread_time()
                with pytest.raises(errors.BacklogFullError):
                    kc.execute(LONG_CODE, reply=True)
                work.append(time.thread_time() - worked)
                refusals.append(time.perf_counter() - began - (run_delay() - waited))
            with pytest.raises(errors.BacklogFullError):
                kc.run(LONG_CODE)
            after = kc.stats()
        got = await asyncio.wait_for(asyncio.gather(*accepted), 4 * LONG)
        refusals.sort()
        work.sort()
        measured(
            "10",
            "beyond the bound: BacklogFullError in under 1 ms, nothing registered",
            f"{len(accepted):,} accepted, then 500 refused in {refusals[250] * 1e6:.0f} us "
            f"(median), {refusals[495] * 1e6:.0f} us (p99), {refusals[-1] * 1e6:.0f} us (most); "
            f"of CPU {work[495] * 1e6:.0f} us (p99), {work[-1] * 1e6:.0f} us (most); "
            f"pending {before['pending']:,} before, {after['pending']:,} after",
        )
        assert before["backlog"] == after["backlog"] == 100
        assert before["pending"] == after["pending"] == len(accepted)
        assert list(map(value_of, got)) == [str(n) for n in range(len(accepted))]
        assert (await asyncio.wait_for(kc.run("1"), LONG)).status == "ok"
        # A few of 500 may meet a core that the machine has lent to somebody else meanwhile: what
        # ours take is their work, of which what a host denies its virtual machine is a part.
        assert refusals[250] < REFUSAL
        assert work[495] < REFUSAL
