"""
What can a cell say to use another kernel?

    %load_ext conkernelclient

    %%kernel NAME [--spec SPEC | --existing FILE] [--timeout SECONDS] [--out VAR] [--background]

    %kernel list
    %kernel restart NAME
    %kernel interrupt NAME
    %kernel shutdown NAME
    %kernel get NAME VARIABLE
    %kernel set NAME VARIABLE ...
"""

from __future__ import annotations

import argparse
import atexit
import math
import os
from typing import TYPE_CHECKING, Any, Final

from IPython.core.error import UsageError
from IPython.core.magic_arguments import MagicArgumentParser

from conkernelclient.errors import ConKernelError

from .cell import Cell, Wanted
from .failing import failure_of, rendered
from .kernels import Kernels
from .thread import LoopThread

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["KernelMagics", "load", "seconds", "unload", "variable"]

ENDS_WITHIN: Final = 10.0  # seconds
VERBS: Final = ("list", "restart", "interrupt", "shutdown", "get", "set")
RUN: Final = "_run"  # the variable of a run in the background, if none is named


def seconds(text: str) -> float:
    """Read a number of seconds."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return value


def variable(text: str) -> str:
    """Read the name of a variable."""
    if not text.isidentifier():
        raise argparse.ArgumentTypeError(f"{text!r} is no name of a variable")
    return text


def _unquoted(value: Any) -> Any:
    """Take off the quotes that hold the words of a text together, which IPython leaves on."""
    is_text = isinstance(value, str) and len(value) > 1
    return value[1:-1] if is_text and value[0] == value[-1] and value[0] in "\"'" else value


class _Parser(MagicArgumentParser):
    """Reads the line of a magic; what is wrong in it is a UsageError."""

    def read(self, line: str) -> dict[str, Any]:
        """Give the options by their names."""
        options = vars(self.parse_argstring(line))
        return {name: _unquoted(value) for name, value in options.items()}


CELL: Final = _Parser(
    "%%kernel",
    description="Run the cell in another kernel, and show what it shows, as it comes. An error "
    "there is an error here; an interrupt here is one there. Questions of input() are asked here. "
    "Widgets are shown as text: they cannot be clicked.",
)
CELL.add_argument(
    "name",
    help="the kernel's name here; it is started when first used, and lives "
    "as long as this notebook's kernel",
)
CELL.add_argument("--spec", "-s", help="its kernelspec; without it the one of that name")
CELL.add_argument("--existing", "-e", help="the connection file of a kernel that runs already")
CELL.add_argument("--timeout", "-t", type=seconds, help="seconds; then the code is interrupted")
CELL.add_argument("--out", "-o", type=variable, help="the variable that is to hold the Result")
CELL.add_argument(
    "--background",
    "-b",
    action="store_true",
    help=f"go on at once; the run is kept in the variable of --out, or {RUN}",
)

LINE: Final = _Parser(
    "%kernel",
    description="List, restart, interrupt or shut down the kernels of %%kernel; get one of their "
    "variables, or set some to this notebook's.",
)
LINE.add_argument("verb", choices=VERBS, help="what to do")
LINE.add_argument("name", nargs="?", help="the kernel's name here")
LINE.add_argument("variables", nargs="*", type=variable, help="of get, one; of set, one or more")


class KernelMagics:
    """
    `%%kernel` and `%kernel` of one shell, with the kernels that they hold.

    Args:
        shell: IPython's.
    """

    def __init__(self, shell: Any) -> None:
        self.shell: Any = shell
        self._thread = LoopThread()
        self._kernels = Kernels()
        self._pid = os.getpid()
        atexit.register(self.close)

    def run_cell(self, line: str, cell: str) -> Any:
        """Run the cell in another kernel: `%%kernel`."""
        options = CELL.read(line)
        out: str | None = options["out"]
        if options["spec"] is not None and options["existing"] is not None:
            raise UsageError("give --spec or --existing, not both")
        wanted = Wanted(
            options["name"], cell, options["spec"], options["existing"], options["timeout"]
        )
        work = Cell(self.shell, self._thread, self._kernels, wanted)
        if options["background"]:
            self.shell.user_ns[out or RUN] = run = work.start()
            return run
        try:
            return work.run()
        finally:
            if out is not None and work.result is not None:
                self.shell.user_ns[out] = work.result

    def run_line(self, line: str) -> Any:
        """Do something about the kernels: `%kernel`."""
        options = LINE.read(line)
        verb: str = options["verb"]
        name: str | None = options["name"]
        variables: list[str] = options["variables"]
        if verb == "list":
            return self._list()
        if name is None:
            raise UsageError(f"%kernel {verb} needs the name of a kernel")
        if verb in ("get", "set"):
            return self._get(name, variables) if verb == "get" else self._set(name, variables)
        if variables:
            raise UsageError(f"%kernel {verb} takes a name alone, not {' '.join(variables)!r} too")
        kernels = self._kernels
        does = {
            "restart": kernels.restart,
            "interrupt": kernels.interrupt,
            "shutdown": kernels.forget,
        }
        return self._call(does[verb](name), name)

    def _list(self) -> None:
        known = self._thread.ask(self._kernels.standings)
        for name, standing in known.items():
            print(f"{name}: {standing}")  # noqa: T201
        if not known:
            print("no kernels yet: %%kernel NAME starts one")  # noqa: T201

    def _get(self, name: str, variables: list[str]) -> Any:
        if len(variables) != 1:
            raise UsageError("%kernel get NAME VARIABLE gives one variable")

        async def get() -> Any:
            return await (await self._kernels.known(name)).client.get(variables[0])

        return self._call(get(), name)

    def _set(self, name: str, variables: list[str]) -> None:
        own: dict[str, Any] = self.shell.user_ns
        missing = [it for it in variables if it not in own]
        if missing or not variables:
            raise UsageError(
                f"there is no variable {missing[0]!r} here"
                if missing
                else "%kernel set NAME VARIABLE ... takes at least one variable"
            )
        values: dict[str, Any] = {it: own[it] for it in variables}

        async def assign() -> None:
            await (await self._kernels.known(name)).client.set(**values)

        self._call(assign(), name)

    def _call(self, work: Coroutine[Any, Any, Any], name: str) -> Any:
        try:
            return self._thread.call(work)
        except ConKernelError as error:
            raise failure_of(error, name) from None

    def close(self) -> None:
        """End the kernels that were started here, and let the others go."""
        atexit.unregister(self.close)
        if os.getpid() != self._pid:
            return  # a forked child: they are its parent's
        try:
            self._thread.call(self._kernels.close())
        finally:
            self._thread.stop()


_loaded: list[KernelMagics] = []


def load(shell: Any) -> None:
    """Add the magics to a shell of IPython."""
    magics = KernelMagics(shell)
    for kind, method, parser in (("cell", magics.run_cell, CELL), ("line", magics.run_line, LINE)):
        shell.register_magic_function(_documented(method, parser), kind, "kernel")
    _loaded.append(magics)


def _documented(method: Callable[..., Any], parser: _Parser) -> Callable[..., Any]:
    """Give a function whose help, `%%kernel?`, is that of its options; no interrupt shows us."""

    def kernel(*arguments: str) -> Any:
        try:
            return method(*arguments)
        except KeyboardInterrupt as error:
            raise rendered(error) from None

    kernel.__doc__ = parser.format_help()
    return kernel


def unload(shell: Any) -> None:
    """Take the magics out again, and end their kernels."""
    for kind in ("cell", "line"):
        shell.magics_manager.magics[kind].pop("kernel", None)
    for magics in [it for it in _loaded if it.shell is shell]:
        _loaded.remove(magics)
        magics.close()
