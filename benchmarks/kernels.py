"""Does a request cost more when one loop serves the clients of 64 kernels than when it has one?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from .arena import FLOOR, Contestant, Entry, alternate, ratio, result

__all__ = ["measure"]

KERNELS: Final = (1, 8, 64)
IN_ALL: Final = 64  # outstanding, over all kernels together
EACH: Final = 16  # outstanding of each kernel
REQUESTS: Final = 2048  # of a round
SHARED: Final = Contestant("conkernelclient", "ours_shared")
BOTH: Final = (FLOOR, SHARED)


def measure(tell: Callable[[str], None]) -> dict[str, Any]:
    """
    Measure ours and the floor: as many outstanding of each kernel, and as many in all.

    The second has the fewer in one kernel the more kernels there are, in the end a single one, and
    so the fewer messages at a time. All stub kernels are in one process, all clients of a
    contestant in another.

    Returns:
        By how the outstanding ones are counted and number of kernels: the figures of both,
        "ours/floor", and "ours/one" and "floor/one", what a request costs in times what it costs
        with one kernel.
    """
    return {
        f"{EACH} outstanding of each": _compare(lambda kernels: EACH * kernels, tell),
        f"{IN_ALL} outstanding in all": _compare(lambda _: IN_ALL, tell),
    }


def _compare(outstanding: Callable[[int], int], tell: Callable[[str], None]) -> dict[str, Any]:
    entries = {
        f"{one.name}, {kernels}": Entry(one, REQUESTS, outstanding(kernels), kernels=kernels)
        for kernels in KERNELS
        for one in BOTH
    }
    alternate(entries, tell=tell)
    answer: dict[str, Any] = {}
    first = [entries[f"{one.name}, {KERNELS[0]}"] for one in BOTH]
    for kernels in KERNELS:
        floor, ours = (entries[f"{one.name}, {kernels}"] for one in BOTH)
        figures = {
            "ours/floor": ratio(ours, floor),
            "floor/one": ratio(floor, first[0]),
            "ours/one": ratio(ours, first[1]),
        }
        answer[str(kernels)] = {FLOOR.name: result(floor), SHARED.name: result(ours), **figures}
        tell(
            f"{kernels} kernels, {outstanding(kernels)} outstanding: "
            f"floor {floor.median('cpu') or 0:.0f} us, ours {ours.median('cpu') or 0:.0f} us, "
            + ", ".join(f"{name} {value or 0:.2f}" for name, value in figures.items())
        )
    return answer
