"""Which options do several commands have, and what is wrong with an argument?"""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "Commands",
    "UsageError",
    "add_command",
    "add_json",
    "add_kernel",
    "seconds",
    "take_token",
]

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


class UsageError(Exception):
    """
    An argument is wrong: the command ends with status 2.

    Its text is one line that says what is wrong, and what to give instead.
    """


def add_command(
    commands: Commands, name: str, purpose: str, examples: Sequence[str] = ()
) -> argparse.ArgumentParser:
    """
    Add a command, and give its parser.

    Args:
        commands: The list that `conkernel --help` shows.
        name: What is typed.
        purpose: What it does, in a line.
        examples: Lines to type, which `--help` shows at its end.
    """
    shown = "".join(f"  {line}\n" for line in examples)
    return commands.add_parser(
        name,
        help=purpose,
        description=f"{purpose[0].upper()}{purpose[1:]}.",
        epilog=f"examples:\n{shown}" if examples else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_kernel(parser: argparse.ArgumentParser, default: str | None = "python3") -> None:
    """Add `--kernel`, the kernelspec that is started."""
    note = "" if default is None else f" (default: {default})"
    action = parser.add_argument(
        "--kernel", default=default, metavar="NAME", help=f"kernelspec{note}"
    )
    action.completer = _kernelspecs  # type: ignore[attr-defined] # argcomplete asks it


def _kernelspecs(**_context: object) -> list[str]:
    from jupyter_client.kernelspec import KernelSpecManager

    return sorted(KernelSpecManager().find_kernel_specs())


def add_json(parser: argparse.ArgumentParser, help: str = "print one JSON document") -> None:
    """Add `--json`: on standard output there is nothing else then."""
    parser.add_argument("--json", action="store_true", help=help)


def seconds(text: str) -> float:
    """Read a number of seconds, for `type=` of an argument; it is not negative."""
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds, 0 or more")
    return value


def take_token(given: str | None, variable: str) -> str | None:
    """
    Give the token of a server, from its option or the environment; None if there is none.

    No kernel that is started afterwards has it in its environment.

    Raises:
        UsageError: It does not fit into a header.
    """
    token = os.environ.pop(variable, None)
    token = given or token
    if token is not None and not (token.isascii() and token.isprintable() and " " not in token):
        raise UsageError("the token has to be printable ASCII without spaces")
    return token or None
