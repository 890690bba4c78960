"""
Which runs show the display that a message updates?

`update_display_data` may come from another request than the one that made the display, as in a
notebook where a later cell updates what an earlier one shows. A new display of the same id updates
those before it as well, as in the notebook's front ends.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from .reduce import display_id_of

if TYPE_CHECKING:
    from ..protocol.incoming import Incoming
    from .reduce import Reducer

__all__ = ["Displays"]


class Displays:
    """The displays of one client's runs by their ids; it keeps no run alive."""

    def __init__(self) -> None:
        self._holders: dict[str, weakref.WeakSet[Reducer]] = {}
        self._unread: weakref.WeakSet[Reducer] = weakref.WeakSet()  # with large displays
        self._prune_at = 1_000

    def note(self, reducer: Reducer, message: Incoming) -> None:
        """
        Remember that `reducer` folded `message`.

        If it updates a display, let the others follow.
        """
        if message.msg_type != "update_display_data" and reducer.is_behind:
            self._unread.add(reducer)
            return
        display_id = display_id_of(message.content)
        if not display_id:
            return
        self._read()
        for holder in self._holders.get(display_id, ()):
            if holder is not reducer:
                holder.update_display(message.content)
        if message.msg_type != "update_display_data":
            self._hold(display_id, reducer)

    def _read(self) -> None:
        """Learn of the displays in messages that nobody has looked at yet."""
        for reducer in tuple(self._unread):
            for display_id in reducer.display_ids:
                self._hold(display_id, reducer)
        self._unread.clear()

    def _hold(self, display_id: str, reducer: Reducer) -> None:
        self._holders.setdefault(display_id, weakref.WeakSet()).add(reducer)
        if len(self._holders) > self._prune_at:
            self._holders = {key: held for key, held in self._holders.items() if len(held)}
            self._prune_at = max(1_000, 2 * len(self._holders))
