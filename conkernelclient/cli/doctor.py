"""
Why does it not work here?

`conkernel doctor` checks what is installed, and whether a kernel starts, runs and is interrupted.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from . import checks
from .options import add_command, add_json, add_kernel
from .report import put_json

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncIterator, Mapping

    from .checks import Finding, Verdict
    from .options import Commands

__all__ = ["add", "findings"]

MARKS: Final[Mapping[Verdict, tuple[str, int]]] = {  # with their colours; SGR numbers
    "ok": ("ok", 32),
    "note": ("note", 33),
    "broken": ("BROKEN", 31),
}


def add(commands: Commands) -> None:
    """Add the command `doctor`."""
    parser = add_command(
        commands,
        "doctor",
        "check what is installed, and whether a kernel starts, runs and is interrupted",
        ["conkernel doctor", "conkernel doctor --kernel ir", "conkernel doctor --json"],
    )
    add_kernel(parser)
    add_json(parser)
    parser.set_defaults(act=_act)


async def _act(args: argparse.Namespace) -> int:
    found: list[Finding] = []
    async for finding in findings(args.kernel):
        found.append(finding)
        if not args.json:
            _print(finding)
    is_broken = any(finding.verdict == "broken" for finding in found)
    if args.json:
        put_json({"ok": not is_broken, "findings": [asdict(finding) for finding in found]})
    return int(is_broken)


async def findings(kernel_name: str) -> AsyncIterator[Finding]:
    """Give what each check finds, as soon as it has."""
    for finding in checks.check_versions():
        yield finding
    for finding in checks.check_extras():
        yield finding
    for finding in checks.check_specs(kernel_name):
        yield finding
    for finding in await checks.check_runtime():
        yield finding
    for finding in checks.check_descriptors():
        yield finding
    async for finding in checks.check_kernel(kernel_name):
        yield finding


def _print(finding: Finding) -> None:
    mark, colour = MARKS[finding.verdict]
    shown = f"{mark:<7}"
    if sys.stdout.isatty():
        shown = f"\x1b[{colour}m{shown}\x1b[0m"
    advice = f"; {finding.advice}" if finding.advice else ""
    print(f"{shown}{finding.topic}: {finding.found}{advice}", flush=True)
