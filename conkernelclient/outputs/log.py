"""
Which events has a run had so far, and which has this reader not seen?

The log holds each event until it is long; from then on neighbouring text of one stream grows
together into one event, so that its size is that of the text. Nothing is ever dropped. Any number
of cursors read it, each from the start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .mime import text_of

if TYPE_CHECKING:
    from ..protocol.incoming import Incoming
    from .events import MessageEvent

__all__ = ["Cursor", "EventLog"]

EVENTS_KEPT_APART: Final = 10_000
SHOWN: Final = frozenset(
    {
        "stream",
        "display_data",
        "update_display_data",
        "execute_result",
        "error",
        "clear_output",
        "execute_input",
        "input_request",
    }
)


class _Grown:
    """Several stream messages as one."""

    __slots__ = ("last", "name", "parts")

    def __init__(self, first: Incoming) -> None:
        self.name = str(first.content.get("name", "stdout"))
        self.parts = [text_of(first.content.get("text"))]
        self.last = first

    def grow(self, message: Incoming) -> None:
        self.parts.append(text_of(message.content.get("text")))
        self.last = message


class EventLog:
    """The messages of a run that show something, in the order in which they came."""

    __slots__ = ("_items", "_limit")

    def __init__(self, limit: int = EVENTS_KEPT_APART) -> None:
        self._items: list[Incoming | _Grown] = []
        self._limit = limit

    def __len__(self) -> int:
        return len(self._items)

    def append(self, message: Incoming) -> bool:
        """Add `message`; tells whether it is an event at all."""
        if message.msg_type not in SHOWN:
            return False
        items = self._items
        if len(items) < self._limit or not self._grows(message):
            items.append(message)
        return True

    def _grows(self, message: Incoming) -> bool:
        last = self._items[-1]
        if message.msg_type != "stream":
            return False
        name = message.content.get("name", "stdout")
        if isinstance(last, _Grown):
            if last.name != name:
                return False
        elif last.msg_type != "stream" or last.content.get("name", "stdout") != name:
            return False
        else:
            last = self._items[-1] = _Grown(last)
        last.grow(message)
        return True

    def get(self, index: int, seen: int) -> tuple[MessageEvent | None, int]:
        """Give what item `index` holds beyond its first `seen` parts, and how many parts it has."""
        from .events import Stream, event_of

        item = self._items[index]
        if not isinstance(item, _Grown):
            return (None if seen else event_of(item)), 1
        text = "".join(item.parts[seen:])
        return (Stream(item.name, text, incoming=item.last) if text else None), len(item.parts)


class Cursor:
    """One reader's place in a log."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._index = 0
        self._seen = 0

    def has_next(self) -> bool:
        """Whether `next` would give one."""
        place = self._index, self._seen
        found = self.next()
        self._index, self._seen = place
        return found is not None

    def next(self) -> MessageEvent | None:
        """Give the next event that has not been read; None if there is none so far."""
        while self._index < len(self._log):
            event, self._seen = self._log.get(self._index, self._seen)
            if event is not None:
                return event
            if self._index + 1 >= len(self._log):
                return None
            self._index += 1
            self._seen = 0
        return None
