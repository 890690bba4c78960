"""Who takes part, and how do the contestants take turns?"""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from .processes import ROOT, CannotError, Child, stub

__all__ = [
    "FLOOR",
    "JUPYTER_CLIENT",
    "OURS",
    "PEERS",
    "RAW",
    "Contestant",
    "Entry",
    "alternate",
    "ratio",
    "result",
    "worker",
]

HERE: Final = Path(__file__).resolve().parent
ROUND_WITHIN: Final = 20.0  # seconds
OPENS_WITHIN: Final = 30.0  # seconds
# Where `make bench` puts the peers' environments; another folder for who has them elsewhere.
VENVS: Final = Path(os.environ.get("CONKERNEL_BENCH_VENVS", ROOT))


@dataclass(frozen=True, slots=True)
class Contestant:
    """
    A client.

    Attributes:
        name: What the figures call it.
        file: Its driver in `contestants/`, without the ending.
        venv: What its environment is called, after `.venv-bench-`; None: the one we run in.
        most_outstanding: How many requests it can have under way at once; None: any number.
    """

    name: str
    file: str
    venv: str | None = None
    most_outstanding: int | None = None

    @property
    def python(self) -> str:
        """The interpreter of its environment."""
        if self.venv is None:
            return sys.executable
        return str(VENVS / f".venv-bench-{self.venv}" / "bin" / "python")


FLOOR: Final = Contestant("floor", "floor")
OURS: Final = Contestant("conkernelclient", "ours")
RAW: Final = Contestant("raw DEALER", "raw")
JUPYTER_CLIENT: Final = Contestant("jupyter_client", "jupyter_client", most_outstanding=1)
PEERS: Final = (
    Contestant("conkernelclient 0.0.23", "conkernelclient_0_0_23", "conkernelclient"),
    JUPYTER_CLIENT,
    Contestant("kernel-sidecar", "kernel_sidecar", "kernel-sidecar"),
    Contestant("async-kernel", "async_kernel", "async-kernel"),
)


@dataclass(slots=True)
class Entry:
    """
    One contestant with one kind of round.

    Attributes:
        requests: How many a round makes.
        outstanding: How many of them are under way at once.
        outputs: How many streams each has.
        kernels: Over how many stub kernels they are shared out.
        rounds: What each round gave, in seconds; see `Worker.round`.
        cannot: Why it takes no part, or no longer; None as long as it does.
    """

    contestant: Contestant
    requests: int
    outstanding: int
    outputs: int = 0
    kernels: int = 1
    rounds: list[dict[str, float]] = field(default_factory=list)
    cannot: str | None = None

    def figures(self, name: str, unit: float = 1e6) -> list[float]:
        """Give one figure of all rounds, in 1/`unit` seconds."""
        return [one[name] * unit for one in self.rounds]

    def median(self, name: str, unit: float = 1e6) -> float | None:
        """Give the median of one figure; None if it did not do all rounds."""
        return None if self.cannot else statistics.median(self.figures(name, unit))


def worker(contestant: Contestant, stack: ExitStack) -> Child:
    """Start the contestant's process; `stack` ends it."""
    script = [str(HERE / "worker.py"), str(HERE / "contestants" / f"{contestant.file}.py")]
    is_ours = contestant.venv is None
    if not Path(contestant.python).exists():
        raise CannotError(f"{Path(contestant.python).relative_to(VENVS)} is not there: make bench")
    child = Child([contestant.python, "-P" if is_ours else "-I", *script], is_ours=is_ours)
    stack.callback(child.end)
    return child


def alternate(
    entries: Mapping[str, Entry],
    rounds: int = 5,
    *,
    curve: bool = False,
    source: str = "benchmarks.stub",
    tell: Callable[[str], None] = lambda _: None,
) -> None:
    """
    Let the entries make their rounds in turns, each with a process and stub kernels of its own.

    Which stub kernels is told by `source`, their module.

    An entry that fails says so in `cannot`, and takes no more part. A round before the first one
    does not count.
    """
    with ExitStack() as stack:
        children: dict[str, Child] = {}
        for name, entry in entries.items():
            try:
                children[name] = _open(entry, stack, curve, source)
            except CannotError as error:
                _give_up(name, entry, error, tell)
        for number in range(-1, rounds):
            for name, child in list(children.items()):
                entry = entries[name]
                requests = entry.requests if number >= 0 else min(entry.requests, 500)
                try:
                    figures = _round(child, entry, requests)
                except CannotError as error:
                    children.pop(name).end()
                    _give_up(name, entry, error, tell)
                    continue
                if number >= 0:
                    entry.rounds.append(figures)


def _open(entry: Entry, stack: ExitStack, curve: bool, source: str) -> Child:
    most = entry.contestant.most_outstanding
    if most is not None and entry.outstanding > most:
        raise CannotError(f"it can have {most} outstanding")
    child = worker(entry.contestant, stack)
    files = stack.enter_context(stub(entry.kernels, curve=curve, source=source))
    child.ask("open", OPENS_WITHIN, files=files)
    return child


def _round(child: Child, entry: Entry, requests: int) -> dict[str, float]:
    return child.ask(
        "round",
        ROUND_WITHIN + 5,
        requests=requests,
        outstanding=entry.outstanding,
        outputs=entry.outputs,
        timeout=ROUND_WITHIN,
    )


def _give_up(name: str, entry: Entry, error: CannotError, tell: Callable[[str], None]) -> None:
    entry.cannot = str(error)
    tell(f"{name} cannot: {error}")


def ratio(upper: Entry, lower: Entry, name: str = "cpu") -> float | None:
    """Give the median over the rounds of one entry's figure by the other's."""
    if upper.cannot or lower.cannot:
        return None
    pairs = zip(upper.figures(name), lower.figures(name), strict=True)
    return statistics.median(one / other for one, other in pairs)


def result(entry: Entry) -> dict[str, Any]:
    """Give an entry's figures for `results.json`: CPU and wall time of a request in us."""
    if entry.cannot:
        return {"cannot": entry.cannot}
    return {
        "cpu_us": entry.median("cpu"),
        "wall_us": entry.median("wall"),
        "cpu_us_rounds": entry.figures("cpu"),
    }
