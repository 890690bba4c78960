"""How long does a reply take, when 1, 10, 100 or 1000 are outstanding?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from .arena import FLOOR, RAW, Contestant, Entry, alternate

__all__ = ["measure"]

OUTSTANDING: Final = {1: 500, 10: 1500, 100: 2000, 1000: 4000}  # requests of a round
REPLY: Final = Contestant("conkernelclient", "ours_reply")


def measure(tell: Callable[[str], None]) -> dict[str, Any]:
    """
    Measure our `execute(reply=True)` against a raw round trip, and against the floor's request.

    The raw one knows shell alone; the floor waits for its idle too.

    Returns:
        By number outstanding, by contestant: "p50_us" and "p99_us", medians over the rounds.
    """
    answer: dict[str, Any] = {}
    for outstanding, requests in OUTSTANDING.items():
        entries = {one.name: Entry(one, requests, outstanding) for one in (RAW, FLOOR, REPLY)}
        alternate(entries, tell=tell)
        answer[str(outstanding)] = {
            name: {"cannot": entry.cannot}
            if entry.cannot
            else {"p50_us": entry.median("p50"), "p99_us": entry.median("p99")}
            for name, entry in entries.items()
        }
        for name, entry in entries.items():
            p50, p99 = entry.median("p50"), entry.median("p99")
            if p50 is not None and p99 is not None:
                tell(f"{outstanding} outstanding: {name:<16} p50 {p50:9.0f} us, p99 {p99:9.0f} us")
    return answer
