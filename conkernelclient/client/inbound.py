"""
How does what the transport receives become messages, whatever comes?

What is no message, or none of ours, costs itself: it is counted, and logged once.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from ..errors import ProtocolError
from ..protocol.oversize import put_note_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..protocol.messages import Channel
    from ..protocol.wire import Incoming, Wire

__all__ = ["Inbound"]

logger: Final = logging.getLogger(__name__)


class Inbound:
    """
    The way in of one connection.

    Args:
        wire: Reads the frames.
        deliver: Takes each message.

    Attributes:
        max_message_bytes: Of a larger message only a note is delivered; None: no bound.
        counts: "received" and "bytes_received": messages that came; "rejected": what was none;
            "too_large": those over the bound.
    """

    def __init__(self, wire: Wire, deliver: Callable[[Channel, Incoming], None]) -> None:
        self._wire = wire
        self._deliver = deliver
        self.max_message_bytes: int | None = None
        self.counts: dict[str, int] = {
            "received": 0,
            "bytes_received": 0,
            "rejected": 0,
            "too_large": 0,
        }

    def take(self, channel: Channel, frames: list[bytes]) -> None:
        """Take the frames of one message."""
        try:
            message = self._wire.unpack(frames)
        except ProtocolError as error:
            self._reject(channel, error)
            return
        self.counts["received"] += 1
        self.counts["bytes_received"] += message.size
        if self.max_message_bytes is not None and message.size > self.max_message_bytes:
            self._cut(channel, message, self.max_message_bytes)
        try:
            self._deliver(channel, message)
        except Exception:  # one message may cost no more than itself
            logger.exception("could not deliver %r from %s", message, channel)

    def _reject(self, channel: Channel, error: ProtocolError) -> None:
        if not self.counts["rejected"]:
            logger.warning(
                "rejected a message on %s: %s; further ones are only counted, in "
                "stats()['rejected']",
                channel,
                error,
            )
        self.counts["rejected"] += 1

    def _cut(self, channel: Channel, message: Incoming, limit: int) -> None:
        if not self.counts["too_large"]:
            logger.warning(
                "left out the content of %r on %s: it has %d bytes, and max_message_bytes is %d; "
                "further ones are only counted, in stats()['too_large']",
                message,
                channel,
                message.size,
                limit,
            )
        self.counts["too_large"] += 1
        put_note_in(channel, message, limit)
