"""
How long does the event loop make others wait?

Time in which the loop's thread was ready to run and had no core does not count: the machine is to
blame for that. Linux tells it (`schedstat`); elsewhere it is not known.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TICK = 0.001  # seconds
SCHEDSTAT = Path("/proc/thread-self/schedstat")  # cpu time, run delay in ns, time slices


def run_delay() -> float:
    """Seconds that this thread has waited for a core so far."""
    return int(SCHEDSTAT.read_text().split()[1]) / 1e9 if SCHEDSTAT.exists() else 0.0


class Gaps:
    """
    The gaps between the ticks of a task that wants to run each millisecond.

    Attributes:
        largest: Seconds, without those spent waiting for a core; infinite before the first tick.
        largest_of_all: Seconds, with them.
    """

    def __init__(self) -> None:
        self.largest: float = float("inf")
        self.largest_of_all: float = float("inf")

    async def tick(self) -> None:
        waited, last = run_delay(), time.perf_counter()
        gaps: list[tuple[float, float]] = []
        try:
            while True:
                await asyncio.sleep(TICK)
                now, then = time.perf_counter(), run_delay()
                gaps.append((now - last - (then - waited), now - last))
                waited, last = then, time.perf_counter()
        finally:
            if gaps:
                self.largest, self.largest_of_all = (
                    max(column) for column in zip(*gaps, strict=True)
                )

    def __str__(self) -> str:
        return (
            f"{self.largest * 1e3:.1f} ms, {self.largest_of_all * 1e3:.1f} ms with waits for a core"
        )


@asynccontextmanager
async def ticking() -> AsyncIterator[Gaps]:
    """Measure the gaps for the time of an `async with`."""
    gaps = Gaps()
    task = asyncio.create_task(gaps.tick())
    try:
        yield gaps
    finally:
        await asyncio.sleep(0)  # a gap that goes on is one as well
        task.cancel()
        await asyncio.wait([task])
