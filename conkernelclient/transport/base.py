"""
What does the client need of whatever carries its messages?

`Transport` is the seam: the client knows nothing below it, and a transport nothing above `Sink`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from ..protocol.messages import Channel, Frame

__all__ = ["Sink", "Transport"]


class Sink(Protocol):
    """Who gets what a transport receives. Called in the loop's thread; it may not raise."""

    def received(self, channel: Channel, batch: list[list[Frame]]) -> None:
        """Take the frames of messages, oldest first."""
        ...

    def connected(self, channel: Channel) -> None:
        """Learn that the kernel's side of `channel` is there."""
        ...

    def disconnected(self, channel: Channel) -> None:
        """Learn that the kernel has closed its end of `channel`; what it had sent may come yet."""
        ...

    def lost(self, channel: Channel, error: Exception) -> None:
        """Learn that nothing can come on `channel` any more."""
        ...


class Transport(Protocol):
    """
    Carries frames both ways.

    `send` may be called from any thread, the others from the loop's.
    """

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Receive in `loop` from now on."""
        ...

    def detach(self) -> None:
        """Receive no more in the loop of before; what comes waits."""
        ...

    def send(self, channel: Channel, frames: Sequence[Frame], *, copy: bool = True) -> None:
        """
        Accept one message, in order, without blocking.

        Raises:
            BacklogFullError: The kernel does not read, and the outgoing queue is full.
            ChannelsClosedError: The channel is not open.
        """
        ...

    def suspend(self) -> None:
        """Break with the kernel: what has not left is dropped; what is sent from now on is held."""
        ...

    def is_disconnected(self) -> bool:
        """Tell whether the kernel has closed its ends."""
        ...

    def is_drained(self) -> bool:
        """Tell whether the kernel has closed its ends, and all that it had sent is read."""
        ...

    def pump(self, channel: Channel) -> None:
        """Receive now what has come, without waiting."""
        ...

    def is_connected(self, channel: Channel) -> bool:
        """Tell whether the other side is there; if not, the sink's `connected` will be told."""
        ...

    def is_open(self, channel: Channel) -> bool:
        """Tell whether the channel can send and receive."""
        ...
