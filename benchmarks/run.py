"""
What does everything cost, on this machine, today?

`python -m benchmarks.run [part ...]` measures the parts that are named, or all, and puts their
figures into `benchmarks/results.json` beside those of the others. `make bench` runs it in the
environments that it needs. With FULL=1 in the environment memory is watched over 1,000,000
requests.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import zmq

from . import (
    cost,
    forked,
    growth,
    kernel_speed,
    kernel_table,
    kernels,
    large,
    latency,
    memory,
    ready,
    sidecar,
)

RESULTS: Final = Path(__file__).with_name("results.json")
PINS: Final = Path(__file__).with_name("peers")  # each file pins what it is called after
LIBRARIES: Final = ("conkernelclient", "jupyter_client", "ipykernel", "pyzmq", "orjson")

PARTS: Final[Mapping[str, Callable[[Callable[[str], None]], dict[str, Any]]]] = {
    "cost": cost.measure,
    "cost_curve": partial(cost.measure, curve=True),
    "latency": latency.measure,
    "growth": growth.measure,
    "kernels": kernels.measure,
    "kernel_speed": kernel_speed.measure,
    "kernel_start": kernel_speed.starts,
    "forked": forked.measure,
    "ready": ready.measure,
    "memory": memory.measure,
    "large": large.measure,
    "sidecar": sidecar.measure,
}


def machine() -> dict[str, Any]:
    """Tell what the figures were measured on and with."""
    versions: dict[str, str] = {}
    for name in LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "from source"
    pins = (_own_pin(path) for path in sorted(PINS.glob("*.txt")))
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "cpus": os.cpu_count(),
        "libraries": {**versions, "libzmq": zmq.zmq_version()},
        "peers": dict(pin.split("==") for pin in pins),
        "date": datetime.now(UTC).date().isoformat(),
    }


def _own_pin(path: Path) -> str:
    lines = path.read_text().splitlines()
    return next(one for one in lines if one.replace("_", "-").startswith(f"{path.stem}=="))


def main() -> None:
    """Measure, and keep the figures."""
    parser = argparse.ArgumentParser(description="What does everything cost?")
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(PARTS))
    wanted = parser.parse_args().parts or list(PARTS)
    unknown = set(wanted) - set(PARTS)
    if unknown:
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    kept = results
    for name in wanted:
        print(f"{name}:", flush=True)
        began = time.monotonic()
        results[name] = PARTS[name](lambda line: print(f"  {line}", flush=True))
        print(f"  took {time.monotonic() - began:.0f} s", flush=True)
        results["machine"] = machine()
        order = ("machine", *PARTS)
        kept = {key: results[key] for key in order if key in results}
        RESULTS.write_text(json.dumps(kept, indent=1) + "\n")
    if set(kernel_table.PARTS) & set(wanted):
        kernel_table.put(kept)


if __name__ == "__main__":
    main()
