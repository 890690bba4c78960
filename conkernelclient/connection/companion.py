"""
What is told to those who live along with a connection?

Whoever looks after its kernel or its requests joins it, and hears what happens to it; the
connection knows nothing else of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..protocol.messages import Channel

__all__ = ["Companion"]


class Companion:
    """Hears what happens to a connection; of what it does not care for it hears nothing."""

    def rebound(self) -> None:
        """Learn that another loop is served now."""

    def sent(self) -> None:
        """Learn that a request was sent, while nobody watched the requests."""

    def suspended(self) -> None:
        """Learn that the connection broke with the kernel."""

    def closed(self) -> None:
        """Learn that all channels were closed."""

    def connected(self, channel: Channel) -> None:
        """Learn that the kernel's side of `channel` is there."""

    def disconnected(self, channel: Channel) -> None:
        """Learn that the kernel has closed its end of `channel`."""
