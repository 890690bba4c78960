"""
Are a cell's outputs those of its source?

With the outputs, the hash of the source that gave them is kept in the cell's metadata, where other
programs leave it alone: {"conkernelclient": {"source_hash": "9f86d0..."}}.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["forget_source", "has_outputs", "hash_of", "is_stale", "note_source", "source_hash"]

OURS: Final = "conkernelclient"
KEY: Final = "source_hash"
BYTES: Final = 16


def source_hash(source: str) -> str:
    """Give the hash of a cell's source: 32 hexadecimal digits."""
    data = source.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=BYTES).hexdigest()


def note_source(cell: dict[str, Any], hashed: str) -> None:
    """Keep the hash of the source whose outputs the cell has."""
    metadata = cell["metadata"]
    ours = metadata.get(OURS)
    kept = cast("dict[str, Any]", ours) if isinstance(ours, dict) else {}
    metadata[OURS] = {**kept, KEY: hashed}


def forget_source(cell: dict[str, Any]) -> None:
    """Take the hash away, with the outputs."""
    ours = cell["metadata"].get(OURS)
    if not isinstance(ours, dict):
        return
    left = {key: value for key, value in cast("dict[str, Any]", ours).items() if key != KEY}
    if left:
        cell["metadata"][OURS] = left
    else:
        del cell["metadata"][OURS]


def hash_of(cell: Mapping[str, Any]) -> str | None:
    """Give the hash that is kept with the outputs; None if there is none."""
    ours = cell["metadata"].get(OURS)
    hashed = cast("dict[str, Any]", ours).get(KEY) if isinstance(ours, dict) else None
    return hashed if isinstance(hashed, str) else None


def has_outputs(cell: Mapping[str, Any]) -> bool:
    """Tell whether something of a run is in the cell: outputs, or the kernel's number."""
    return bool(cell.get("outputs")) or cell.get("execution_count") is not None


def is_stale(cell: Mapping[str, Any]) -> bool | None:
    """
    Tell whether the outputs are those of another source than the cell has now.

    Returns:
        False as well for a cell without outputs. None where it is not known: another program has
        made the outputs, and kept no hash.
    """
    if not has_outputs(cell):
        return False
    hashed = hash_of(cell)
    return None if hashed is None else hashed != source_hash(cell["source"])
