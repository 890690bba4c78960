"""
How do many front ends share a kernel and a notebook?

With `conkernel sidecar`, which serves both to browsers and other front ends (extra `[sidecar]`). It
also runs a piece of code in a kernel that is there, and shows what a kernel publishes.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .finding import attached, find, names
from .options import UsageError, add_command, add_kernel, take_token
from .report import as_json, put_json
from .showing import ask, put, show
from .tail import tail

if TYPE_CHECKING:
    from collections.abc import Mapping

    from conkernelclient import ConKernelClient
    from conkernelclient.sidecar.document import Notebook

    from .options import Commands

__all__ = ["add"]

NEEDED: Final = "conkernel: needs the extra: pip install 'conkernelclient[sidecar]'"
TOKEN: Final = "CONKERNEL_TOKEN"
SERVING: Final = ("notebook", "token", "ip", "port", "allow_host", "browser")  # options of that
DEFAULT: Final = "python3"


def add(commands: Commands) -> None:
    """Add the command `sidecar`."""
    parser = add_command(
        commands,
        "sidecar",
        "serve a notebook and its kernel to many front ends at once",
        [
            "conkernel sidecar --kernel python3 notebook.ipynb",
            "conkernel sidecar -f connection.json notebook.ipynb",
            "conkernel sidecar -f connection.json --execute 'print(6 * 7)'",
            "conkernel sidecar --schema > messages.json",
        ],
    )
    parser.add_argument(
        "notebook",
        nargs="?",
        metavar="NOTEBOOK",
        help="an .ipynb file, which is made if there is none (default: none is kept)",
    )
    connection = parser.add_argument(
        "-f",
        "--connection",
        metavar="FILE",
        help="the connection file of a kernel that runs, or its name as `conkernel ps` shows it",
    )
    connection.completer = names  # type: ignore[attr-defined] # argcomplete asks it
    add_kernel(parser, None)
    _add_serving(parser)
    _add_others(parser)
    parser.set_defaults(act=_act)


def _add_serving(parser: argparse.ArgumentParser) -> None:
    serving = parser.add_argument_group("where it is served")
    serving.add_argument(
        "--ip",
        metavar="HOST",
        help="on which it listens (default: 127.0.0.1, which this machine alone reaches)",
    )
    serving.add_argument("--port", type=_port, help="of TCP (default: any free one)")
    serving.add_argument(
        "--token",
        help=f"what front ends have to show; also in {TOKEN}, where other users of the machine do "
        "not see it (default: one is made)",
    )
    serving.add_argument(
        "--allow-host",
        action="append",
        metavar="NAME",
        help="another name under which front ends reach it, as of a proxy",
    )
    serving.add_argument(
        "--browser",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="open the page in a browser (default: no)",
    )


def _add_others(parser: argparse.ArgumentParser) -> None:
    others = parser.add_argument_group("in the place of serving")
    one = others.add_mutually_exclusive_group()
    one.add_argument("--execute", metavar="CODE", help="run code, and print what it shows")
    one.add_argument(
        "--tail", action="store_true", help="print what the kernel publishes, as `conkernel tail`"
    )
    one.add_argument(
        "--schema", action="store_true", help="print the messages of front ends as a JSON schema"
    )
    others.add_argument(
        "--debug",
        action="store_true",
        help="with --execute: print each message's type and content on stderr",
    )


def _act(args: argparse.Namespace) -> Any:
    token = take_token(args.token, TOKEN)
    _check(args)
    if args.tail:
        return _tail(args.connection)
    if args.execute is not None:
        return _execute(args)
    try:
        from conkernelclient.sidecar import server
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("conkernelclient"):
            raise
        print(NEEDED, file=sys.stderr)
        return 1
    if args.schema:
        put_json(server.json_schema())
        return 0
    return _serve(args, token)


def _check(args: argparse.Namespace) -> None:
    """Raise UsageError for options that do not go together."""
    if args.connection is not None and args.kernel is not None:
        raise UsageError("-f means a kernel that runs, and --kernel one to be started: give one")
    if args.debug and args.execute is None:
        raise UsageError("--debug goes with --execute")
    other = next((name for name in ("execute", "tail", "schema") if getattr(args, name)), None)
    if other is None:
        return
    for name in SERVING:
        if getattr(args, name) is not None:
            shown = name.upper() if name == "notebook" else f"--{name.replace('_', '-')}"
            raise UsageError(f"{shown} does not go with --{other}, which serves nothing")
    if other == "tail" and args.connection is None:
        raise UsageError("--tail needs -f: the kernel whose messages are shown")


async def _tail(connection: str) -> int:
    return await tail(await find(connection))


async def _execute(args: argparse.Namespace) -> int:
    from conkernelclient import run_kernel

    async with AsyncExitStack() as stack:
        if args.connection is not None:
            kc = await stack.enter_async_context(attached(await find(args.connection)))
        else:
            kc = await stack.enter_async_context(run_kernel(args.kernel or DEFAULT))
        return await _run(kc, args.execute, is_debug=args.debug)


async def _run(kc: ConKernelClient, code: str, *, is_debug: bool) -> int:
    """Run code, and print what it shows as it comes; gives 1 if it did not run to its end."""
    run = kc.run(code, on_stdin=ask)
    subscription = kc.subscribe(_tell, msg_id=run.msg_id) if is_debug else None
    async for event in run:
        show(event)
    result = await run
    if subscription is not None:
        await subscription.until_handled()
        subscription.close()
    return 0 if result.status == "ok" else 1


def _tell(message: Mapping[str, Any]) -> None:
    put(f"{message['header']['msg_type']} {as_json(message['content'])}\n", sys.stderr)


async def _serve(args: argparse.Namespace, token: str | None) -> int:
    from conkernelclient.sidecar.server import serve
    from conkernelclient.sidecar.session.session import NotebookSession
    from conkernelclient.sidecar.sidecar import Sidecar

    notebook = _notebook(args.notebook)
    kernel = await _kernel(args, notebook)

    def ready(url: str) -> None:
        print(f"conkernel: serves {args.notebook or 'a notebook'} at {url}", file=sys.stderr)
        if args.browser:
            import webbrowser

            webbrowser.open(url)

    async with (
        Sidecar(kernel) as sidecar,
        NotebookSession(notebook, sidecar, args.notebook) as session,
    ):
        await serve(
            session,
            host=args.ip or "127.0.0.1",
            port=args.port or 0,
            token=token,
            names=args.allow_host or (),
            ready=ready,
        )
    return 0


def _notebook(name: str | None) -> Notebook:
    from conkernelclient.errors import NotebookError
    from conkernelclient.sidecar.document import Notebook, new_cell

    if name is None:
        print("conkernel: the notebook has no file, and is kept nowhere", file=sys.stderr)
        return Notebook([new_cell()])
    path = Path(name)
    if path.suffix != ".ipynb":
        raise UsageError(f"{name}: the name of a notebook ends with .ipynb")
    if not path.parent.is_dir():
        raise UsageError(f"{name}: there is no such directory")
    if not path.exists():
        return Notebook([new_cell()])
    try:
        return Notebook.load(path, repair=True)
    except NotebookError as error:
        raise UsageError(str(error)) from None


async def _kernel(args: argparse.Namespace, notebook: Notebook) -> str:
    """Give what `Sidecar` takes; the notebook says which kernel it is for, if nobody else does."""
    from jupyter_client.kernelspec import KernelSpecManager

    if args.connection is not None:
        return str((await find(args.connection)).path)
    kernel = args.kernel or notebook.metadata.get("kernelspec", {}).get("name") or DEFAULT
    KernelSpecManager().get_kernel_spec(kernel)  # raises NoSuchKernel
    return kernel


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"{text!r} is no port")
    return int(text)
