"""
What waits for a kernel that does not read, and when is it too much?

A copy of each message, up to a number and a size over all channels of a client.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, TypeAlias

from ..errors import BacklogFullError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..protocol.messages import Frame

__all__ = ["Backlog", "Queue"]

Queue: TypeAlias = "deque[tuple[list[Frame], bool, int]]"  # frames, whether to copy, bytes


class Backlog:
    """
    What waits in the queues of one transport, which changes them under its lock.

    Attributes:
        messages: How many wait.
        bytes: Their bytes.
    """

    __slots__ = ("_max_bytes", "_max_messages", "bytes", "messages")

    def __init__(self, *, max_messages: int, max_bytes: int) -> None:
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self.messages: int = 0
        self.bytes: int = 0

    def keep(self, queue: Queue, frames: Sequence[Frame], copy: bool) -> None:
        """
        Let a message wait at the end of `queue`.

        Raises:
            BacklogFullError: There is no room.
        """
        size = sum(memoryview(frame).nbytes for frame in frames)
        if self.messages >= self._max_messages or self.bytes + size > self._max_bytes:
            raise BacklogFullError(
                f"{self.messages} messages ({self.bytes} bytes) wait for the kernel, which "
                "does not read; it is stopped, busy in C code, or gone. Nothing was sent. Check "
                "`await km.is_alive()`, or restart it"
            )
        # The caller may go on writing to its buffers: what waits is a copy.
        kept: list[Frame] = [
            frame if isinstance(frame, bytes) else bytes(frame) for frame in frames
        ]
        queue.append((kept, copy, size))
        self.messages += 1
        self.bytes += size

    def flush(self, queue: Queue, send: Callable[[list[Frame], bool], bool]) -> None:
        """Send what waits, the oldest first, until `send` says that it could not."""
        while queue:
            frames, copy, size = queue[0]
            if not send(frames, copy):
                return
            queue.popleft()
            self.messages -= 1
            self.bytes -= size

    def purge(self, queue: Queue) -> None:
        """Drop what waits."""
        for _, _, size in queue:
            self.messages -= 1
            self.bytes -= size
        queue.clear()
