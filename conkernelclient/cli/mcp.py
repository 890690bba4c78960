"""
How does a client of the Model Context Protocol get kernels?

With `conkernel mcp`, which such a client starts as its child, or to which many connect over HTTP.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .options import UsageError, add_command, add_kernel, seconds, take_token

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conkernelclient.agent.mcp import Settings

    from .options import Commands

__all__ = ["add", "entry"]

NEEDED: Final = "conkernel: needs the MCP SDK: pip install 'conkernelclient[mcp]'"
TOKEN: Final = "CONKERNEL_MCP_TOKEN"
PROGRAM: Final = "import sys; from conkernelclient.cli import main; sys.exit(main())"
LOOPBACK: Final = "127.0.0.1"


def add(commands: Commands) -> None:
    """Add the command `mcp`."""
    parser = add_command(
        commands,
        "mcp",
        "serve kernels to clients of the Model Context Protocol",
        [
            "conkernel mcp --print-config",
            "conkernel mcp --setup imports.py --journal session.ipynb",
            "conkernel mcp --http 8000",
        ],
    )
    add_kernel(parser)
    parser.add_argument(
        "--print-config", action="store_true", help="print the entry for a client's configuration"
    )
    _add_running(parser)
    _add_limits(parser)
    _add_http(parser)
    parser.set_defaults(act=_act)


def _add_running(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--timeout",
        type=seconds,
        default=45.0,
        help="seconds until a run goes on in the background (default: 45)",
    )
    parser.add_argument(
        "--start-timeout",
        type=seconds,
        default=60.0,
        help="seconds in which a kernel has to be ready (default: 60)",
    )
    parser.add_argument(
        "--max-chars",
        type=_count,
        default=20_000,
        help="characters of an answer's text, at most (default: 20000)",
    )
    parser.add_argument(
        "--setup",
        action="append",
        default=[],
        metavar="FILE",
        help="code that each kernel runs first; may be given several times",
    )
    parser.add_argument("--cwd", metavar="DIRECTORY", help="the kernels' working directory")
    parser.add_argument(
        "--journal", metavar="FILE", help=".ipynb or .jsonl that keeps all cells and outputs"
    )
    parser.add_argument(
        "--all-tools",
        action="store_true",
        help="offer to start, end, list and look into kernels as well",
    )


def _add_limits(parser: argparse.ArgumentParser) -> None:
    limits = parser.add_argument_group("limits of each kernel, which are no sandbox")
    limits.add_argument("--memory", type=_count, metavar="MB", help="address space, in megabytes")
    limits.add_argument(
        "--cpu-seconds", type=_count, metavar="SECONDS", help="processor time, from its start"
    )
    limits.add_argument(
        "--output-bytes", type=_count, metavar="BYTES", help="outputs that are kept of a run"
    )


def _add_http(parser: argparse.ArgumentParser) -> None:
    http = parser.add_argument_group("over HTTP")
    http.add_argument(
        "--http",
        type=_address,
        metavar="[HOST:]PORT",
        help="serve streamable HTTP at /mcp; on another HOST than this machine a token is demanded",
    )
    http.add_argument(
        "--token",
        help=f"what clients have to show as `Authorization: Bearer`; also in {TOKEN}, where other "
        "users of the machine do not see it. Give one where there are such users",
    )
    http.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="another name under which clients reach it, as of a proxy",
    )
    http.add_argument(
        "--idle-timeout",
        type=_count,
        metavar="SECONDS",
        help="end kernels whose client is silent for so long (default: 1800)",
    )


def _act(args: argparse.Namespace) -> Any:
    token = take_token(args.token, TOKEN)
    if args.http is None and (args.token or args.allow_host or args.idle_timeout):
        raise UsageError("--token, --allow-host and --idle-timeout go with --http")
    try:
        from conkernelclient.agent import mcp as served
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("conkernelclient"):
            raise
        print(NEEDED, file=sys.stderr)
        return 1
    settings = _settings(args)
    if args.print_config:
        print(json.dumps({"mcpServers": {"conkernel": entry(args, token)}}, indent=2))
        return 0
    if args.http is None:
        return served.serve_stdio(settings)
    host, port = args.http
    return served.serve_http(settings, port, host, token=token, names=args.allow_host)


def _settings(args: argparse.Namespace) -> Settings:
    from jupyter_client.kernelspec import KernelSpecManager

    from conkernelclient.agent import Limits
    from conkernelclient.agent.mcp import Settings

    KernelSpecManager().get_kernel_spec(args.kernel)  # raises NoSuchKernel
    if args.journal is not None and Path(args.journal).suffix not in (".ipynb", ".jsonl"):
        raise UsageError(f"--journal {args.journal}: its name has to end with .ipynb or .jsonl")
    if args.cwd is not None and not Path(args.cwd).is_dir():
        raise UsageError(f"--cwd {args.cwd}: there is no such directory")
    given = {"memory": args.memory and args.memory * 10**6, "cpu_seconds": args.cpu_seconds}
    if args.output_bytes is not None:
        given["output_bytes"] = args.output_bytes
    return Settings(
        kernel_name=args.kernel,
        timeout=args.timeout,
        start_timeout=args.start_timeout,
        max_chars=args.max_chars,
        setup=tuple(_read(name) for name in args.setup),
        cwd=args.cwd,
        journal=args.journal and Path(args.journal).absolute(),
        limits=Limits(**given),
        has_all_tools=args.all_tools,
        idle_timeout=args.idle_timeout,
    )


def _read(name: str) -> str:
    try:
        return Path(name).read_text("utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(f"--setup {name}: {error}") from error


def entry(args: argparse.Namespace, token: str | None = None) -> dict[str, Any]:
    """
    Give a client's configuration of this server.

    Args:
        args: Of the command line.
        token: For a server over HTTP.

    Returns:
        `{"command", "args"}` that start it wherever the client is, or `{"url", "headers"}`.
    """
    if args.http is not None:
        host, port = args.http
        where = f"[{host}]" if ":" in host else host
        address: dict[str, Any] = {"type": "http", "url": f"http://{where}:{port}/mcp"}
        return address | ({"headers": {"Authorization": f"Bearer {token}"}} if token else {})
    command = [*_program(), "mcp", *_options(args)]
    return {"command": command[0], "args": command[1:]}


def _program() -> list[str]:
    """Give the command that is this program, as it was started if that is a file."""
    script = Path(sys.argv[0]).absolute()
    if script.stem == "conkernel" and os.access(script, os.X_OK) and script.is_file():
        return [str(script)]
    return [sys.executable, "-P", "-c", PROGRAM]


def _options(args: argparse.Namespace) -> Sequence[str]:
    """Give the options that differ from the defaults, files by their whole paths."""
    known = {
        "--kernel": None if args.kernel == "python3" else args.kernel,
        "--timeout": None if args.timeout == 45 else f"{args.timeout:g}",
        "--start-timeout": None if args.start_timeout == 60 else f"{args.start_timeout:g}",
        "--max-chars": None if args.max_chars == 20_000 else str(args.max_chars),
        "--cwd": args.cwd and str(Path(args.cwd).absolute()),
        "--journal": args.journal and str(Path(args.journal).absolute()),
        "--memory": args.memory and str(args.memory),
        "--cpu-seconds": args.cpu_seconds and str(args.cpu_seconds),
        "--output-bytes": args.output_bytes and str(args.output_bytes),
    }
    options = [part for name, value in known.items() if value for part in (name, value)]
    for name in args.setup:
        options += ["--setup", str(Path(name).absolute())]
    return [*options, "--all-tools"] if args.all_tools else options


def _count(text: str) -> int:
    value = int(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text} is no whole number above 0")
    return value


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (port.isascii() and port.isdecimal() and int(port) < 65536):
        raise argparse.ArgumentTypeError(f"{text!r} is no [HOST:]PORT")
    return host or LOOPBACK, int(port)
