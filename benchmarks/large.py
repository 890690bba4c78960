"""
How long does a large message hold the loop, and how soon is it there?

`python -m benchmarks.large connection.json` is the process that receives them.
"""

from __future__ import annotations

import asyncio
import gc
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from .processes import program, stub

__all__ = ["measure"]

TIMES: Final = {1_000_000: 7, 10_000_000: 5, 100_000_000: 5}  # by bytes; an odd number
TICK: Final = 0.001  # seconds
ANSWERS_WITHIN: Final = 170.0  # seconds


def measure(tell: Callable[[str], None]) -> dict[str, Any]:
    """
    Measure ours, medians of several messages each.

    Returns:
        By kind ("stream" and "display" are JSON, "comm" is a buffer) and bytes: "held_ms", the
        longest time that the loop was held while the message came, and its greatest "held_max_ms";
        "there_ms", from the kernel's sending until the result or the comm's handler has it; for
        JSON "read_ms", the first reading of `result.outputs`, and "loads_ms", one `orjson.loads` of
        the same bytes. "idle": "held_ms" of half a second without any message.
    """
    with stub() as (file,), program("benchmarks.large", file) as child:
        answer: dict[str, Any] = child.hear(ANSWERS_WITHIN)
    for kind, sizes in answer.items():
        for size, figures in sizes.items():
            shown = ", ".join(f"{name} {value:.1f}" for name, value in figures.items())
            tell(f"{kind} {int(size):>11,} bytes: {shown}")
    return answer


# In the process of its own


class Ticker:
    """
    A callback that wants to be called each millisecond.

    Attributes:
        longest: Seconds that it was kept waiting at most, since this was last set.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._due = self._loop.time()
        self.longest = 0.0
        self._tick()

    def _tick(self) -> None:
        now = self._loop.time()
        self.longest = max(self.longest, now - self._due)
        self._due = now + TICK
        self._loop.call_at(self._due, self._tick)


class Receiver:
    """Asks for large messages."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._kc = client.kc
        self._ticker = Ticker()

    async def one(self, kind: str, size: int) -> dict[str, float]:
        """Have one message sent; gives its figures in ms."""
        gc.collect()
        await asyncio.sleep(2 * TICK)  # so that the ticker is on time again
        self._ticker.longest = 0.0
        return await (self._comm(size) if kind == "comm" else self._json(kind, size))

    async def _json(self, kind: str, size: int) -> dict[str, float]:
        result = await self._kc.run(f"{kind} {size}")
        there = time.monotonic()
        figures = self._figures(result, there)
        began = time.perf_counter()
        (output,) = result.outputs
        text = output["text"] if kind == "stream" else output["data"]["image/png"]
        figures["read_ms"] = (time.perf_counter() - began) * 1e3
        assert len(text) == size
        return figures

    async def _comm(self, size: int) -> dict[str, float]:
        comm = self._kc.comms.open("benchmark")
        came: asyncio.Future[tuple[float, int]] = asyncio.get_running_loop().create_future()
        comm.on_msg = lambda message: came.set_result(
            (time.monotonic(), memoryview(message["buffers"][0]).nbytes)
        )
        result = await self._kc.run(f"comm {size} {comm.comm_id}")
        there, got = await came
        assert got == size
        figures = self._figures(result, there)
        comm.close()
        return figures

    def _figures(self, result: Any, there: float) -> dict[str, float]:
        sent = result.reply["content"]["sent"]
        return {"held_ms": self._ticker.longest * 1e3, "there_ms": (there - sent) * 1e3}

    async def idle(self) -> float:
        """Give the longest wait of half a second in which nothing comes, in ms."""
        self._ticker.longest = 0.0
        await asyncio.sleep(0.5)
        return self._ticker.longest * 1e3


def loads(kind: str, size: int) -> float:
    """Give the time in ms of one `orjson.loads` of such a content."""
    import orjson

    from .stub import DISPLAY, STREAM

    content = (STREAM if kind == "stream" else DISPLAY) % (b"x" * size)
    began = time.perf_counter()
    orjson.loads(content)
    return (time.perf_counter() - began) * 1e3


async def main() -> None:
    """Receive one message after the other; print the figures."""
    from .contestants import ours

    client = ours.Client(json.loads(Path(sys.argv[1]).read_text()))
    await client.open()
    receiver = Receiver(client)
    answer: dict[str, Any] = {"idle": {"0": {"held_ms": await receiver.idle()}}}
    for kind in ("stream", "display", "comm"):
        sizes = answer[kind] = {}
        for size, times in TIMES.items():
            await receiver.one(kind, size)
            rounds = [await receiver.one(kind, size) for _ in range(times)]
            figures = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
            figures["held_max_ms"] = max(one["held_ms"] for one in rounds)
            if kind != "comm":
                figures["loads_ms"] = statistics.median(loads(kind, size) for _ in range(times))
                figures["read/loads"] = figures["read_ms"] / figures["loads_ms"]
            sizes[str(size)] = figures
    print(json.dumps(answer), flush=True)
    await client.close()


if __name__ == "__main__":
    asyncio.run(main())
