"""Interrupts and cancels hit what they were aimed at, whenever they come."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from conkernelclient.protocol.router import Phase

from ..clients import LONG, client_of, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from conkernelclient import ConKernelManager

pytestmark = pytest.mark.timeout(300)

ENDLESS = "while True: pass"
DELAYS = (0, 0.001, 0.005, 0.02, 0.1)  # seconds


async def test_an_interrupt_after_any_delay_ends_the_run_as_interrupted(
    km: ConKernelManager, measured: Callable[[str, str, str], None]
) -> None:
    """Also when the kernel has not begun, or is not yet inside the code; it answers afterwards."""
    ended: list[tuple[str, str | None, bool]] = []
    slowest = 0.0
    async with client_of(km) as kc:
        for turn in range(20):
            for delay in DELAYS:
                run = kc.run(ENDLESS)
                await asyncio.sleep(delay)  # what is measured, no synchronisation
                began = time.monotonic()
                assert await asyncio.wait_for(run.interrupt(), LONG)
                result = await asyncio.wait_for(run, LONG)
                slowest = max(slowest, time.monotonic() - began)
                ename = None if result.error is None else result.error.ename
                ended.append((result.status, ename, result.interrupted))
                assert await asyncio.wait_for(kc.eval(f"{turn} + 1"), LONG) == turn + 1
    right = ended.count(("error", "KeyboardInterrupt", True))
    measured(
        "3",
        "interrupt 0, 1, 5, 20, 100 ms after sending, 20 times each: 100 of 100 interrupted",
        f"{right} of {len(ended)}, slowest {slowest:.2f} s",
    )
    assert right == len(ended) == 100


async def test_interrupts_at_the_busy_of_short_cells_let_nobody_hang(
    km: ConKernelManager, measured: Callable[[str, str, str], None]
) -> None:
    """The kernel may be past the code, or in its own: the next run is right whatever was hit."""
    statuses: Counter[str] = Counter()
    right = 0
    slowest = 0.0
    async with client_of(km) as kc:
        for turn in range(500):
            run = kc.run(f"x = {turn}")
            await until(lambda run=run: run.started)
            began = time.monotonic()
            interrupting = asyncio.ensure_future(run.interrupt())
            result = await asyncio.wait_for(run, LONG)
            assert await asyncio.wait_for(interrupting, LONG)
            slowest = max(slowest, time.monotonic() - began)
            statuses[result.status] += 1
            following = await asyncio.wait_for(kc.run(f"print({turn})"), LONG)
            right += (following.status, following.stdout) == ("ok", f"{turn}\n")
    measured(
        "3",
        "interrupt at the busy of 500 one-line cells: nobody hangs, 500 of 500 next runs right",
        f"{right} of 500, slowest end {slowest:.2f} s, {dict(statuses)}",
    )
    assert right == 500


async def test_an_interrupt_in_a_run_s_last_moments_never_hits_the_next(
    km: ConKernelManager, measured: Callable[[str, str, str], None]
) -> None:
    """The window keeps the next run out of the kernel until the interrupted one is through."""
    chance = random.Random(0)
    lasts = 0.03  # seconds
    first: Counter[str] = Counter()
    right = 0
    async with client_of(km) as kc:
        await kc.run("import time")
        for turn in range(200):
            ending = kc.run(f"time.sleep({lasts})")
            behind = kc.run(f"print({turn}); {turn}")
            await until(lambda run=ending: run.is_interruptible)
            await asyncio.sleep(lasts - chance.uniform(0, 0.01))  # the aim, no synchronisation
            interrupting = asyncio.ensure_future(ending.interrupt())
            results = await asyncio.wait_for(asyncio.gather(ending, behind), LONG)
            assert await asyncio.wait_for(interrupting, LONG)
            first[results[0].status] += 1
            got = (results[1].status, results[1].stdout, results[1].interrupted)
            right += got == ("ok", f"{turn}\n", False)
    measured(
        "3b",
        "interrupt A in its last 10 ms with B right behind, 200 times: B is never hit",
        f"B right {right} of 200; A ended {dict(first)}",
    )
    assert right == 200


async def test_a_run_that_is_cancelled_behind_another_never_runs(
    km: ConKernelManager, measured: Callable[[str, str, str], None]
) -> None:
    """Whenever the one before it ends, from before the cancel to after it."""
    chance = random.Random(1)
    ran: Counter[bool] = Counter()
    async with client_of(km) as kc:
        await kc.run("import time; hits = []")
        for turn in range(200):
            before = kc.run("time.sleep(0.005)")
            waiting = kc.run(f"hits.append({turn})")
            after = kc.run(f"hits.append(-{turn} - 1)")
            await asyncio.sleep(chance.uniform(0, 0.004))  # the aim, no synchronisation
            was_sent = waiting.request.phase is not Phase.WAITING
            waiting.cancel()
            assert (await asyncio.wait_for(before, LONG)).status == "ok"
            assert (await asyncio.wait_for(after, LONG)).status == "ok"
            assert waiting.outcome.status == "cancelled"
            hits = await kc.eval("hits")
            assert hits.pop() == -turn - 1
            assert was_sent or hits == []
            ran[bool(hits)] += 1
            await kc.run("hits.clear()")
    measured(
        "3b",
        "cancel a run that waits behind another, 200 times: no side effect",
        f"{ran[False]} of 200 without a side effect",
    )
    assert ran[False] == 200
