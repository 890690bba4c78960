"""Our kernel passes what benchmarks/probes asks; `make probes` asks other kernels as well."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

import pytest

from benchmarks.probes.kernels import KINDS
from benchmarks.probes.report import PASSED
from benchmarks.probes.run import outcome_of, probes

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.timeout(600)

(OURS,) = (kind for kind in KINDS if kind.name == "conkernel")
AT_ONCE: Final = 2  # kernels, each of which waits most of the time


async def test_ours_passes_each_probe(measured: Callable[[str, str, str], Any]) -> None:
    """Each once, in a fresh kernel."""
    began = time.monotonic()
    gate = asyncio.Semaphore(AT_ONCE)
    failed: dict[str, str] = {}

    async def ask(claim: str) -> None:
        async with gate:
            outcome = await outcome_of(OURS, asked[claim])
        if outcome != PASSED:
            failed[claim] = outcome

    asked = probes()
    assert len(asked) >= 60
    await asyncio.gather(*map(ask, asked))
    figures = f"{len(asked) - len(failed)} of {len(asked)}, {time.monotonic() - began:.0f} s"
    measured("K3", "each probe of correctness, in a fresh kernel", figures)
    assert failed == {}
