"""
Which commands start a kernel that can be forked off, and by which server?

Those of an interpreter that runs this kernel, or ipykernel, as a module. A server has loaded that
module's parts, and all that the interpreter reads from its environment as it starts: kernels that
differ there have servers of their own.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["LATE", "Program", "Served", "served_for"]

# What is loaded for a module that is to be run: all but its `__main__`.
PARTS: Final = {
    "conkernelclient.kernel": ("conkernelclient.kernel.app", "conkernelclient.kernel.command"),
    "ipykernel_launcher": ("ipykernel.kernelapp",),
    "ipykernel": ("ipykernel.kernelapp",),
}
# What these load as they start, or soon after, if it is there.
LATE: Final = (
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "jedi",
    "psutil",
    "sqlite3",
    "tornado.platform.asyncio",
)
# Beginnings of the names of variables that are read as an interpreter, or a library, is loaded.
READ_AT_START: Final = (
    "ARROW_",
    "BLIS_",
    "CUDA_",
    "DYLD_",
    "GOMP_",
    "KMP_",
    "LANG",
    "LC_",
    "LD_",
    "MALLOC_",
    "MKL_",
    "MPL",
    "NUMBA_",
    "NUMEXPR_",
    "OMP_",
    "OPENBLAS_",
    "POLARS_",
    "PYTHON",
    "VECLIB_",
    "XLA_",
)
OF_ONE_KERNEL: Final = ("JPY_", "IPY_")  # never a server's


@dataclass(frozen=True, slots=True)
class Program:
    """
    A kernel's command.

    Attributes:
        interpreter: The path of the Python, and its options.
        module: What it runs.
        arguments: What that gets.
    """

    interpreter: tuple[str, ...]
    module: str
    arguments: tuple[str, ...]

    @classmethod
    def of(cls, command: Sequence[str]) -> Program | None:
        """Read a command; None: no fork can give what it starts."""
        words = [os.path.expanduser(word) for word in command]
        if "-m" not in words[1:-1]:
            return None
        at = words.index("-m", 1)
        if any(not word.startswith("-") for word in words[1:at]) or words[at + 1] not in PARTS:
            return None
        return cls(tuple(words[:at]), words[at + 1], tuple(words[at + 2 :]))


@dataclass(frozen=True, slots=True)
class Served:
    """
    What the kernels of one server have in common.

    Attributes:
        interpreter: The path of the Python, and its options.
        parts: What is loaded for each of them.
        preload: What is loaded because the kernelspec says so.
        environment: The variables that count as an interpreter starts.
    """

    interpreter: tuple[str, ...]
    parts: tuple[str, ...]
    preload: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]


def served_for(
    program: Program, preload: Sequence[str], environment: Mapping[str, str], directory: str
) -> Served:
    """
    Give what a server has to be like for a kernel.

    Args:
        program: What is to run.
        preload: Names of modules that its cells will import.
        environment: That of its process.
        directory: In which it is to run: relative paths begin there.
    """
    found = {name: it for name, it in environment.items() if name.startswith(READ_AT_START)}
    if found.get("PYTHONPATH"):
        folders = found["PYTHONPATH"].split(os.pathsep)
        found["PYTHONPATH"] = os.pathsep.join(os.path.join(directory, it) for it in folders)
    parts, preloads = PARTS[program.module], tuple(dict.fromkeys(preload))
    return Served(program.interpreter, parts, preloads, tuple(sorted(found.items())))
