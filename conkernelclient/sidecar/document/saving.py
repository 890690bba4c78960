"""
How is a file replaced so that it is never a broken one?

The new content is written to a file beside it, brought to the disk, and takes the name of the old
one in a single step. Whoever opens the file, also after the writer was killed or the machine lost
its power, finds all of the old content or all of the new.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

__all__ = ["replace_file"]

BINARY: Final[int] = getattr(os, "O_BINARY", 0)  # Windows


def replace_file(path: str | os.PathLike[str], data: bytes) -> None:
    """
    Write a file as a whole: it has its old content, or `data`, at any moment.

    Its rights are kept; a new file has those that the process gives. What a symbolic link leads to
    is replaced, not the link. What is no file, as `/dev/null`, is written to. A writer that is
    killed may leave a `.NAME.*.part` beside it.

    Blocks until the disk has it: call it in a thread where a loop runs.

    Raises:
        OSError: It cannot be written; what was there stays, and nothing is left beside it.
    """
    target = Path(path).resolve()
    if target.exists() and not target.is_file():
        target.write_bytes(data)
        return
    kept = target.stat().st_mode & 0o7777 if target.exists() else None
    beside = target.with_name(f".{target.name}.{secrets.token_hex(8)}.part")
    handle = os.open(
        beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | BINARY, 0o666 if kept is None else kept
    )
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            if kept is not None:
                beside.chmod(kept)  # the process may take some of them away from new files
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    _sync_directory(target.parent)


def _sync_directory(directory: Path) -> None:
    """Bring the new name to the disk, where a directory can be opened."""
    if os.name != "posix":
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
