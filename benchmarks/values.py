"""
How long does a frame of 100 MB take into the kernel and out of it, and a value beside a long cell?

    python -m benchmarks.values [KERNEL ...]

Needs numpy and pandas. Prints one line for each kernel and question.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time

import numpy as np
import pandas as pd

from conkernelclient import run_kernel

ROWS = 1_000_000
ROUNDS = 5
GETS = 50


def frame() -> pd.DataFrame:
    """Give a frame of about 100 MB, with columns of several dtypes."""
    chance = np.random.default_rng(0)
    floats = {f"f{number}": chance.normal(size=ROWS) for number in range(9)}
    kinds = pd.Categorical.from_codes(chance.integers(0, 3, ROWS), list("abc"))
    times = pd.date_range("2020", periods=ROWS, freq="s", tz="Europe/Berlin")
    text = chance.integers(0, 9, ROWS).astype(str)
    return pd.DataFrame({**floats, "n": range(ROWS), "t": times, "c": kinds, "s": text})


def are_equal(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Whether two frames are equal, with their dtypes."""
    return one.equals(other) and list(one.dtypes) == list(other.dtypes)


async def measure(kernel: str, large: pd.DataFrame) -> None:
    """Print the figures of one kernel."""
    async with run_kernel(kernel) as kc:
        version = await kc.eval("__import__('pandas').__version__")
        there, back = [], []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            await kc.set(large=large)
            middle = time.perf_counter()
            got = await kc.get("large")
            there.append(middle - start)
            back.append(time.perf_counter() - middle)
            assert are_equal(got, large)
        size = large.memory_usage().sum() / 1e6
        for name, seconds in (("set", there), ("get", back)):
            median, most = statistics.median(seconds), max(seconds)
            print(f"{kernel}: {name} of {size:.0f} MB (pandas {version}): ", end="")
            print(f"median {median:.2f} s, most {most:.2f} s of {ROUNDS}")
        await kc.set(x=1)
        run = kc.run("import time; print('begun'); time.sleep(10)")
        await anext(run.__aiter__())
        times = []
        for _ in range(GETS):
            start = time.perf_counter()
            await kc.get("x")
            times.append(time.perf_counter() - start)
        assert not run.done()
        p50, most = statistics.median(times) * 1e3, max(times) * 1e3
        print(
            f"{kernel}: get beside time.sleep(10): p50 {p50:.1f} ms, most {most:.1f} ms of {GETS}"
        )
        run.cancel()


def main() -> None:
    """Measure each kernel that is named, or both."""
    large = frame()
    for kernel in sys.argv[1:] or ["python3", "conkernel"]:
        asyncio.run(measure(kernel, large))


if __name__ == "__main__":
    main()
