"""What was printed last on a stream, when there was more than there is room for?"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from .room import size_of, tail_within

__all__ = ["Tail"]


@dataclass(slots=True)
class _Piece:
    text: str
    size: int
    is_whole: bool = True


class Tail:
    """
    The end of one stream's text.

    Args:
        max_bytes: Its size in UTF-8, at most.
    """

    __slots__ = ("_max_bytes", "_pieces", "_size")

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._pieces: deque[_Piece] = deque()
        self._size = 0

    def __bool__(self) -> bool:
        return bool(self._pieces)

    @property
    def text(self) -> str:
        """What is kept."""
        return "".join(piece.text for piece in self._pieces)

    def add(self, text: str) -> int:
        """
        Print `text` at the end.

        Returns:
            How many texts that were whole until now are cut by that, or gone.
        """
        size = size_of(text)
        self._pieces.append(_Piece(text, size))
        self._size += size
        lost = 0
        while self._size > self._max_bytes:
            first = self._pieces[0]
            lost += first.is_whole
            self._size -= first.size
            room = self._max_bytes - self._size
            if room <= 0:
                self._pieces.popleft()
                continue
            first.text, first.is_whole = tail_within(first.text, room), False
            first.size = size_of(first.text)
            self._size += first.size
        return lost
