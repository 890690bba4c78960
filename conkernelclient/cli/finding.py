"""
Which running kernel does an argument mean?

Wherever a command takes a connection, it takes the path of a connection file, the name of one in
the runtime directory, a kernel's name as `conkernel ps` shows it, or a unique beginning of that;
without an argument the newest kernel that is alive.
"""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from conkernelclient.errors import DeadKernelError

from .kernels import (
    NotAConnectionError,
    connection_files,
    look_at,
    read_connection,
    runtime_directory,
    seen,
)
from .options import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncGenerator

    from conkernelclient import ConKernelClient

    from .kernels import Kernel

__all__ = ["add_connection", "attached", "find"]

LISTED: Final = 8  # kernels named in a message; how many more there are is told


def add_connection(parser: argparse.ArgumentParser) -> None:
    """Add the argument that means a running kernel."""
    action = parser.add_argument(
        "connection",
        nargs="?",
        help="a connection file, or a kernel as `conkernel ps` shows it, or how its name begins "
        "(default: the newest that is alive)",
    )
    action.completer = names  # type: ignore[attr-defined] # argcomplete asks it


def names(**_context: object) -> list[str]:
    """Give what a shell can complete the argument to, beside paths."""
    return [path.stem.removeprefix("kernel-") for path in connection_files()]


async def find(argument: str | None, *, must_answer: bool = True) -> Kernel:
    """
    Give the kernel that `argument` means; None means the newest one that is alive.

    Args:
        argument: What was typed.
        must_answer: Whether one that is not alive is an error.

    Raises:
        UsageError: It means none, or several; the text lists what there is.
        DeadKernelError: The kernel does not answer.
    """
    if argument is None:
        return await _newest()
    path = _path(argument)
    (kernel,) = await look_at([path]) if path else await _begins_with(argument)
    if must_answer and kernel.state != "alive":
        raise DeadKernelError(
            f"kernel {kernel.name} has ended: its connection file {kernel.path} was left over"
            if kernel.state == "stale"
            else f"kernel {kernel.name} does not answer; its process {kernel.pid} is there"
        )
    return kernel


def _path(argument: str) -> Path | None:
    """Give the connection file that is named exactly, if one is."""
    if not argument:
        raise UsageError("an empty name means no kernel; `conkernel ps` lists those that run")
    directory = runtime_directory()
    given = Path(argument).expanduser()
    for path in (given, directory / argument, *_files_of(directory, argument)):
        try:
            if path.is_file():
                read_connection(path)
                return path
        except (NotAConnectionError, OSError) as error:
            raise UsageError(f"{path} is no connection file: {error}") from error
    if given.name != argument or given.exists():
        raise UsageError(f"{argument} is no connection file: there is no such file")
    return None


def _files_of(directory: Path, name: str) -> tuple[Path, Path]:
    return directory / f"kernel-{name}.json", directory / f"{name}.json"


async def _begins_with(beginning: str) -> list[Kernel]:
    """Give the one kernel whose name begins so; of several the one that is alive."""
    paths = [
        path
        for path in connection_files()
        if any(name.startswith(beginning) for name in (path.stem, path.stem[len("kernel-") :]))
    ]
    kernels = await look_at(paths)
    alive = [kernel for kernel in kernels if kernel.state == "alive"]
    if len(kernels) > 1 and alive:
        kernels = alive
    if len(kernels) > 1:
        raise UsageError(f"{beginning!r} may be {_listed(kernels, 'or')}: give more of its name")
    if not kernels:
        raise UsageError(f"there is no kernel {beginning!r}; {await _there_are()}")
    return kernels


async def _newest() -> Kernel:
    alive = [kernel for kernel in await seen() if kernel.state == "alive"]
    if not alive:
        raise UsageError("no kernel runs; start one, or name a connection file")
    kernel = alive[0]
    others = f", the newest of {len(alive)}" if len(alive) > 1 else ""
    spec = f" ({kernel.spec})" if kernel.spec else ""
    print(f"conkernel: kernel {kernel.name}{spec}{others}", file=sys.stderr)
    return kernel


async def _there_are() -> str:
    alive = [kernel for kernel in await seen() if kernel.state == "alive"]
    return f"there are {_listed(alive, 'and')}" if alive else "none runs"


def _listed(kernels: list[Kernel], word: str) -> str:
    shown = [kernel.name for kernel in kernels[:LISTED]]
    if (more := len(kernels) - LISTED) > 0:
        shown.append(f"{more} more")
    return f" {word} ".join([", ".join(shown[:-1]), shown[-1]] if shown[1:] else shown)


@asynccontextmanager
async def attached(kernel: Kernel, **channels: bool) -> AsyncGenerator[ConKernelClient]:
    """
    Talk to a kernel that runs, for the time of an `async with`; it goes on afterwards.

    Args:
        kernel: From `find`.
        **channels: As for `start_channels`.

    Yields:
        A client that does not own the kernel, with open channels.
    """
    from conkernelclient import ConKernelClient

    options: dict[str, Any] = {"connection_file": str(kernel.path)}
    kc = ConKernelClient(**options)
    kc.load_connection_file()
    await kc.start_channels(**channels)
    try:
        yield kc
    finally:
        kc.stop_channels()
