"""
What does it look like when a kernel serves many coroutines at once?

`conkernel demo` shows it. One long cell prints as it goes. Meanwhile independent coroutines make
requests, each with a number of its own: some in subshells, which answer at once, some in the main
shell, which answers when the long cell has finished. Each looks whether what it got is its own.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from conkernelclient import run_kernel
from conkernelclient.events import Stream

from .options import add_command, add_json, add_kernel
from .report import put_json

if TYPE_CHECKING:
    import argparse

    from conkernelclient import ConKernelClient

    from .options import Commands

__all__ = ["add", "demo"]

STEPS: Final = 40
LONG_CELL: Final = f"""
import time
for step in range({STEPS}):
    print(f'step {{step + 1}} of {STEPS}', flush=True)
    time.sleep(0.1)
"""
SUBSHELLS: Final = 3
EVERY: Final = 0.25  # seconds between two looks at the board; on a terminal it is drawn over


def add(commands: Commands) -> None:
    """Add the command `demo`."""
    parser = add_command(
        commands,
        "demo",
        "show a long cell, and meanwhile requests from many coroutines",
        ["conkernel demo", "conkernel demo --requests 1000 --json"],
    )
    parser.add_argument("--requests", type=int, default=200, help="how many (default: 200)")
    add_kernel(parser)
    add_json(parser)
    parser.set_defaults(act=_act)


async def _act(args: argparse.Namespace) -> int:
    return await demo(args.kernel, requests=args.requests, is_json=args.json)


@dataclass(slots=True)
class Board:
    """Who waits for what, and what came of it."""

    total: int
    waiting: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    outputs: int = 0
    wrong: int = 0
    step: str = "not begun"

    def line(self) -> str:
        """One line of the display."""
        waiting = ", ".join(
            f"{count} {whom}" for whom, count in sorted(self.waiting.items()) if count
        )
        return (
            f"long cell: {self.step:<14} answered: {len(self.latencies):>3} of {self.total}   "
            f"waiting for: {waiting or 'nobody'}"
        )


async def demo(kernel_name: str, *, requests: int = 200, is_json: bool = False) -> int:
    """
    Show it on a real kernel.

    Args:
        kernel_name: The kernelspec.
        requests: How many coroutines make one request each.
        is_json: Print the figures at the end as JSON, and nothing else.

    Returns:
        0 if everybody got what was his own, 1 otherwise.
    """
    board = Board(requests)
    async with run_kernel(kernel_name) as kc:
        shells = await _shells(kc)
        began, cpu = time.perf_counter(), time.process_time()
        long_cell = asyncio.create_task(_long_cell(kc, board))
        display = asyncio.create_task(_display(board, is_shown=not is_json))
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(requests):
                    name, subshell_id = shells[number % len(shells)]
                    group.create_task(_request(kc, board, number, name, subshell_id))
            long_text = await long_cell
        finally:
            long_cell.cancel()
            display.cancel()
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        pending = int(kc.stats()["pending"])
    wanted = "".join(f"step {step + 1} of {STEPS}\n" for step in range(STEPS))
    board.wrong += long_text != wanted
    figures = _figures(board, took, cpu, pending)
    if is_json:
        put_json(figures)
    else:
        _show(board.line(), is_last=True)
        _table(figures)
    is_good = not board.wrong and not pending and len(board.latencies) == requests
    return 0 if is_good else 1


async def _shells(kc: ConKernelClient) -> list[tuple[str, str | None]]:
    """Name the shells to ask: the main one, and subshells where the kernel has them."""
    shells: list[tuple[str, str | None]] = [("the main shell", None)]
    info = await kc.kernel_info(reply=True)
    if "kernel subshells" in (info["content"].get("supported_features") or ()):
        for number in range(SUBSHELLS):
            shells.append((f"subshell {number + 1}", await kc.create_subshell()))
    return shells


async def _long_cell(kc: ConKernelClient, board: Board) -> str:
    text = ""
    async for event in kc.run(LONG_CELL):
        if isinstance(event, Stream):
            text += event.text
            board.step = text.rstrip().rpartition("\n")[2]
    return text


async def _request(
    kc: ConKernelClient, board: Board, number: int, name: str, subshell_id: str | None
) -> None:
    """Ask for something that only this request can get, and look whether it came."""
    board.waiting[name] += 1
    began = time.perf_counter()
    try:
        if number % 2:
            code, expressions = "", {"mine": f"{number} * {number}"}
            reply = await kc.execute(
                code, user_expressions=expressions, reply=True, subshell_id=subshell_id
            )
            mine = reply["content"]["user_expressions"]["mine"]["data"]["text/plain"]
            board.wrong += mine != str(number * number)
        else:
            # No results: ipykernel 7.4 loses some of cells that end in two shells at once.
            result = await kc.run(f"print({number})", subshell_id=subshell_id)
            board.outputs += len(result.outputs)
            board.wrong += result.text != f"{number}\n"
    finally:
        board.waiting[name] -= 1
    board.latencies.append(time.perf_counter() - began)


async def _display(board: Board, *, is_shown: bool) -> None:
    while is_shown:
        _show(board.line())
        await asyncio.sleep(EVERY if sys.stdout.isatty() else 4 * EVERY)


def _show(line: str, *, is_last: bool = False) -> None:
    if sys.stdout.isatty():
        print(f"\r\x1b[K{line}", end="\n" if is_last else "", flush=True)
    else:
        print(line, flush=True)


def _figures(board: Board, took: float, cpu: float, pending: int) -> dict[str, Any]:
    latencies = sorted(board.latencies)
    count = len(latencies)
    return {
        "requests": board.total,
        "replies": count,
        "outputs": board.outputs,
        "wrong": board.wrong,
        "pending": pending,
        "p50_seconds": latencies[count // 2] if count else None,
        "p99_seconds": latencies[min(count - 1, count * 99 // 100)] if count else None,
        "cpu_seconds_per_request": cpu / max(1, board.total),
        "seconds": took,
    }


def _table(figures: dict[str, Any]) -> None:
    rows = {
        "requests": f"{figures['requests']}",
        "replies": f"{figures['replies']}",
        "outputs": f"{figures['outputs']}",
        "wrong ones": f"{figures['wrong']}",
        "still pending": f"{figures['pending']}",
        "p50": _milliseconds(figures["p50_seconds"]),
        "p99": _milliseconds(figures["p99_seconds"]),
        "client CPU per request": f"{figures['cpu_seconds_per_request'] * 1e3:.2f} ms",
        "all in all": f"{figures['seconds']:.1f} s",
    }
    print()
    for name, value in rows.items():
        print(f"  {name:<24}{value:>10}")


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1e3:.0f} ms"
