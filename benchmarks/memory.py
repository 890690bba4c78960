"""
How much memory does a request take, while it is outstanding, when it is finished, and for good?

`python -m benchmarks.memory QUESTION connection.json` is the process that is measured: a fresh one
for each question.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from .processes import program, stub

__all__ = ["measure"]

OUTSTANDING: Final = 10_000
FINISHED: Final = 1_000
# Requests before anything is measured. What is bounded is to be full before finished ones are
# counted: most of all the 65,536 signatures seen, four of each run.
BEFORE: Final = {"outstanding": 2_000, "finished": 17_000, "flat": 2_000}
BEFORE_LARGER: Final = 600  # the 10,000 messages kept for `get_iopub_msg` are of these, too
AT_ONCE: Final = 100  # where many requests are made one after the other
SAMPLES: Final = 10
ANSWERS_WITHIN: Final = 900.0  # seconds


def measure(tell: Callable[[str], None]) -> dict[str, Any]:
    """
    Measure ours.

    Returns:
        "outstanding_bytes": of one run that is outstanding, "traced" by tracemalloc and "rss".
        "finished_bytes": traced, of one that ended: its result held, the run itself held, neither;
        without outputs and with 20. "flat": "requests", and "rss_mb" after each tenth of them.
    """
    requests = 1_000_000 if os.environ.get("FULL") == "1" else 100_000
    outstanding = {name: _ask(f"outstanding_{name}") for name in ("traced", "rss")}
    finished = {outputs: _ask(f"finished_{outputs}") for outputs in ("0", "20")}
    flat = _ask(f"flat_{requests}")
    for name, size in outstanding.items():
        tell(f"outstanding run, {name}: {size:.0f} bytes")
    for outputs, sizes in finished.items():
        for name, size in sizes.items():
            tell(f"finished run of {outputs} outputs, {name}: {size:.0f} bytes")
    tell(f"RSS over {requests} requests: {', '.join(f'{one:.1f}' for one in flat)} MB")
    return {
        "outstanding_bytes": outstanding,
        "finished_bytes": finished,
        "flat": {"requests": requests, "rss_mb": flat},
    }


def _ask(question: str) -> Any:
    with stub() as (file,), program("benchmarks.memory", question, file) as child:
        return child.hear(ANSWERS_WITHIN)


# In the process of its own


def rss() -> int:
    """Give this process's resident memory in bytes; where the system tells only its peak, that."""
    gc.collect()
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return pages * resource.getpagesize()


def traced() -> int:
    """Give the bytes that Python objects take."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


async def run_many(client: Any, code: str, number: int, keep: Callable[[Any, Any], None]) -> None:
    """Make `number` runs, some at once; `keep` gets each with its result."""
    left = [code] * number

    async def take_turns() -> None:
        while left:
            run = client.kc.run(left.pop())
            keep(run, await run)

    await asyncio.gather(*(take_turns() for _ in range(AT_ONCE)))


async def outstanding(client: Any, used: Callable[[], int]) -> float:
    """Give the bytes of a run that nobody answers."""
    before = used()
    runs = [client.kc.run("mute") for _ in range(OUTSTANDING)]
    await client.request("0")  # the kernel read all that came before it
    size = (used() - before) / OUTSTANDING
    client.kc.stop_channels()
    await asyncio.gather(*runs, return_exceptions=True)
    return size


async def finished(client: Any, outputs: str) -> dict[str, float]:
    """Give the bytes of a run that has ended."""
    results: list[Any] = []
    runs: list[Any] = []
    sizes: dict[str, float] = {}
    before = traced()
    await run_many(client, outputs, FINISHED, lambda _, result: results.append(result))
    sizes["result held"] = (traced() - before) / FINISHED
    results.clear()
    sizes["not held"] = (traced() - before) / FINISHED
    before = traced()
    await run_many(client, outputs, FINISHED, lambda run, _: runs.append(run))
    sizes["run held"] = (traced() - before) / FINISHED
    return sizes


async def flat(client: Any, requests: int) -> list[float]:
    """Give the RSS in MB before the requests and after each tenth of them."""
    sizes = [rss() / 2**20]
    for _ in range(SAMPLES):
        await run_many(client, "0", requests // SAMPLES, lambda _, __: None)
        sizes.append(rss() / 2**20)
    return sizes


async def main() -> None:
    """Answer the question."""
    from .contestants import ours

    question, _, which = sys.argv[1].partition("_")
    client = ours.Client(json.loads(Path(sys.argv[2]).read_text()))
    await client.open()
    if which == "traced" or question == "finished":
        tracemalloc.start()
    await run_many(client, "0", BEFORE[question], lambda _, __: None)
    if question == "finished":
        await run_many(client, which, BEFORE_LARGER, lambda _, __: None)
    answer: Any
    if question == "outstanding":
        answer = await outstanding(client, traced if which == "traced" else rss)
    elif question == "finished":
        answer = await finished(client, which)
    else:
        answer = await flat(client, int(which))
    print(json.dumps(answer), flush=True)
    await client.close()


if __name__ == "__main__":
    asyncio.run(main())
