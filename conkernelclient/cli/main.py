"""Which subcommand was meant, and with which exit status does it end?"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from inspect import isawaitable
from typing import TYPE_CHECKING, Final

from jupyter_client.kernelspec import NoSuchKernel

from conkernelclient import __version__
from conkernelclient.errors import ConKernelError

from . import (
    attach,
    completion,
    demo,
    doctor,
    execute,
    info,
    interrupt,
    kernel,
    mcp,
    ps,
    run,
    sidecar,
    tail,
)
from .options import UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

__all__ = ["main"]

# Each has `add(commands)`: it adds its parser, whose default `act` takes the arguments and gives
# the exit status, or an awaitable of it.
COMMANDS: Final = (
    execute,
    run,
    attach,
    tail,
    ps,
    info,
    interrupt,
    kernel,
    mcp,
    sidecar,
    doctor,
    demo,
    completion,
)

DONE, FAILED, MISUSED, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run the command `conkernel`.

    Args:
        argv: Its arguments; None: those of this process.

    Returns:
        The exit status: 0; 1 for a failure, as when the code raised or the kernel ended; 2 for
        wrong arguments, as a kernelspec that there is not; 130 after Ctrl-C. Of `conkernel kernel`,
        that of its process.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["kernel"]:  # a program of its own, which takes the arguments itself
        return kernel.kernel(arguments[1:])
    parser = _parser()
    if "_ARGCOMPLETE" in os.environ:  # a shell asks, at a tab
        completion.complete(parser)
    args = parser.parse_args(arguments)
    try:
        status = args.act(args)
        return asyncio.run(_awaited(status)) if isawaitable(status) else status
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # nobody reads any more, as after `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except UsageError as error:
        return _say(str(error), MISUSED)
    except NoSuchKernel as error:
        return _say(f"{error}; `jupyter kernelspec list` shows what there is", MISUSED)
    except (ConKernelError, OSError, RuntimeError) as error:
        return _say(f"{type(error).__name__}: {error}", FAILED)


async def _awaited(status: Awaitable[int]) -> int:
    return await status


def _say(text: str, status: int) -> int:
    print(f"conkernel: {text}", file=sys.stderr)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="conkernel", description="Run code in Jupyter kernels, from many coroutines at once."
    )
    parser.add_argument("--version", action="version", version=f"conkernel {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    return parser
