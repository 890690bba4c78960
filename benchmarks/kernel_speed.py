"""
How quick is our kernel, beside others and beside one without features?

The kernels take turns in each round, so that what else the machine does counts for all. What is
compared is the median of the rounds' ratios.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from . import kernel_rows as rows
from .arena import VENVS
from .front_end import FrontEnd, running
from .processes import CannotError

__all__ = ["measure", "starts"]

IS_FULL: Final = os.environ.get("FULL") == "1"
ROUNDS: Final = 5
FRESH: Final = 3  # times that a kernel which went dumb is replaced
STARTS: Final = 15  # of each kernel
STARTS_ROW: Final = "start to ready, ms"
SUBSHELLS: Final = 50


@dataclass(frozen=True, slots=True)
class Kernel:
    """
    A kernel.

    Attributes:
        name: What the figures call it.
        argv: After the interpreter.
        venv: What its environment is called, after `.venv-bench-`; None: the one we run in.
        beside: How its cells run beside each other: as "task", in a "subshell", or None.
        interrupt: How it is interrupted: by "signal" or by "message".
        has_features: Whether it has more than cells.
    """

    name: str
    argv: tuple[str, ...]
    venv: str | None = None
    beside: str | None = None
    interrupt: str = "signal"
    has_features: bool = True

    @property
    def command(self) -> list[str]:
        """The command that starts it."""
        if self.venv is None:
            return [sys.executable, *self.argv]
        python = VENVS / f".venv-bench-{self.venv}" / "bin" / "python"
        if not python.exists():
            raise CannotError(f"{Path(python).relative_to(VENVS)} is not there: make bench-kernels")
        return [str(python), *self.argv]


FILE: Final = "{connection_file}"
OURS: Final = Kernel("ours", ("-m", "conkernelclient.kernel", "-f", FILE), beside="task")
FLOOR: Final = Kernel("floor", ("-m", "benchmarks.floor_kernel", FILE), has_features=False)
IPYKERNEL: Final = Kernel(
    "ipykernel", ("-Xfrozen_modules=off", "-m", "ipykernel_launcher", "-f", FILE), beside="subshell"
)
KERNELS: Final = (
    FLOOR,
    IPYKERNEL,
    Kernel(
        "async-kernel",
        ("-m", "async_kernel", "start", f"--connection_file={FILE}", "--name=async"),
        "async-kernel",
        beside="task",
        interrupt="message",
    ),
    Kernel(
        "ipymini",
        ("-Xfrozen_modules=off", "-m", "ipymini", "-f", FILE),
        "ipymini",
        beside="subshell",
    ),
    OURS,
)


@dataclass(slots=True)
class Seat:
    """A kernel that runs; a fresh one takes its place when it has gone dumb."""

    kernel: Kernel
    stack: ExitStack
    front_end: FrontEnd = field(init=False)
    subshells: list[str] = field(init=False, default_factory=list)
    failed: int = 0

    def sit(self) -> None:
        """Start a kernel."""
        self.front_end = self.stack.enter_context(
            running(self.kernel.command, is_ours=self.kernel.venv is None)
        )
        self.front_end.wait_until_ready()
        self.subshells = []

    def make_subshells(self) -> None:
        """Make those of the row that needs them."""
        while self.kernel.beside == "subshell" and len(self.subshells) < SUBSHELLS:
            msg_id = self.front_end.send("create_subshell_request", {}, channel="control")
            reply = self.front_end.until(
                lambda m, sent=msg_id: m.parent == sent and m.channel == "control"
            )
            self.subshells.append(reply.content["subshell_id"])


Run = Callable[[Seat], Any]


def measure(tell: Callable[[str], None]) -> dict[str, Any]:
    """
    Measure all rows.

    Returns:
        By row: by kernel the median of its rounds, "rounds" with all figures, and "ratios" of ours
        to each of the others, as the medians of the rounds' ratios; more than 1 is better.
    """
    answer: dict[str, Any] = {}
    with ExitStack() as stack:
        seats: list[Seat] = []
        for kernel in KERNELS:
            seat = Seat(kernel, stack)
            try:
                seat.sit()
            except CannotError as error:
                tell(f"{kernel.name} cannot: {error}")
                continue
            seats.append(seat)
        for name, (run, only) in _rates().items():
            answer[name] = _row(name, seats, run, only, tell, is_rate=True)
        for name, (run, only) in _times().items():
            answer[name] = _row(name, seats, run, only, tell, is_rate=False)
    answer["fairness, ms"] = _alone("fairness, ms", rows.fairness, tell)
    requests = 1_000_000 if IS_FULL else 10_000
    answer["memory, MB"] = _alone("memory, MB", partial(rows.grow, requests=requests), tell)
    return answer


def starts(tell: Callable[[str], None]) -> dict[str, Any]:
    """Measure how long each kernel takes until it answers; as `measure`, one row."""
    seats = [Seat(it, ExitStack()) for it in KERNELS]
    return {STARTS_ROW: _row(STARTS_ROW, seats, _start, None, tell, STARTS)}


def _rates() -> Mapping[str, tuple[Run, Callable[[Kernel], bool] | None]]:
    return {
        "sequential, per s": (lambda s: rows.sequential(s.front_end), None),
        "100 outstanding, per s": (lambda s: rows.outstanding(s.front_end, {}), None),
        "100 as tasks, per s": (
            lambda s: rows.outstanding(s.front_end, rows.AS_TASK),
            lambda kernel: kernel.beside != "subshell",
        ),
    }


def _times() -> Mapping[str, tuple[Run, Callable[[Kernel], bool] | None]]:
    def has_features(kernel: Kernel) -> bool:
        return kernel.has_features

    def many(seat: Seat) -> float:
        seat.make_subshells()
        return rows.await_many(seat.front_end, seat.subshells)

    def complete(seat: Seat) -> float:
        return max(rows.complete_while_blocked(seat.front_end, seat.kernel.interrupt))

    def stop(name: str) -> Run:
        return lambda seat: rows.interrupt(seat.front_end, name, seat.kernel.interrupt)

    return {
        "50 x await sleep(0.2), s": (many, has_features),
        "completion while blocked, slowest of 60, ms": (complete, has_features),
        "20,000 prints, s": (lambda s: rows.prints(s.front_end)[0], has_features),
        "20,000 prints, messages": (lambda s: rows.prints(s.front_end)[1], has_features),
        "first print, ms": (lambda s: rows.first_print(s.front_end), has_features),
        **{f"interrupt of {name}, ms": (stop(name), has_features) for name in rows.SLEEPS},
    }


def _start(seat: Seat) -> float:
    with seat.stack:
        began = time.perf_counter()
        front_end = seat.stack.enter_context(
            running(seat.kernel.command, is_ours=seat.kernel.venv is None)
        )
        front_end.first_reply()
        return (time.perf_counter() - began) * 1e3


def _row(
    name: str,
    seats: list[Seat],
    run: Run,
    only: Callable[[Kernel], bool] | None,
    tell: Callable[[str], None],
    rounds: int = ROUNDS,
    *,
    is_rate: bool = False,
) -> dict[str, Any]:
    taking = {seat.kernel.name: seat for seat in seats if only is None or only(seat.kernel)}
    figures: dict[str, list[float]] = {name: [] for name in taking}
    failed: dict[str, str] = {}
    for number in range(-1, rounds):  # the first does not count
        for kernel, seat in taking.items():
            if kernel in failed:
                continue
            figure = _round(seat, run, failed)
            if number >= 0 and figure is not None:
                figures[kernel].append(figure)
    medians = {kernel: statistics.median(it) for kernel, it in figures.items() if it}
    ratios = {
        kernel: statistics.median(_better(mine, other, is_rate=is_rate) for mine, other in pairs)
        for kernel, it in figures.items()
        if kernel != OURS.name and (pairs := list(zip(figures[OURS.name], it, strict=False)))
    }
    words = [f"{kernel} {value:.4g}" for kernel, value in medians.items()]
    words += [f"ours:{kernel} {value:.2f}" for kernel, value in ratios.items()]
    words += [f"{kernel} FAILED: {why}" for kernel, why in failed.items()]
    tell(f"{name:<46}{', '.join(words)}")
    return {"medians": medians, "rounds": figures, "ratios": ratios, "failed": failed}


def _better(mine: float, other: float, *, is_rate: bool) -> float:
    """Give how many times as good ours is."""
    return mine / other if is_rate else other / mine


def _round(seat: Seat, run: Run, failed: dict[str, str]) -> float | None:
    for _ in range(FRESH):
        try:
            return run(seat)
        except CannotError as error:
            seat.failed += 1
            why = str(error)
            try:
                seat.sit()
            except CannotError:
                break
    failed[seat.kernel.name] = why
    return None


def _alone(name: str, run: Callable[[FrontEnd], Any], tell: Callable[[str], None]) -> Any:
    """Run something once with a fresh kernel, ours."""
    with running(OURS.command, is_ours=True) as front_end:
        front_end.wait_until_ready()
        figures = run(front_end)
    tell(f"{name:<46}{figures}")
    return figures
