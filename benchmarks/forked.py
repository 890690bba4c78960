"""How much sooner is a kernel ready that is forked off, and how much less memory is its own?"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from jupyter_client.kernelspec import KernelSpecManager

from conkernelclient import ConKernelManager
from conkernelclient.forks import servers

from .processes import compiling

__all__ = ["measure"]

ROUNDS: Final = 11
AT_ONCE: Final = 20
ROUNDS_AT_ONCE: Final = 3
WAYS: Final = {"fresh": "local-provisioner", "forked": "conkernel-fork"}
MODULES: Final = {"conkernel": "conkernelclient.kernel", "ipykernel": "ipykernel_launcher"}


def measure(tell: Callable[[str], None]) -> dict[str, Any]:
    """
    Measure both ways in turns, in one run.

    Returns:
        By kernel: "fresh_ms" and "forked_ms", medians from the start to the answer to a
        `kernel_info_request`; "forked/fresh", the median of the rounds' ratios. "at_once", of ours:
        the same for 20 kernels that start at once, and "own_mb", the memory that is one's own.
    """
    return asyncio.run(_measure(tell))


async def _measure(tell: Callable[[str], None]) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        specs = _specs(Path(folder))
        try:
            for kernel in MODULES:
                await _ready(specs, f"{kernel}-forked", 1)  # starts the server
                answer[kernel] = await _compare(specs, kernel, 1, ROUNDS)
                tell(f"{kernel}: {answer[kernel]}")
            answer["at_once"] = await _compare(specs, "conkernel", AT_ONCE, ROUNDS_AT_ONCE)
            tell(f"{AT_ONCE} at once: {answer['at_once']}")
        finally:
            servers.end_all()
    return answer


def _specs(folder: Path) -> KernelSpecManager:
    for kernel, module in MODULES.items():
        for way, provisioner in WAYS.items():
            spec = {
                "argv": [sys.executable, "-m", module, "-f", "{connection_file}"],
                "display_name": kernel,
                "language": "python",
                "metadata": {"kernel_provisioner": {"provisioner_name": provisioner}},
            }
            (folder / f"{kernel}-{way}").mkdir()
            (folder / f"{kernel}-{way}" / "kernel.json").write_text(json.dumps(spec))
    return KernelSpecManager(kernel_dirs=[str(folder)], ensure_native_kernel=False)


async def _compare(
    specs: KernelSpecManager, kernel: str, count: int, rounds: int
) -> dict[str, float]:
    found: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way, figures in found.items():
            figures.append(await _ready(specs, f"{kernel}-{way}", count))
    ratios = [forked[0] / fresh[0] for fresh, forked in zip(*found.values(), strict=True)]
    answer = {f"{way}_ms": round(_median(it, 0) * 1000, 1) for way, it in found.items()}
    answer |= {f"{way}_own_mb": round(_median(it, 1), 1) for way, it in found.items()}
    return answer | {"forked/fresh": round(statistics.median(ratios), 3)}


def _median(figures: list[tuple[float, float]], number: int) -> float:
    return statistics.median(it[number] for it in figures)


async def _ready(specs: KernelSpecManager, name: str, count: int) -> tuple[float, float]:
    """Start so many kernels at once: seconds until all are ready, MB that are one's own."""
    managers = [ConKernelManager(kernel_name=name, kernel_spec_manager=specs) for _ in range(count)]
    began = time.perf_counter()
    await asyncio.gather(*(_start(it) for it in managers))
    seconds = time.perf_counter() - began
    own = statistics.mean(_own_memory(it.provisioner.pid) for it in managers)
    await asyncio.gather(*(it.shutdown_kernel(now=True) for it in managers))
    return seconds, own


async def _start(manager: ConKernelManager) -> None:
    await manager.start_kernel(
        env=compiling()
    )  # its stderr is read: it tells of a port that is taken
    kc = await manager.client().start_channels()
    await kc.wait_for_ready()
    kc.stop_channels()


def _own_memory(pid: int) -> float:
    """Give the proportional set size: what is shared counts in parts."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:  # not on this system
        return float("nan")
    return int(text.partition("Pss:")[2].split()[0]) / 1000
