"""
How far is a terminal behind the code that prints?

    python -m benchmarks.terminal

runs a cell that prints 10,000 lines at full speed, each with the time at which it was printed, by
`conkernel exec` in a pseudo-terminal, and compares those times with the ones at which the lines
arrive there; and the same of plain Python in a pseudo-terminal, which has no kernel between. A
kernel of ipykernel keeps what is printed for up to 0.2 s: that much is its own.
"""

from __future__ import annotations

import os
import pty
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Final

__all__ = ["lags", "measure"]

LINES: Final = 10_000
CELL: Final = (
    "import time\nfor number in range({lines}): print('line', number, 'at', repr(time.time()),"
    " 'x' * 40)"
)
LINE: Final = re.compile(rb"line (\d+) at ([\d.]+) x{40}\r?\n")
COMMAND: Final = "from conkernelclient.cli import main; raise SystemExit(main())"


def command(kernel: str | None, lines: int = LINES) -> list[str]:
    """Give the command that prints; None: plain Python."""
    cell = CELL.format(lines=lines)
    if kernel is None:
        return [sys.executable, "-c", cell]
    return [sys.executable, "-c", COMMAND, "exec", cell, "--kernel", kernel]


def lags(arguments: Sequence[str]) -> tuple[list[float], float]:
    """
    Run a command in a pseudo-terminal.

    Returns:
        Seconds from printing to arriving, of each line; and seconds that the printing took.
    """
    outer, inner = pty.openpty()
    process = subprocess.Popen(arguments, stdin=inner, stdout=inner, stderr=inner)
    os.close(inner)
    found: list[float] = []
    printed: list[float] = []
    rest = b""
    try:
        while data := _read(outer):
            now = time.time()
            rest += data
            end = 0
            for line in LINE.finditer(rest):
                end = line.end()
                printed.append(float(line[2]))
                found.append(now - printed[-1])
            rest = rest[end:]
    finally:
        os.close(outer)
        process.wait(timeout=60)
    return found, printed[-1] - printed[0] if printed else 0.0


def _read(outer: int) -> bytes:
    try:
        return os.read(outer, 65536)
    except OSError:  # the last that had it open is gone
        return b""


def measure(kernels: Sequence[str | None], lines: int = LINES) -> None:
    """Print what the lag is with each kernel, in turns, the median of three."""
    for kernel in kernels:
        rounds = [lags(command(kernel, lines)) for _ in range(3)]
        for found, _ in rounds:
            assert len(found) == lines, f"{len(found)} lines came"
        middle = statistics.median(statistics.median(found) for found, _ in rounds)
        worst = statistics.median(max(found) for found, _ in rounds)
        last = statistics.median(found[-1] for found, _ in rounds)
        took = statistics.median(seconds for _, seconds in rounds)
        print(
            f"{kernel or 'plain Python':<12} printed in {took:.3f} s; behind by {middle * 1000:.0f}"
            f" ms in the middle, {worst * 1000:.0f} ms at most, {last * 1000:.0f} ms at the end"
        )


if __name__ == "__main__":
    measure((None, "python3", "conkernel"))
