"""
How is the notebook's file written, if it is still the one that we know?

Another program may have written it since: that is seen by what the file holds, and it is not
overwritten then. Between the look and the writing a moment passes in which that is not seen.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from conkernelclient.errors import NotebookError

from ..document import replace_file

if TYPE_CHECKING:
    import os

__all__ = ["NotebookFile"]


@dataclass(frozen=True, slots=True)
class _Known:
    """What the file was when we read or wrote it: a quick sign, and what it held."""

    sign: tuple[int, int, int]
    digest: bytes


class NotebookFile:
    """
    The file of a notebook. Its methods block: call them in a thread where a loop runs.

    What it holds when this is made is what we know; see `write`.

    Args:
        path: The file, which need not be there.

    Raises:
        NotebookError: It is there and cannot be read.

    Attributes:
        path: The file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path: Path = Path(path)
        try:
            self._known = _look(self.path)
        except OSError as error:
            raise NotebookError(f"{self.path}: cannot be read: {error.strerror or error}") from None

    def write(self, data: bytes, *, force: bool = False) -> None:
        """
        Replace what it holds, as a whole; see `replace_file`.

        Args:
            data: What it is to hold.
            force: Also where another program has changed it.

        Raises:
            NotebookError: It cannot be written, or another program has changed it since we read or
                wrote it last; what is there stays.
        """
        try:
            if not force and self._is_changed():
                raise NotebookError(
                    f"{self.path}: another program has changed it since it was read or saved here;"
                    " `save(force=True)` overwrites it"
                )
            replace_file(self.path, data)
            self._known = _Known(_sign(self.path), _digest(data))
        except OSError as error:
            raise NotebookError(
                f"{self.path}: cannot be written: {error.strerror or error}"
            ) from None

    def _is_changed(self) -> bool:
        if not self.path.is_file():  # it is gone: nothing would be overwritten; or it is no file
            return False
        if self._known is not None and _sign(self.path) == self._known.sign:
            return False
        found = _look(self.path)
        return found is not None and (self._known is None or found.digest != self._known.digest)


def _look(path: Path) -> _Known | None:
    if not path.is_file():
        return None
    sign = _sign(path)
    return _Known(sign, _digest(path.read_bytes()))


def _sign(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return (found.st_ino, found.st_size, found.st_mtime_ns)


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()
