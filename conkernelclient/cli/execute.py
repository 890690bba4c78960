"""
How does one piece of code run from a shell?

With `conkernel exec`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from conkernelclient import run_kernel

from .options import add_command, add_kernel, seconds
from .showing import ask, put, show

if TYPE_CHECKING:
    import argparse

    from .options import Commands

__all__ = ["add", "execute"]


def add(commands: Commands) -> None:
    """Add the command `exec`."""
    parser = add_command(
        commands,
        "exec",
        "run code in a fresh kernel, and print what it shows",
        ["conkernel exec 'print(6 * 7)'", "conkernel exec --timeout 10 - < script.py"],
    )
    parser.add_argument("code", help="the code, or - to read it from standard input")
    parser.add_argument("--timeout", type=seconds, help="seconds until it is interrupted")
    add_kernel(parser)
    parser.set_defaults(act=_act)


async def _act(args: argparse.Namespace) -> int:
    is_piped = args.code == "-"
    code = sys.stdin.read() if is_piped else args.code
    return await execute(code, args.kernel, timeout=args.timeout, may_ask=not is_piped)


async def execute(
    code: str, kernel_name: str, *, timeout: float | None = None, may_ask: bool = True
) -> int:
    """
    Run `code` in a fresh kernel; prints outputs as they come.

    Args:
        code: What to run.
        kernel_name: The kernelspec.
        timeout: Seconds until it is interrupted; None: any time.
        may_ask: Whether standard input is free for the code's questions.

    Returns:
        0 if it ran to its end, 1 if it raised or was interrupted.
    """
    async with run_kernel(kernel_name) as kc:
        result = await kc.run(
            code, timeout=timeout, on_output=show, on_stdin=ask if may_ask else None
        )
    if result.status == "timeout":
        print(f"conkernel: interrupted after {timeout:g} s", file=sys.stderr)
    elif result.error is not None and not any(
        output["output_type"] == "error" for output in result.outputs
    ):
        put(f"{result.error.text}\n", sys.stderr)
    return 0 if result.status == "ok" else 1
