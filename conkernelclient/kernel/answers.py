"""
What does a front end hear about its message?

Busy, what the message leads to, a reply, idle: in this order on the wire, as each is posted by
whoever works at the message, and what it has printed before.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .cells import Cell
    from .channels import Channels, Publisher
    from .streams import Stream
    from .wire import Wire

__all__ = ["Answers", "error_content"]


class Answers:
    """
    Sends what belongs to a message.

    Args:
        ident: The kernel's id, which stands in the topics of what it publishes.
        streams: What has a cell's text that was not sent.
    """

    def __init__(
        self,
        wire: Wire,
        channels: Channels,
        publisher: Publisher,
        ident: str,
        streams: tuple[Stream, ...],
    ) -> None:
        self.wire: Wire = wire
        self._channels = channels
        self._publisher = publisher
        self._ident = ident
        self._streams = streams

    def publish(self, msg_type: str, content: Mapping[str, Any], parent: bytes = b"{}") -> None:
        """Publish a message on iopub."""
        topic = f"kernel.{self._ident}.{msg_type}".encode()
        self._publisher.send_multipart(self.wire.pack(msg_type, content, parent, idents=[topic]))

    def publish_for(self, cell: Cell, msg_type: str, content: Mapping[str, Any]) -> None:
        """Publish a message whose parent is the cell's."""
        self.publish(msg_type, content, cell.incoming.raw_header)

    def status(self, cell: Cell, state: str) -> None:
        """Publish "busy" or "idle"."""
        self.publish("status", {"execution_state": state}, cell.incoming.raw_header)

    def flush(self, cell: Cell) -> None:
        """Send what the cell has printed."""
        for stream in self._streams:
            stream.flush_cell(cell)

    def reply(self, cell: Cell, content: Any, metadata: Mapping[str, Any] | None = None) -> None:
        """Reply on the channel of the message."""
        incoming = cell.incoming
        frames = self.wire.pack(
            f"{incoming.msg_type.removesuffix('_request')}_reply",
            content,
            incoming.raw_header,
            idents=incoming.idents,
            metadata=orjson.dumps(metadata) if metadata else b"{}",
        )
        self._channels.post(cell.channel, frames)

    def finish(self, cell: Cell, content: Any) -> None:
        """Reply, and say that the message is done with."""
        self.flush(cell)
        self.reply(cell, content)
        self.status(cell, "idle")

    def finish_cell(
        self, cell: Cell, content: Mapping[str, Any], started: float | None = None
    ) -> None:
        """Reply to an execute request, which was started at that time, and say that it is done."""
        self.flush(cell)
        self.reply(cell, content, self._metadata(content, started))
        self.status(cell, "idle")

    def refuse(self, cell: Cell, content: Mapping[str, Any]) -> None:
        """Answer an execute request that never runs."""
        self.status(cell, "busy")
        self.finish_cell(cell, content)

    def _metadata(self, content: Mapping[str, Any], started: float | None) -> dict[str, Any]:
        moment = time.time() if started is None else started
        day = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment))
        return {
            "started": f"{day}.{int(moment % 1 * 1e6):06d}Z",
            "dependencies_met": content.get("ename") != "UnmetDependency",
            "engine": self._ident,
            "status": content["status"],
        }


def error_content(ename: str, evalue: str) -> dict[str, Any]:
    """Give the content of an error reply that no user's code raised."""
    return {"status": "error", "ename": ename, "evalue": evalue, "traceback": []}
