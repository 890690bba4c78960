"""
What can still be read of messages that were torn apart?

ipykernel sends the frames of a message one by one. An interrupt that hits it in between leaves the
first of them in the socket, and the next message continues them. In Python up to 3.12 an interrupt
can also make a living thread look dead (`Thread.is_alive`, bpo-45274): from then on ipykernel
publishes from two threads at once, and their frames mix: the first part of one, the whole of
another, the rest of the first. Whatever is put together here still has to carry its signature.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..errors import ProtocolError
from .wire import DELIMITER, from_last_delimiter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .incoming import Incoming
    from .messages import Frame

__all__ = ["Pieces"]

HEADS_KEPT: Final = 8
LARGEST: Final = 2**20  # bytes of pieces that are put together: more would hold the loop


class Pieces:
    """The first parts of torn messages of one channel, whose rests may still come."""

    def __init__(self) -> None:
        self._heads: list[list[Frame]] = []

    def mend(
        self, frames: list[Frame], unpack: Callable[[Sequence[Frame]], Incoming]
    ) -> Incoming | None:
        """
        Find the message that ends with `frames`, which as a whole are none.

        Args:
            frames: What came, and was refused.
            unpack: Reads the frames of a message; raises `ProtocolError` for others.

        Returns:
            The message; None if there is none to be found.
        """
        if frames.count(DELIMITER) > 1:
            message = self._split(frames, unpack)
            if message is not None:
                return message
        if not self._heads or sum(map(len, frames)) > LARGEST:
            return None
        for at in reversed(range(len(self._heads))):
            message = self._split([*self._heads[at], *frames], unpack, rest_of=at)
            if message is not None:
                return message
        return None

    def clear(self) -> None:
        """Forget the first parts."""
        self._heads.clear()

    def _split(
        self,
        frames: list[Frame],
        unpack: Callable[[Sequence[Frame]], Incoming],
        *,
        rest_of: int | None = None,
    ) -> Incoming | None:
        """Read the message that begins last in `frames`, and keep what stands before it."""
        tail = from_last_delimiter(frames)
        try:
            message = unpack(tail)
        except ProtocolError:
            return None
        if rest_of is not None:
            del self._heads[rest_of]
        # Without the identity or topic of the message.
        head = frames[: max(0, len(frames) - len(tail) - 1)]
        if DELIMITER in head and sum(map(len, head)) <= LARGEST:
            self._heads.append(head)
            del self._heads[:-HEADS_KEPT]
        return message
