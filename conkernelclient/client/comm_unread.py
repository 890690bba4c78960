"""
Which messages of a comm wait for its reader, and what does a slow one miss?

A queue with two bounds. What goes beyond them is counted at its place, so that the reader is told
where messages are missing, and how many.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..protocol.messages import Message

__all__ = ["MAX_BYTES", "MAX_MESSAGES", "Gap", "Unread"]

MAX_MESSAGES: Final = 10_000
MAX_BYTES: Final = 256 * 2**20  # of buffers


@dataclass(slots=True)
class Gap:
    """
    A place where messages are missing.

    Attributes:
        count: How many; None: that is not known.
    """

    count: int | None


class Unread:
    """
    The messages of one comm that no reader has taken, oldest first.

    Args:
        max_messages: How many may wait.
        max_bytes: How many bytes of buffers may wait; one message may in any case.
    """

    __slots__ = ("_bytes", "_max_bytes", "_max_messages", "_queue")

    def __init__(self, max_messages: int = MAX_MESSAGES, max_bytes: int = MAX_BYTES) -> None:
        self._queue: deque[Message | Gap] = deque()
        self._bytes = 0
        self._max_messages = max_messages
        self._max_bytes = max_bytes

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, message: Message) -> bool:
        """Let `message` wait; False if there is no room: then it is counted as missing."""
        size = _size(message)
        is_full = len(self._queue) >= self._max_messages
        if is_full or (size and self._bytes and self._bytes + size > self._max_bytes):
            last = self._queue[-1]
            if isinstance(last, Gap) and last.count is not None:
                last.count += 1
            else:
                self._queue.append(Gap(1))
            return False
        self._queue.append(message)
        self._bytes += size
        return True

    def break_off(self) -> None:
        """Note that messages may be missing from here on, nobody knows how many."""
        last = self._queue[-1] if self._queue else None
        if not (isinstance(last, Gap) and last.count is None):
            self._queue.append(Gap(None))

    def take(self) -> Message | Gap:
        """Take the oldest. IndexError if there is none."""
        taken = self._queue.popleft()
        if not isinstance(taken, Gap):
            self._bytes -= _size(taken)
        return taken

    def discard(self, message: Message) -> None:
        """Take `message` out, and the gaps before it, if it is the oldest one."""
        while self._queue and isinstance(self._queue[0], Gap):
            self._queue.popleft()
        if self._queue and self._queue[0] is message:
            self.take()


def _size(message: Message) -> int:
    buffers: list[Any] = message["buffers"]
    return sum(memoryview(buffer).nbytes for buffer in buffers) if buffers else 0
