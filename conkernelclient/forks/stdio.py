"""Which standard files does a process get, and what of them stays with its parent?"""

from __future__ import annotations

import os
import subprocess
from contextlib import ExitStack
from typing import IO, TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Standard"]

MODES: Final = ("r", "w", "w")


class Standard:
    """
    Standard input, output and error of one process, as `subprocess.Popen` takes them.

    In a `with`: at its end what is the process's is closed here, and after an error all.

    Attributes:
        theirs: The three descriptors that the process gets.
        ours: Our ends of the pipes; None where there is none.
    """

    def __init__(self, stdin: Any, stdout: Any, stderr: Any) -> None:
        self.theirs: list[int] = []
        self.ours: list[IO[bytes] | None] = []
        self._given = stdin, stdout, stderr
        self._closing = ExitStack()  # what is theirs
        self._failing = ExitStack()  # what is ours

    def __enter__(self) -> Self:
        try:
            for number, given in enumerate(self._given):
                self._add(number, given)
        except BaseException:
            self._closing.close()
            self._failing.close()
            raise
        return self

    def __exit__(self, kind: object, *_error: object) -> None:
        self._closing.close()
        if kind is not None:
            self._failing.close()

    def _add(self, number: int, given: Any) -> None:
        ours: IO[bytes] | None = None
        if given is None:
            theirs = number
        elif given == subprocess.PIPE:
            theirs, ours = self._pipe(MODES[number])
        elif given == subprocess.DEVNULL:
            theirs = os.open(os.devnull, os.O_RDWR)
            self._closing.callback(os.close, theirs)
        elif given == subprocess.STDOUT:
            theirs = self.theirs[1]
        else:
            theirs = given if isinstance(given, int) else given.fileno()
        self.theirs.append(theirs)
        self.ours.append(ours)

    def _pipe(self, mode: str) -> tuple[int, IO[bytes]]:
        reads, writes = os.pipe()
        theirs, other = (reads, writes) if mode == "r" else (writes, reads)
        self._closing.callback(os.close, theirs)
        ours = os.fdopen(other, "wb" if mode == "r" else "rb")
        self._failing.callback(ours.close)
        return theirs, ours
