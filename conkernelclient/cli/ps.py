"""
Which kernels run?

`conkernel ps` lists them.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from .kernels import seen
from .options import add_command, add_json
from .report import put_json
from .telling import first_line

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from .kernels import Kernel
    from .options import Commands

__all__ = ["add", "age_of", "described"]

COLUMNS: Final = ("NAME", "PID", "KERNEL", "AGE", "STATE")


def add(commands: Commands) -> None:
    """Add the command `ps`."""
    parser = add_command(
        commands,
        "ps",
        "list the kernels that run",
        ["conkernel ps", "conkernel ps --all", "conkernel ps --json | jq '.[].pid'"],
    )
    parser.add_argument(
        "--all", action="store_true", help="also what is left over of kernels that have ended"
    )
    add_json(parser)
    parser.set_defaults(act=_act)


async def _act(args: argparse.Namespace) -> int:
    kernels = await seen()
    shown = [kernel for kernel in kernels if args.all or kernel.state != "stale"]
    if args.json:
        put_json([described(kernel) for kernel in shown])
        return 0
    if shown:
        print("\n".join(_table([COLUMNS, *map(_row, shown)])))
    else:
        print("no kernel runs", file=sys.stderr)
    if stale := len(kernels) - len(shown):
        files = "file was" if stale == 1 else "files were"
        print(f"{stale} connection {files} left over; --all shows them", file=sys.stderr)
    return 0


def described(kernel: Kernel) -> dict[str, Any]:
    """Give what `--json` says of a kernel."""
    return {
        "name": kernel.name,
        "pid": kernel.pid,
        "kernel": kernel.spec,
        "began": datetime.fromtimestamp(kernel.began, UTC),
        "age_seconds": round(kernel.age, 3),
        "state": kernel.state,
        "encryption": kernel.encryption,
        "connection_file": str(kernel.path),
    }


def age_of(seconds: float) -> str:
    """Give a time in the two largest units that it has, such as "2 h 5 min"."""
    days, rest = divmod(int(seconds), 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, rest = divmod(rest, 60)
    units = [(days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")]
    while len(units) > 1 and not units[0][0]:
        del units[0]
    return " ".join(f"{count} {unit}" for count, unit in units[:2])


def _row(kernel: Kernel) -> Sequence[str]:
    pid = "-" if kernel.pid is None else str(kernel.pid)
    name, spec = first_line(kernel.name), first_line(kernel.spec or "-")
    return name, pid, spec, age_of(kernel.age), kernel.state


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
