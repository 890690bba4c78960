"""
Which input requests are open?

Those without an answer, until the reply to their request is in: its code asks no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..protocol.incoming import Incoming

__all__ = ["Questions"]


class Questions(dict[str, "Incoming"]):
    """The open input requests, by their own ids, oldest first."""

    def forget(self, request_id: str) -> None:
        """Forget those of a request that was replied to."""
        for msg_id, question in list(self.items()):
            if question.parent_id == request_id:
                del self[msg_id]
