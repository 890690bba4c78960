"""
What does a watcher get next, and when has it missed something?

A watcher that is too far behind loses what waits for it: it is told how much that was, and gets a
snapshot instead, so that it has everything again. Nobody waits for it.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final, cast

from .session_events import Edited, MetadataChanged, Missed, OutputsChanged, TextAppended

if TYPE_CHECKING:
    from collections.abc import Callable

    from .session_events import SessionEvent, Snapshot, Told

__all__ = ["MOST_BYTES", "Mailbox", "weight_of"]

MOST_BYTES: Final = 32 * 1024 * 1024  # about, of the events that wait for one watcher
SMALL: Final = 200  # bytes of an event without content, about


class Mailbox:
    """
    What waits for one watcher.

    Args:
        snapshot: Gives how everything stands.
        limit: How many events may wait.
        max_bytes: How many bytes of them, about.

    Attributes:
        missed: Events that it did not get, all together.
    """

    def __init__(
        self, snapshot: Callable[[], Snapshot], limit: int = 1000, max_bytes: int = MOST_BYTES
    ) -> None:
        if limit < 1:
            raise ValueError(f"a watcher's limit is at least 1, not {limit}")
        self._snapshot = snapshot
        self._limit = limit
        self._max_bytes = max_bytes
        self._waiting: deque[tuple[SessionEvent, int]] = deque()
        self._bytes = 0
        self._needs_snapshot = True
        self._lost = 0  # events that it is to be told of
        self.missed: int = 0

    def __len__(self) -> int:
        """Give how many events wait."""
        return len(self._waiting)

    def put(self, event: SessionEvent, weight: int) -> None:
        """
        Let an event wait for the watcher.

        Args:
            event: The event.
            weight: See `weight_of`.
        """
        if self._needs_snapshot:  # it is in there
            if self._lost:
                self._lost += 1
                self.missed += 1
            return
        self._waiting.append((event, weight))
        self._bytes += weight
        is_heavy = self._bytes > self._max_bytes and len(self._waiting) > 1
        if len(self._waiting) > self._limit or is_heavy:
            self._lost = len(self._waiting)
            self.missed += self._lost
            self._waiting.clear()
            self._bytes = 0
            self._needs_snapshot = True

    def drop(self) -> None:
        """Drop what waits."""
        self._waiting.clear()
        self._bytes = self._lost = 0
        self._needs_snapshot = False

    def take(self) -> Told | None:
        """Give what comes next; None if nothing waits."""
        if self._lost:
            lost, self._lost = self._lost, 0
            return Missed(lost)
        if self._needs_snapshot:
            self._needs_snapshot = False
            return self._snapshot()
        if not self._waiting:
            return None
        event, weight = self._waiting.popleft()
        self._bytes -= weight
        return event


def weight_of(event: SessionEvent) -> int:
    """Give about how many bytes an event has."""
    match event:
        case OutputsChanged():
            return SMALL + _size(event.outputs)
        case TextAppended():
            return SMALL + len(event.text)
        case MetadataChanged():
            return SMALL + _size(event.metadata)
        case Edited():
            parts = [
                getattr(edit, name, None)
                for edit in event.change
                for name in ("cell", "source", "metadata", "attachments", "outputs")
            ]
            return SMALL + _size(parts)
        case _:
            return SMALL


def _size(value: Any) -> int:
    """Give about how many bytes of text are in it."""
    size, left = 0, [value]
    while left:
        part = left.pop()
        if isinstance(part, str):
            size += len(part)
        elif isinstance(part, dict):
            left.extend(cast("dict[str, Any]", part).values())
            size += sum(map(len, cast("dict[str, Any]", part)))
        elif isinstance(part, list):
            left.extend(cast("list[Any]", part))
        else:
            size += 8
    return size
