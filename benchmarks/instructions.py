"""
How many instructions does a request take the client, and how many times the floor's?

`python -m benchmarks.instructions` counts them with valgrind, which has to be there, in the
client's process without the system's part. They are the same on a busy machine as on a quiet one,
so that a change of two per cent shows, which no clock would find. They are not time: ours has more
code and more data than the floor, which takes it longer for as many instructions. Valgrind slows a
client down fifty times, so what it does by the clock, some looks a second, is left out.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Final

from .arena import FLOOR, HERE, OURS, Contestant
from .cost import SHAPES, Shape
from .processes import Child, stub

COUNTED: Final = Contestant(OURS.name, "ours_counted")
WITHIN: Final = 600.0  # seconds; valgrind takes fifty times as long
VALGRIND: Final = (
    "valgrind",
    "--tool=cachegrind",
    "--cache-sim=no",
    "--cachegrind-out-file=/dev/null",
)


def count(contestant: Contestant, shape: Shape, requests: int) -> int:
    """Count the instructions of a whole process that makes so many requests."""
    script = (str(HERE / "worker.py"), str(HERE / "contestants" / f"{contestant.file}.py"))
    with tempfile.TemporaryDirectory() as folder, stub() as files:
        log = Path(folder, "log")
        child = Child([*VALGRIND, f"--log-file={log}", contestant.python, "-P", *script])
        try:
            child.ask("open", WITHIN, files=files)
            child.ask(
                "round",
                WITHIN,
                requests=requests,
                outstanding=shape.outstanding,
                outputs=shape.outputs,
                timeout=WITHIN,
            )
        finally:
            child.end(WITHIN)
        found = re.search(r"I\s+refs:\s+([\d,]+)", log.read_text())
        assert found is not None, log.read_text()
        return int(found[1].replace(",", ""))


def each(contestant: Contestant, shape: Shape) -> float:
    """Count those of one request: a process with more requests has so many more."""
    requests = max(shape.outstanding, 200) if shape.outputs == 0 else shape.outstanding
    less, more = (count(contestant, shape, requests * times) for times in (1, 3))
    return (more - less) / (2 * requests)


def main() -> None:
    """Count, and say what came of it."""
    for shape in SHAPES:
        floor, ours = (each(one, shape) for one in (FLOOR, COUNTED))
        print(
            f"{shape}: ours {ours / 1000:.0f} thousand instructions, floor {floor / 1000:.0f}, "
            f"ratio {ours / floor:.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
