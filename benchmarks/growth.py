"""Does a request cost more when 10,000 are outstanding than when 100 are?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from .arena import FLOOR, OURS, Entry, alternate, ratio, result

__all__ = ["measure"]

OUTSTANDING: Final = {100: 3000, 1000: 4000, 10_000: 15_000}  # requests of a round


def measure(tell: Callable[[str], None]) -> dict[str, Any]:
    """
    Measure ours and the floor.

    Returns:
        By number outstanding: the figures of both, and "ours/floor". "spread" is the greatest of
        these ratios by the least; "1k to 10k" is our CPU per request at 10,000 by that at 1,000.
    """
    entries = {
        f"{one.name}, {outstanding}": Entry(one, requests, outstanding)
        for outstanding, requests in OUTSTANDING.items()
        for one in (FLOOR, OURS)
    }
    alternate(entries, tell=tell)
    answer: dict[str, Any] = {}
    ratios: list[float | None] = []
    for outstanding in OUTSTANDING:
        floor, ours = (entries[f"{one.name}, {outstanding}"] for one in (FLOOR, OURS))
        ratios.append(ratio(ours, floor))
        answer[str(outstanding)] = {
            FLOOR.name: result(floor),
            OURS.name: result(ours),
            "ours/floor": ratios[-1],
        }
        tell(
            f"{outstanding} outstanding: floor {floor.median('cpu') or 0:.0f} us, "
            f"ours {ours.median('cpu') or 0:.0f} us, ours/floor {ratios[-1] or 0:.2f}"
        )
    known = [one for one in ratios if one is not None]
    answer["spread"] = max(known) / min(known) if len(known) == len(ratios) else None
    answer["1k to 10k"] = ratio(entries[f"{OURS.name}, 10000"], entries[f"{OURS.name}, 1000"])
    tell(f"spread of ours/floor {answer['spread'] or 0:.2f} (at most 1.25)")
    tell(f"ours from 1k to 10k {answer['1k to 10k'] or 0:.2f} (at most 1.2)")
    return answer
