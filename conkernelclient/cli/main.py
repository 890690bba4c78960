"""Which subcommand was meant, and with which arguments?"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from jupyter_client.kernelspec import NoSuchKernel

from conkernelclient import __version__
from conkernelclient.errors import ConKernelError

from .demo import demo
from .execute import execute

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run the command `conkernel`.

    Args:
        argv: Its arguments; None: those of this process.

    Returns:
        The exit status: 0; 1 if the code raised, or the demonstration found something wrong; 2 if
        the kernel could not be used; 130 after Ctrl-C. Of `conkernel kernel`, that of its process.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["kernel"]:
        return _kernel(arguments[1:])
    args = _parser().parse_args(arguments)
    try:
        if args.command == "demo":
            return asyncio.run(demo(args.kernel, requests=args.requests))
        code = sys.stdin.read() if args.code == "-" else args.code
        return asyncio.run(
            execute(code, args.kernel, timeout=args.timeout, may_ask=args.code != "-")
        )
    except KeyboardInterrupt:
        return 130
    except NoSuchKernel as error:
        print(f"conkernel: {error}; `jupyter kernelspec list` shows what there is", file=sys.stderr)
    except (ConKernelError, OSError, RuntimeError) as error:
        print(f"conkernel: {type(error).__name__}: {error}", file=sys.stderr)
    return 2


def _kernel(arguments: list[str]) -> int:
    """Run a command of the kernel, which is a program of its own and takes the arguments itself."""
    command = [sys.executable, "-m", "conkernelclient.kernel", *(arguments or ["--help"])]
    # A kernel that this starts ends with this process.
    environment = {**os.environ, "JPY_PARENT_PID": str(os.getpid())}
    with subprocess.Popen(command, env=environment) as process:
        while True:
            try:
                status = process.wait()
            except KeyboardInterrupt:  # the kernel has it as well, and interrupts its cells
                continue
            break
    if not arguments:
        return 2
    return status if status >= 0 else 128 - status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="conkernel", description="Run code in Jupyter kernels, from many coroutines at once."
    )
    parser.add_argument("--version", action="version", version=f"conkernel {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    show = commands.add_parser(
        "demo", help="a long cell, and meanwhile requests from many independent coroutines"
    )
    show.add_argument("--requests", type=int, default=200, help="how many (default: 200)")

    run = commands.add_parser("exec", help="run code in a fresh kernel, and print what it shows")
    run.add_argument("code", help="the code, or - to read it from standard input")
    run.add_argument("--timeout", type=float, help="seconds until it is interrupted")

    commands.add_parser(
        "kernel", help="start the concurrent kernel, or install it; see `conkernel kernel --help`"
    )

    for command in (show, run):
        command.add_argument("--kernel", default="python3", help="kernelspec (default: python3)")
    return parser
