"""Does a request cost more when one loop serves the clients of 64 kernels than when it has one?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from .arena import FLOOR, Contestant, Entry, alternate, ratio, result

__all__ = ["measure"]

KERNELS: Final = (1, 8, 64)
OUTSTANDING: Final = 64  # over all kernels together
REQUESTS: Final = 2000  # of a round
SHARED: Final = Contestant("conkernelclient", "ours_shared")


def measure(tell: Callable[[str], None]) -> dict[str, Any]:
    """
    Measure ours and the floor, the total outstanding being the same.

    All stub kernels are in one process, all clients of a contestant in another.

    Returns:
        By number of kernels: the figures of both, "ours/floor", and "ours/one" and "floor/one",
        what a request costs in times what it costs with one kernel.
    """
    entries = {
        f"{one.name}, {kernels}": Entry(one, REQUESTS, OUTSTANDING, kernels=kernels)
        for kernels in KERNELS
        for one in (FLOOR, SHARED)
    }
    alternate(entries, tell=tell)
    answer: dict[str, Any] = {}
    first = [entries[f"{one.name}, {KERNELS[0]}"] for one in (FLOOR, SHARED)]
    for kernels in KERNELS:
        floor, ours = (entries[f"{one.name}, {kernels}"] for one in (FLOOR, SHARED))
        figures = {
            "ours/floor": ratio(ours, floor),
            "floor/one": ratio(floor, first[0]),
            "ours/one": ratio(ours, first[1]),
        }
        answer[str(kernels)] = {FLOOR.name: result(floor), SHARED.name: result(ours), **figures}
        tell(
            f"{kernels} kernels: floor {floor.median('cpu') or 0:.0f} us, "
            f"ours {ours.median('cpu') or 0:.0f} us, "
            + ", ".join(f"{name} {value or 0:.2f}" for name, value in figures.items())
        )
    return answer
