"""
What does a kernel say of itself?

`conkernel info` asks one that runs, or starts one of a kernelspec for it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, cast

from conkernelclient.errors import ReplyTimeout

from .finding import add_connection, attached, find
from .options import UsageError, add_command, add_json, add_kernel
from .ps import described
from .report import put_json

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from conkernelclient import ConKernelClient

    from .options import Commands

__all__ = ["add", "ask_info"]

ON_CONTROL: Final = 2.0  # seconds; not all kernels answer it there
ON_SHELL: Final = 10.0  # where it waits for the cell that runs


def add(commands: Commands) -> None:
    """Add the command `info`."""
    parser = add_command(
        commands,
        "info",
        "show language, version, protocol and features of a kernel",
        ["conkernel info", "conkernel info 3f2a --json", "conkernel info --kernel python3"],
    )
    add_connection(parser)
    add_kernel(parser, None)
    add_json(parser)
    parser.set_defaults(act=_act)


async def _act(args: argparse.Namespace) -> int:
    if args.kernel is not None and args.connection is not None:
        raise UsageError("give either a kernel that runs, or --kernel for one to start")
    about = await (_of_spec(args.kernel) if args.kernel else _of_running(args.connection))
    if args.json:
        put_json(about)
    else:
        _print(about)
    return 0


async def _of_running(argument: str | None) -> dict[str, Any]:
    kernel = await find(argument)
    async with attached(kernel) as kc:
        return {**_about(kc, await ask_info(kc)), **described(kernel)}


async def _of_spec(name: str) -> dict[str, Any]:
    from conkernelclient import run_kernel

    began = time.perf_counter()
    async with run_kernel(name) as kc:
        took = time.perf_counter() - began
        about = _about(kc, await ask_info(kc))
    return {**about, "kernel": name, "start_seconds": round(took, 3)}


async def ask_info(kc: ConKernelClient) -> dict[str, Any]:
    """
    Give the content of the kernel's `kernel_info_reply`, also while a cell runs.

    Raises:
        ReplyTimeout: It answers neither on the control channel nor on shell.
    """
    try:
        reply = await kc.request("kernel_info_request", {}, "control", timeout=ON_CONTROL)
    except ReplyTimeout:
        reply = await kc.kernel_info(reply=True, timeout=ON_SHELL)
    return dict(reply["content"])


def _about(kc: ConKernelClient, content: Mapping[str, Any]) -> dict[str, Any]:
    language: object = content.get("language_info")
    named = cast("dict[str, Any]", language) if isinstance(language, dict) else {}
    return {
        "language": named.get("name"),
        "language_version": named.get("version"),
        "implementation": content.get("implementation"),
        "implementation_version": content.get("implementation_version"),
        "protocol": content.get("protocol_version"),
        "features": content.get("supported_features") or [],
        "transport": kc.transport,
        "encryption": "CURVE" if kc.curve_publickey else None,
        "kernel_info": dict(content),
    }


def _print(about: Mapping[str, Any]) -> None:
    safety = about["encryption"] or "no; messages are signed, and anybody on the way can read them"
    if about["transport"] == "ipc":
        safety = "not needed: sockets of this machine"
    rows = {
        "kernel": " ".join(str(about[key]) for key in ("name", "kernel") if about.get(key)),
        "process": about.get("pid"),
        "language": f"{about['language']} {about['language_version']}",
        "implementation": f"{about['implementation']} {about['implementation_version']}",
        "protocol": about["protocol"],
        "features": ", ".join(map(str, about["features"])) or "none",
        "encryption": safety,
        "started in": f"{about['start_seconds']:.2f} s" if "start_seconds" in about else None,
        "connection file": about.get("connection_file"),
    }
    for name, value in rows.items():
        if value is not None:
            print(f"{name + ':':<17}{value}")
