"""
How does one piece of code run from a shell?

With `conkernel exec`.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from conkernelclient import Result, run_kernel
from conkernelclient.errors import DeadKernelError

from .options import add_command, add_json, add_kernel, seconds
from .report import put_json
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
        [
            "conkernel exec 'print(6 * 7)'",
            "conkernel exec --timeout 10 - < script.py",
            "conkernel exec --json 'import math; math.pi' | jq .text",
        ],
    )
    parser.add_argument("code", help="the code, or - to read it from standard input")
    parser.add_argument("--timeout", type=seconds, help="seconds until it is interrupted")
    add_kernel(parser)
    add_json(parser, "print one JSON document at the end; the code cannot ask for input")
    parser.set_defaults(act=_act)


async def _act(args: argparse.Namespace) -> int:
    is_piped = args.code == "-"
    code = sys.stdin.read() if is_piped else args.code
    if args.json:
        return await _execute_json(code, args.kernel, args.timeout)
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
        run = kc.run(code, timeout=timeout, on_stdin=ask if may_ask else None)
        async for event in run:  # what cannot be shown ends it, as a reader that is gone
            show(event)
        result = await run
    if result.status == "timeout":
        print(f"conkernel: interrupted after {timeout:g} s", file=sys.stderr)
    elif result.error is not None and not any(
        output["output_type"] == "error" for output in result.outputs
    ):
        put(f"{result.error.text}\n", sys.stderr)
    return 0 if result.status == "ok" else 1


async def _execute_json(code: str, kernel_name: str, timeout: float | None) -> int:
    """Run `code` in a fresh kernel; prints what came of it, also if the kernel ends."""
    began = time.perf_counter()
    ended: str | None = None
    async with run_kernel(kernel_name) as kc:
        start = time.perf_counter() - began
        try:
            result = await kc.run(code, timeout=timeout)
        except DeadKernelError as error:
            if not isinstance(error.result, Result):
                raise
            result = error.result
            ended = result.ended_by or str(error)
    timings = {"start": start, "run": result.duration, "all": time.perf_counter() - began}
    document = {**_document(result), "kernel": kernel_name, "timings": timings}
    if ended is not None:
        document.update(status="died", error=_error("DeadKernelError", ended, ""))
    put_json(document)
    return 0 if document["status"] == "ok" else 1


def _document(result: Result) -> dict[str, Any]:
    error = result.error
    return {
        "status": result.status,
        "text": result.to_llm(),
        "outputs": result.outputs,
        "error": None if error is None else _error(error.ename, error.evalue, error.text),
        "execution_count": result.execution_count,
        "interrupted": result.interrupted,
        "still_running": result.still_running,
    }


def _error(ename: str, evalue: str, text: str) -> dict[str, str]:
    return {"ename": ename, "evalue": evalue, "traceback": text}
