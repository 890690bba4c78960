"""Interrupts and cancels hit what they were aimed at, whenever they come."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import errors
from conkernelclient.protocol.router import Phase

from ..clients import LONG, client_of, until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from conkernelclient import ConKernelManager

pytestmark = pytest.mark.timeout(300)

ENDLESS = "while True: pass"
DELAYS = (0, 0.001, 0.005, 0.02, 0.1)  # seconds


class Deaths:
    """
    Kernels that did not survive an interrupt that came when the code had just ended.

    It is then in ipykernel's own code: in orjson 3.13, which crashes when the Python code of a time
    zone raises (SIGSEGV), or between two handlers of ipykernel 7.4, which ends its loop (exit
    status 0, or SIGINT), or between taking a lock and holding it, for which the thread that
    publishes then waits for ever ("mute"). Nobody hangs for that, and a client lives on with the
    next kernel.
    """

    def __init__(self, km: ConKernelManager) -> None:
        self._km = km
        self.codes: Counter[int | str | None] = Counter()

    async def survive(self, waiting: Awaitable[Any]) -> Any:
        """Give what `waiting` gives, or None if the kernel died, after a restart."""
        try:
            return await asyncio.wait_for(waiting, LONG)
        except errors.DeadKernelError as death:
            self.codes[death.exit_code] += 1
        except errors.TransportError:
            self.codes["mute"] += 1
        await self._km.restart_kernel(now=True)
        return None

    def __str__(self) -> str:
        return f"kernels that died of it: {dict(self.codes) or 'none'}"


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
    deaths = Deaths(km)
    async with client_of(km) as kc:
        for turn in range(500):
            run = kc.run(f"x = {turn}")
            await until(lambda run=run: run.started)
            began = time.monotonic()
            interrupting = asyncio.ensure_future(run.interrupt())
            result = await deaths.survive(run)
            assert await asyncio.wait_for(interrupting, LONG)
            if result is not None:
                slowest = max(slowest, time.monotonic() - began)
                statuses[result.status] += 1
            following = await asyncio.wait_for(kc.run(f"print({turn})"), LONG)
            right += (following.status, following.stdout) == ("ok", f"{turn}\n")
    measured(
        "3",
        "interrupt at the busy of 500 one-line cells: nobody hangs, 500 of 500 next runs right",
        f"{right} of 500, slowest end {slowest:.2f} s, {dict(statuses)}, {deaths}",
    )
    assert right == 500


async def test_replies_that_a_foreign_interrupt_costs_are_not_waited_for(
    km: ConKernelManager, measured: Callable[[str, str, str], None]
) -> None:
    """`km.interrupt_kernel()` aims at nothing: at its busy, the kernel is in its own code."""
    ends: Counter[str] = Counter()
    right = 0
    slowest = 0.0
    deaths = Deaths(km)
    async with client_of(km) as kc:
        seen: set[str] = set()
        kc.subscribe(lambda message: seen.add(message["parent_header"].get("msg_id", "")))
        for turn in range(50):
            msg_id = f"turn {turn}"
            replying = kc.execute(f"x = {turn}", reply=True, msg_id=msg_id)
            await until(lambda msg_id=msg_id: msg_id in seen)
            began = time.monotonic()
            await km.interrupt_kernel()
            try:
                reply = await deaths.survive(replying)
            except errors.ReplyTimeout:
                ends["ReplyTimeout"] += 1
            else:
                ends["died" if reply is None else reply["content"]["status"]] += 1
            slowest = max(slowest, time.monotonic() - began)
            following = await asyncio.wait_for(kc.execute(f"{turn}", reply=True), LONG)
            right += following["content"]["status"] == "ok"
    measured(
        "3",
        "interrupt the kernel at the busy of 50 execute(reply=True): nobody hangs, all next right",
        f"{right} of 50, slowest end {slowest:.2f} s, {dict(ends)}, {deaths}",
    )
    assert right == ends.total() == 50


async def test_an_interrupt_in_a_run_s_last_moments_never_hits_the_next(
    km: ConKernelManager, measured: Callable[[str, str, str], None]
) -> None:
    """The window keeps the next run out of the kernel until the interrupted one is through."""
    chance = random.Random(0)
    lasts = 0.03  # seconds
    first: Counter[str] = Counter()
    right = 0
    deaths = Deaths(km)
    async with client_of(km) as kc:
        for turn in range(200):
            ending = kc.run(f"import time; time.sleep({lasts})")
            behind = kc.run(f"print({turn}); {turn}")
            await until(lambda run=ending: run.is_interruptible or run.is_through)
            await asyncio.sleep(lasts - chance.uniform(0, 0.01))  # the aim, no synchronisation
            interrupting = asyncio.ensure_future(ending.interrupt())
            results = await deaths.survive(asyncio.gather(ending, behind))
            assert await asyncio.wait_for(interrupting, LONG)
            if results is not None:
                first[results[0].status] += 1
                got = (results[1].status, results[1].stdout, results[1].interrupted)
                right += got == ("ok", f"{turn}\n", False)
    measured(
        "3b",
        "interrupt A in its last 10 ms with B right behind, 200 times: B is never hit",
        f"B right {right} of 200; A ended {dict(first)}; {deaths}",
    )
    assert right == 200 - deaths.codes.total()


async def test_a_run_that_is_cancelled_behind_another_never_runs(
    km: ConKernelManager, measured: Callable[[str, str, str], None]
) -> None:
    """Whenever the one before it ends, from before the cancel to after it."""
    chance = random.Random(1)
    cancelled = without = 0
    async with client_of(km) as kc:
        await kc.run("import time; hits = []")
        while cancelled < 200:
            before = kc.run("time.sleep(0.01)")
            waiting = kc.run("hits.append('cancelled')")
            after = kc.run("hits.append('after')")
            await asyncio.sleep(chance.uniform(0, 0.012))  # the aim, no synchronisation
            is_waiting = waiting.request.phase is Phase.WAITING
            waiting.cancel()
            for run in (before, after):
                assert (await asyncio.wait_for(run, LONG)).status == "ok"
            if is_waiting:
                assert (waiting.outcome.status, waiting.outcome.started) == ("cancelled", False)
                cancelled += 1
                without += await asyncio.wait_for(kc.eval("hits"), LONG) == ["after"]
            await kc.run("hits.clear()")
    measured(
        "3b",
        "cancel a run that waits behind another, 200 times: no side effect",
        f"{without} of {cancelled} without a side effect",
    )
    assert without == cancelled == 200
