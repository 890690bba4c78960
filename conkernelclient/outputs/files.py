"""Where is the whole of what does not fit into a context?"""

from __future__ import annotations

import atexit
import mimetypes
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

__all__ = ["Folder"]

SUFFIXES: Final = {
    "application/json": ".json",
    "application/pdf": ".pdf",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/svg+xml": ".svg",
    "image/webp": ".webp",
    "text/html": ".html",
    "text/plain": ".txt",
}
_temporary: dict[int, Path] = {}  # by the id of the process that made it: a fork has its own


class Folder:
    """
    Takes what is to be kept in files, readable for this user alone.

    Args:
        directory: Where; made at the first file if it is not there. None: a private temporary
            directory of this process, which is removed when the process exits.
    """

    def __init__(self, directory: str | os.PathLike[str] | None = None) -> None:
        self._directory = directory

    def write(self, data: bytes, mime: str) -> str:
        """
        Write `data` to a new file, whose name ends as its type's do; gives its absolute path.

        Raises:
            OSError: It cannot be written; nothing is left.
        """
        kind = "image-" if mime.startswith("image/") else "output-"
        suffix = SUFFIXES.get(mime) or mimetypes.guess_extension(mime) or ".bin"
        descriptor, name = tempfile.mkstemp(suffix, kind, self._place())
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        return name

    def _place(self) -> Path:
        if self._directory is not None:
            place = Path(self._directory).absolute()
            place.mkdir(parents=True, exist_ok=True)
            return place
        place = _temporary.get(os.getpid())
        if place is None or not place.is_dir():
            place = Path(tempfile.mkdtemp(prefix="conkernelclient-")).absolute()
            _temporary[os.getpid()] = place
            atexit.register(_remove, os.getpid(), place)
        return place


def _remove(owner: int, place: Path) -> None:
    if os.getpid() == owner:  # a fork inherits the callback, and not the directory
        shutil.rmtree(place, ignore_errors=True)
