"""
Has a request become dearer than it may be?

`python -m benchmarks.check` takes less than a minute: ours and the floor in turns, so that what
else the machine does counts for both. Exit status 1 if the median ratio of a shape is over its
limit.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Final

from .arena import FLOOR, OURS, alternate, ratio
from .cost import SHAPES, enter

# What ours may cost in times the floor, by (outstanding, outputs): what was measured when these
# were set (1.1, 1.15, 1.15 and 0.95) and two fifths for noise. The aims are 1.25, 1.2, 1.2 and 1.0.
LIMITS: Final[Mapping[tuple[int, int], float]] = {
    (1, 0): 1.55,
    (100, 0): 1.6,
    (1000, 0): 1.6,
    (100, 20): 1.35,
}


def main() -> int:
    """Measure, say what came of it, and give the exit status."""
    is_over = False
    for shape in SHAPES:
        entries = enter(shape, (FLOOR, OURS))
        alternate(entries)
        floor, ours = (entries[one.name] for one in (FLOOR, OURS))
        limit = LIMITS[shape.outstanding, shape.outputs]
        times = ratio(ours, floor)
        if times is None:
            print(f"{shape}: failed: {ours.cannot or floor.cannot}")
            is_over = True
            continue
        verdict = "ok" if times <= limit else "TOO MUCH"
        print(
            f"{shape}: ours {ours.median('cpu'):.0f} us CPU, floor {floor.median('cpu'):.0f} us, "
            f"ratio {times:.2f}, limit {limit:.2f}: {verdict}",
            flush=True,
        )
        is_over = is_over or times > limit
    if is_over:
        print("a request costs more than it may; `make bench` tells more, or a profile of")
        print("benchmarks/worker.py with benchmarks/contestants/ours.py")
    return int(is_over)


if __name__ == "__main__":
    sys.exit(main())
