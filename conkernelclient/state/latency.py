"""How long do a client's requests take?"""

from __future__ import annotations

from collections import deque
from typing import Final

__all__ = ["Pace"]

KEPT: Final = 1_000


class Pace:
    """
    The times of one connection.

    Attributes:
        times: What the last 1,000 requests took, each in seconds.
    """

    def __init__(self) -> None:
        self.times: deque[float] = deque(maxlen=KEPT)

    def percentile(self, percent: int) -> float:
        """Give the time within which `percent` of the last 1,000 requests ended, in seconds."""
        times = sorted(self.times)
        return times[min(len(times) - 1, len(times) * percent // 100)] if times else 0.0
