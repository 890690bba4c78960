"""
Which JSON would orjson read otherwise than `json` does, without a word?

Integers beyond 64 bits become floats. Such a one has at least 19 digits; to find a run of them by
translating every digit to "0" takes a tenth of the time of a regular expression.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from .messages import Frame

__all__ = ["MAY_BE_BIG", "ONE_DIGIT", "load_exactly", "may_have_big"]

ONE_DIGIT: Final = bytes(ord("0") if chr(i).isdigit() and i < 128 else 1 for i in range(256))
MAY_BE_BIG: Final = b"0" * 19
PIECE: Final = 2**20  # bytes


def may_have_big(part: Frame) -> bool:
    """
    Tell whether there may be an integer in `part` that orjson would read as a float.

    It looks at one piece after the other: other threads are to get their turns.
    """
    overlap = len(MAY_BE_BIG) - 1
    return any(
        MAY_BE_BIG in bytes(part[at : at + PIECE + overlap]).translate(ONE_DIGIT)
        for at in range(0, len(part), PIECE)
    )


def load_exactly(part: bytes) -> Any:
    """Read JSON as `json` does."""
    return json.loads(part) if MAY_BE_BIG in part.translate(ONE_DIGIT) else orjson.loads(part)
