"""
How is what runs in a kernel ended, from a shell?

`conkernel interrupt` asks the kernel to interrupt itself. One that does not answer that gets the
signal, if its process is known.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Final

from conkernelclient.errors import ConKernelError, NotInterruptibleError, ReplyTimeout

from .finding import add_connection, attached, find
from .kernels import look_at
from .options import add_command, add_json
from .report import put_json

if TYPE_CHECKING:
    import argparse

    from conkernelclient import ConKernelClient

    from .kernels import Kernel
    from .options import Commands

__all__ = ["add", "ask_for_interrupt", "signal_interrupt"]

PATIENCE: Final = 2.0  # seconds for the kernel's answer


def add(commands: Commands) -> None:
    """Add the command `interrupt`."""
    parser = add_command(
        commands,
        "interrupt",
        "interrupt what runs in a kernel",
        ["conkernel interrupt", "conkernel interrupt 3f2a"],
    )
    add_connection(parser)
    add_json(parser)
    parser.set_defaults(act=_act)


async def _act(args: argparse.Namespace) -> int:
    kernel = await find(args.connection, must_answer=False)
    way = "message"
    # A stopped process answers no message; the signal waits until it goes on.
    if kernel.state == "silent" or not await _is_asked(kernel):
        await signal_interrupt(kernel)
        way = "signal"
    if args.json:
        put_json({"name": kernel.name, "interrupted_by": way, "pid": kernel.pid})
    else:
        print(f"kernel {kernel.name} was interrupted, by a {way}", file=sys.stderr)
    return 0


async def _is_asked(kernel: Kernel) -> bool:
    if kernel.state == "stale":
        raise NotInterruptibleError(f"kernel {kernel.name} has ended: its file was left over")
    async with attached(kernel, shell=False, iopub=False, stdin=False, hb=False) as kc:
        return await ask_for_interrupt(kc)


async def ask_for_interrupt(kc: ConKernelClient) -> bool:
    """
    Ask the kernel to interrupt what it runs; tell whether it says that it does.

    Source: Jupyter messaging 5.3, "Kernel interrupt".
    """
    try:
        reply = await kc.request("interrupt_request", {}, "control", timeout=PATIENCE)
    except ReplyTimeout:
        return False
    except ConKernelError as error:
        raise NotInterruptibleError(f"the kernel went: {error}") from error
    return reply["content"].get("status") == "ok"


async def signal_interrupt(kernel: Kernel) -> None:
    """
    Send the process of `kernel` the signal that Ctrl-C sends.

    Raises:
        NotInterruptibleError: Which process that is cannot be known.
    """
    kernels = await look_at([kernel.path])  # it may be another one since
    pid = kernels[0].pid if kernels else None
    if pid is None or os.name == "nt":
        raise NotInterruptibleError(
            f"kernel {kernel.name} does not answer interrupt_request, and its process cannot be "
            "known from here: interrupt it where it was started"
        )
    try:
        os.kill(pid, signal.SIGINT)
    except OSError as error:
        raise NotInterruptibleError(f"process {pid} takes no signal: {error}") from error
