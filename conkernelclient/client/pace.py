"""How long do a client's requests take, and how much of its loop's time does the client itself?"""

from __future__ import annotations

import time
from collections import deque
from typing import Final

__all__ = ["Pace"]

KEPT: Final = 1_000


class Pace:
    """
    The times of one connection.

    Attributes:
        seconds: Spent in making and sending messages.
    """

    def __init__(self) -> None:
        self.seconds: float = 0.0
        self._times: deque[float] = deque(maxlen=KEPT)

    def note(self, sent_at: float) -> None:
        """Note that a request has ended that was sent at `sent_at` of `time.monotonic()`."""
        self._times.append(time.monotonic() - sent_at)

    def percentile(self, percent: int) -> float:
        """Give the time within which `percent` of the last 1,000 requests ended, in seconds."""
        times = sorted(self._times)
        return times[min(len(times) - 1, len(times) * percent // 100)] if times else 0.0
