"""
What goes on in a kernel, whoever asks for it?

`conkernel tail` shows the messages that the kernel publishes for all its clients, as they come.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, cast

from conkernelclient.errors import ReadyTimeout

from .finding import add_connection, attached, find
from .kernels import look_at
from .options import add_command, add_json
from .report import as_json
from .telling import first_line, telling

if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection

    from conkernelclient import ConKernelClient

    from .kernels import Kernel
    from .options import Commands

__all__ = ["add", "tail"]

LOOK: Final = 0.5  # seconds between two looks whether the kernel lives
RETURN: Final = 5.0  # seconds for a kernel whose manager starts it again
READY: Final = 2.0  # seconds until it answers

COLOURS: Final[Mapping[str, int]] = {  # by type; SGR numbers
    "stream": 32,
    "execute_input": 36,
    "execute_result": 33,
    "display_data": 33,
    "update_display_data": 33,
    "error": 31,
    "status": 90,
    "shutdown_reply": 35,
}


def add(commands: Commands) -> None:
    """Add the command `tail`."""
    parser = add_command(
        commands,
        "tail",
        "show the messages that a kernel publishes for all its clients",
        [
            "conkernel tail",
            "conkernel tail 3f2a --type stream --type error",
            "conkernel tail --json | jq -r 'select(.header.msg_type == \"stream\").content.text'",
        ],
    )
    add_connection(parser)
    parser.add_argument(
        "--type",
        action="append",
        metavar="TYPE",
        help="only messages of this type; may be given often",
    )
    add_json(parser, "print one JSON object on a line for each message")
    parser.set_defaults(act=_act)


async def _act(args: argparse.Namespace) -> int:
    kernel = await find(args.connection)
    return await tail(kernel, types=args.type, is_json=args.json)


async def tail(
    kernel: Kernel, *, types: Collection[str] | None = None, is_json: bool = False
) -> int:
    """
    Print the messages of `kernel` until it ends.

    Args:
        kernel: Whose.
        types: Only messages of these types; None: of all.
        is_json: Print each as JSON, rather than told in a line.

    Returns:
        0, when the kernel has ended.
    """
    write = _write_json if is_json else _write_line
    failed = asyncio.get_running_loop().create_future()

    async with attached(kernel) as kc:
        own = kc.session.session

        def handle(message: Mapping[str, Any]) -> None:
            if _header(message, "parent_header").get("session") == own or failed.done():
                return
            try:
                write(message)
            except OSError as error:  # nobody reads any more
                failed.set_exception(error)

        subscription = kc.subscribe(handle, channel="iopub", msg_type=types)
        with suppress(ReadyTimeout):  # a busy kernel may be heard before it answers
            await kc.wait_for_ready(timeout=READY)
        print(f"conkernel: messages of kernel {kernel.name}; Ctrl-C ends it", file=sys.stderr)
        ends = asyncio.create_task(_ends(kc, kernel))
        try:
            await asyncio.wait([failed, ends], return_when=asyncio.FIRST_COMPLETED)
        finally:
            ends.cancel()
            subscription.close()
            if subscription.dropped:
                print(f"conkernel: {subscription.dropped} messages were missed", file=sys.stderr)
    if failed.done():
        failed.result()
    print(f"conkernel: kernel {kernel.name} has ended", file=sys.stderr)
    return 0


async def _ends(kc: ConKernelClient, kernel: Kernel) -> None:
    """Wait until the kernel has ended; one that is restarted, or stopped, has not."""
    loop = asyncio.get_running_loop()
    gone_since: float | None = None
    while True:
        if await kc.is_alive():
            gone_since = None
        else:
            gone_since = gone_since or loop.time()
            if not kernel.path.exists():
                return
            if loop.time() - gone_since > RETURN:
                (now,) = await look_at([kernel.path]) or [None]
                if now is None or now.state == "stale":
                    return
        await asyncio.sleep(LOOK)


def _write_json(message: Mapping[str, Any]) -> None:
    print(as_json({"channel": "iopub", **message}), flush=True)


def _write_line(message: Mapping[str, Any]) -> None:
    header, parent = _header(message, "header"), _header(message, "parent_header")
    kind = first_line(str(header.get("msg_type")))
    client = first_line(str(parent.get("session") or "-"))[:8]
    text = f"{_time(header.get('date'))} <- iopub for {client:<8} {kind:<19} {telling(message)}"
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR") and kind in COLOURS:
        text = f"\x1b[{COLOURS[kind]}m{text}\x1b[0m"
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding), flush=True)


def _header(message: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    header: object = message.get(name)
    return cast("Mapping[str, Any]", header) if isinstance(header, Mapping) else {}


def _time(date: object) -> str:
    moment = date if isinstance(date, datetime) else datetime.now().astimezone()
    return moment.astimezone().strftime("%H:%M:%S.%f")[:-3]
