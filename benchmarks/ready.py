"""
How soon is a client ready at a running kernel, and how soon does a new kernel reply?

`python -m benchmarks.ready` is the process that starts kernels, ours and the floor's in turns.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from .arena import JUPYTER_CLIENT, OURS, PEERS, worker
from .processes import CannotError, Child, kernel, program

__all__ = ["measure"]

ROUNDS: Final = 5
ATTACHES: Final = 4  # of each contestant in a round
STARTS: Final = 15  # of each contestant
STARTS_WITHIN: Final = 60.0  # seconds
ANSWERS_WITHIN: Final = 170.0  # seconds


def measure(tell: Callable[[str], None]) -> dict[str, Any]:
    """
    Measure both, on real ipykernels.

    Returns:
        "attach", by contestant: "open_ms", median of `start_channels()` and `wait_for_ready()` of
        20 clients, and "make_ms", of making the object before. "start": "ours_ms" and "floor_ms",
        medians from the start of a kernel's process to the first reply, and "ours/floor".
    """
    return {"attach": _attach(tell), "start": _start(tell)}


def _attach(tell: Callable[[str], None]) -> dict[str, Any]:
    took: dict[str, dict[str, list[float]]] = {}
    answer: dict[str, Any] = {}
    with ExitStack() as stack:
        file = stack.enter_context(kernel())
        children: dict[str, Child] = {}
        for one in (OURS, JUPYTER_CLIENT, PEERS[0]):
            try:
                children[one.name] = worker(one, stack)
            except CannotError as error:
                answer[one.name] = {"cannot": str(error)}
        for number in range(-1, ROUNDS):  # the first round starts the kernel and does not count
            for name, child in list(children.items()):
                try:
                    times = child.ask("attach", ANSWERS_WITHIN, file=file, times=ATTACHES)
                except CannotError as error:
                    children.pop(name).end()
                    answer[name] = {"cannot": str(error)}
                    tell(f"{name} cannot: {error}")
                    continue
                if number >= 0:
                    kept = took.setdefault(name, {"open": [], "make": []})
                    for kind, values in times.items():
                        kept[kind] += values
    for name, kinds in took.items():
        figures = {f"{kind}_ms": statistics.median(kinds[kind]) * 1e3 for kind in kinds}
        answer.setdefault(name, figures)
        tell(f"attach: {name:<24} {figures['open_ms']:7.1f} ms (made in {figures['make_ms']:.1f})")
    return answer


def _start(tell: Callable[[str], None]) -> dict[str, Any]:
    with program("benchmarks.ready") as child:
        times = child.hear(ANSWERS_WITHIN)
    ratios = [ours / floor for ours, floor in zip(times["ours"], times["floor"], strict=True)]
    answer = {f"{name}_ms": statistics.median(values) * 1e3 for name, values in times.items()}
    answer["ours/floor"] = statistics.median(ratios)
    tell(
        f"start to first reply: ours {answer['ours_ms']:.0f} ms, floor {answer['floor_ms']:.0f} "
        f"ms, ours/floor {answer['ours/floor']:.3f} (at most 1.05)"
    )
    return answer


# In the process of its own


async def _start_ours() -> float:
    from conkernelclient import ConKernelManager

    began = time.perf_counter()
    km = ConKernelManager()
    await km.start_kernel()
    kc = km.client()
    try:
        kc.start_channels()
        await kc.wait_for_ready(timeout=60)
        await kc.run("1")
        return time.perf_counter() - began
    finally:
        kc.stop_channels()
        await km.shutdown_kernel(now=True)


async def _start_floor() -> float:
    from .contestants import floor

    began = time.perf_counter()
    with kernel() as file:
        client = floor.Client(json.loads(Path(file).read_text()))
        try:
            await client.open()
            await client.request("1")
            return time.perf_counter() - began
        finally:
            await client.close()


async def main() -> None:
    """Start kernels; print the seconds until their first replies."""
    times: dict[str, list[float]] = {"ours": [], "floor": []}
    for number in range(-1, STARTS):
        for name, start in (("floor", _start_floor), ("ours", _start_ours)):
            took = await asyncio.wait_for(start(), STARTS_WITHIN)
            if number >= 0:
                times[name].append(took)
    print(json.dumps(times), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
