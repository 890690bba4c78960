"""
What can be done with the kernel from a shell?

Start it; install and remove kernelspecs of it; list those that are there. As
`conkernel kernel COMMAND`, or `python -m conkernelclient.kernel COMMAND`.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from typing import TYPE_CHECKING, Final

from .spec import (
    DEFAULT_MODES,
    NAME,
    TRIO_NAME,
    ForeignKernelError,
    MissingTrioError,
    Place,
    UnknownKernelError,
    find,
    install,
    uninstall,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

PLACES: Final = "--user or --sys-prefix (into this environment) need no rights of an administrator"
STARTING: Final = """\
A kernel that runs in the foreground takes Ctrl-C as an interrupt of its cells; a front end ends it,
or the signal SIGTERM. `conkernel kernel start --help` lists its options, which are ipykernel's.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run the command.

    Args:
        argv: Its arguments; None: those of this process. Without a command, as in `-f FILE`, they
            are those of `start`.

    Returns:
        The exit status: 0; 1 if it could not be done; 2 if the arguments are wrong.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    first = arguments[0] if arguments else "-f"
    if first == "start":
        return _start(arguments[1:])
    if first.startswith("-") and first not in ("-h", "--help"):
        return _start(arguments)
    args = _parser().parse_args(arguments)
    try:
        if args.command == "install":
            return _install(args)
        return _uninstall(args) if args.command == "uninstall" else _list(args)
    except UnknownKernelError as error:
        return _fail(f"{error}; `conkernel kernel list` shows what there is")
    except ForeignKernelError as error:
        return _fail(f"{error}; `jupyter kernelspec remove {_name_of(args)}` removes any")
    except (MissingTrioError, ValueError) as error:
        return _fail(str(error))
    except PermissionError as error:
        return _fail(f"{error.filename} may not be written; {PLACES}")
    except OSError as error:
        return _fail(f"{error.filename}: {error.strerror}")


def _start(arguments: list[str]) -> int:
    collects = gc.isenabled()
    gc.disable()  # all that is made until the kernel is there stays
    from .app import ConKernelApp  # with all of ipykernel, which the other commands do not need

    app = ConKernelApp.instance()
    app.collects_from_code_on = collects
    app.initialize(arguments)
    app.start()
    return 0


def _install(args: argparse.Namespace) -> int:
    path = install(
        _place(args) or Place(),
        name=_name_of(args),
        display_name=args.display_name,
        mode=args.mode,
        trio=args.trio,
        env=dict(args.env),
        preload=[*args.preload] if args.fork or args.preload else None,
    )
    print(f"installed the kernelspec {_name_of(args)} in {path}")
    return 0


def _uninstall(args: argparse.Namespace) -> int:
    print(f"removed {uninstall(_name_of(args), _place(args))}")
    return 0


def _list(args: argparse.Namespace) -> int:
    found = [it for it in find(_place(args)) if it.library == "trio" or not args.trio]
    width = max((len(it.name) for it in found), default=0)
    for it in found:
        print(f"{it.name:<{width}}  {it.mode:<5}  {it.library:<7}  {it.path}")
    if not found:
        print(
            "no kernelspec is installed; `conkernel kernel install` installs one", file=sys.stderr
        )
    return 0


def _name_of(args: argparse.Namespace) -> str:
    return args.name or (TRIO_NAME if args.trio else NAME)


def _place(args: argparse.Namespace) -> Place | None:
    if args.user or args.prefix is not None:
        return Place(user=args.user, prefix=args.prefix)
    return None


def _fail(words: str) -> int:
    print(f"conkernel kernel: {words}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="conkernel kernel",
        description="The Python kernel whose cells run at the same time.",
        epilog=STARTING,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    start = "start a kernel, with all options of ipykernel (-f FILE: its connection file)"
    commands.add_parser("start", help=start, add_help=False)
    make = commands.add_parser("install", help="install a kernelspec")
    remove = commands.add_parser("uninstall", help="remove a kernelspec")
    show = commands.add_parser("list", help="list the kernelspecs: name, mode, library, directory")

    for command in (make, remove, show):
        where = command.add_mutually_exclusive_group()
        where.add_argument("--user", action="store_true", help="that of this user")
        where.add_argument("--prefix", type=_directory, help="that at PREFIX/share/jupyter/kernels")
        where.add_argument(
            "--sys-prefix",
            dest="prefix",
            action="store_const",
            const=sys.prefix,
            help=f"that of this environment, {sys.prefix}",
        )
        command.add_argument("--trio", action="store_true", help="one whose cells await trio")
    for command in (make, remove):
        usual = f"its name (default: {NAME}, with --trio {TRIO_NAME})"
        command.add_argument("--name", type=_name, help=usual)
    make.add_argument("--display-name", metavar="TEXT", help="what front ends show")
    make.add_argument(
        "--mode",
        choices=DEFAULT_MODES,
        default="queue",
        help="cells run one at a time (queue, the default), or as tasks if they await (auto)",
    )
    make.add_argument(
        "--env",
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "VALUE"),
        help="a variable of the kernel's environment; may be given several times",
    )
    make.add_argument(
        "--fork",
        action="store_true",
        help="fork it off a process that has loaded what it needs: ready in two fifths of the time",
    )
    make.add_argument(
        "--preload",
        action="extend",
        type=_names,
        default=[],
        metavar="NAME,...",
        help="modules that this process loads for its cells as well (implies --fork)",
    )
    return parser


def _names(text: str) -> list[str]:
    return [name for name in text.replace(",", " ").split() if name]


def _directory(text: str) -> str:
    return os.path.abspath(os.path.expanduser(text))


def _name(text: str) -> str:
    return text.lower()  # as Jupyter has them
