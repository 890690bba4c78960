"""Which probes does each kernel pass?"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from typing import TYPE_CHECKING, Final

from . import belongs, modes, stops
from .kernels import KINDS, OURS, ROOT, WITHIN, Kernel, Kind, NotThereError
from .report import NOT_THERE, PASSED, summary, write

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Probe = Callable[[Kernel], Awaitable[None]]

ROUNDS: Final = 20 if os.environ.get("FULL") else int(os.environ.get("ROUNDS", "1"))
"""How often our kernel is asked each; the others are asked once: they are let hang often enough."""


def probes() -> dict[str, Probe]:
    """Give the probes by the claim that each makes."""
    found: dict[str, Probe] = {}
    for module in (modes, belongs, stops):
        for name, probe in vars(module).items():
            if name.startswith("probe_"):
                room = module.__name__.rpartition(".")[2]
                found[f"{room}: {(probe.__doc__ or name).rstrip('.')}"] = probe
    return found


async def outcome_of(kind: Kind, probe: Probe) -> str:
    """Run one probe in a fresh kernel: "passed", "not there", or what was wrong."""
    try:
        async with Kernel(kind) as kernel:
            await asyncio.wait_for(probe(kernel), WITHIN)
    except NotThereError:
        return NOT_THERE
    except TimeoutError:
        return f"hangs for {WITHIN} s"
    except Exception as error:
        told = f"{type(error).__name__}: {error}".replace(f"{ROOT}/", "")
        return told.partition("\n")[0][:200]
    return PASSED


async def outcomes_of(kind: Kind, probe: Probe, rounds: int) -> list[str]:
    """Run one probe so many times, two at once: each waits most of the time."""
    gate = asyncio.Semaphore(2)

    async def once() -> str:
        async with gate:
            return await outcome_of(kind, probe)

    return await asyncio.gather(*(once() for _ in range(rounds)))


async def measure(kinds: tuple[Kind, ...]) -> dict[str, dict[str, list[str]]]:
    """Give the outcomes of each probe, by claim and kernel."""
    answer: dict[str, dict[str, list[str]]] = {}
    for claim, probe in probes().items():
        answer[claim] = {}
        for kind in kinds:
            outcomes = await outcomes_of(kind, probe, ROUNDS if kind.name == OURS else 1)
            answer[claim][kind.name] = outcomes
            bad = Counter(it for it in outcomes if it != PASSED)
            print(f"{kind.name:13} {'ok' if not bad else dict(bad)}  {claim}", flush=True)
    return answer


def main() -> int:
    """
    Probe the kernels that are named, or all; what was measured of the others before stays.

    The exit status is 1 if ours fails in one.
    """
    kinds = tuple(it for it in KINDS if it.name in sys.argv[1:]) or KINDS
    answer = asyncio.run(measure(kinds))
    lines = summary(answer)
    for kind, line in lines.items():
        print(f"{kind:13} {line['passed']} of {line['of']}, {line['not there']} not there")
    write(answer)
    ours = lines.get(OURS, {"passed": 0, "of": 0})
    return int(ours["passed"] != ours["of"])


if __name__ == "__main__":
    sys.exit(main())
