"""How much of each row's count is done: a tenth, or with FULL=1 all of it."""

from __future__ import annotations

import os
from typing import Final

FULL: Final = bool(os.environ.get("FULL"))


def share(count: int, least: int = 1) -> int:
    """What is done of `count`; `least` is what the row needs to be able to fail."""
    return count if FULL else max(count // 10, least)
