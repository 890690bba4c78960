"""
Whose turn is it?

Calls of a session run one after the other, in the order in which they came.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

__all__ = ["Turns"]

T = TypeVar("T")


class Turns(Generic[T]):
    """
    A queue of which the first has the turn.

    Attributes:
        holder: Who has the turn; None if nobody has.
    """

    def __init__(self) -> None:
        self.holder: T | None = None
        self._waiting: deque[tuple[T, asyncio.Future[None]]] = deque()

    @property
    def waiting(self) -> list[T]:
        """Those that wait, the next one first."""
        return [one for one, _ in self._waiting]

    def join(self, one: T) -> asyncio.Future[None]:
        """Stand in line; what this gives is done when it is the turn of `one`."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((one, turn))
        self._next()
        return turn

    def leave(self, one: T) -> None:
        """Go, whether it had the turn or waited for it; harmless if it did neither."""
        if self.holder == one:
            self.holder = None
        else:
            self._waiting = deque(pair for pair in self._waiting if pair[0] != one)
        self._next()

    def _next(self) -> None:
        if self.holder is None and self._waiting:
            self.holder, turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
