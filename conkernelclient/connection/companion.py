"""
What does a connection tell the objects that live along with it?

The peer looks after its kernel, the watchdog after its requests: both join the connection, which
tells them what happens to it, and knows nothing else of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..protocol.messages import Channel

__all__ = ["Companion"]


class Companion:
    """Learns what happens to a connection; a method that it does not override does nothing."""

    def rebound(self) -> None:
        """Learn that another loop is served now."""

    def sent(self) -> None:
        """Learn that a request was sent, while no companion watched the requests."""

    def suspended(self) -> None:
        """Learn that the connection broke with the kernel."""

    def resumed(self) -> None:
        """Learn that the kernel is there, right before what waited for it is sent."""

    def closed(self) -> None:
        """Learn that all channels were closed."""

    def connected(self, channel: Channel) -> None:
        """Learn that the kernel's side of `channel` is there."""

    def disconnected(self, channel: Channel) -> None:
        """Learn that the kernel has closed its end of `channel`."""
