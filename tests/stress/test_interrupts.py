"""Interrupts and cancels hit what they were aimed at, whenever they come."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from ..clients import LONG, client_of

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
