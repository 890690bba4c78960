"""
What does the client need of whatever carries its messages?

`Transport` is the seam, whole: the client knows nothing below it, and a transport nothing above
`Sink`. `transport/zmq` has sockets; `testing/memory` has none, and proves that none are needed.

A client's `transport_factory` makes its transport: it is called as `TransportFactory` says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from ..errors import ChannelsClosedError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    from ..protocol.messages import Channel, Frame
    from .sockets import ConSocket

__all__ = ["BATCH", "MONITORED", "Sink", "Transport", "TransportFactory", "not_running"]

# Messages that a transport gives to its sink in one go, before the loop's other work gets its turn.
# All are received, then all are read, then all are delivered: each step is quicker while its code
# and its messages are in the processor's cache, which too many messages would fill.
BATCH: Final = 64
# The channels that tell when the kernel closes its end: replies and outputs come over these.
MONITORED: Final[tuple[Channel, ...]] = ("shell", "iopub")


def not_running(channel: Channel, msg_id: str | None = None) -> ChannelsClosedError:
    """Make the error for what is sent on a channel that is closed."""
    return ChannelsClosedError(
        f"the {channel} channel is not running: call start_channels() first", msg_id=msg_id
    )


class Sink(Protocol):
    """What a transport tells. Called in the loop's thread; it may not raise."""

    def received(self, channel: Channel, batch: list[list[Frame]]) -> None:
        """Take the frames of messages, oldest first, at most `BATCH`."""
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

    `send` may be called from any thread, the others from the loop's. A channel is closed; open,
    when it has a way to the kernel; or held, when that way was broken off by `suspend`.
    """

    @property
    def seconds(self) -> float:
        """Seconds of the loop's time spent in receiving, with what the sink did."""
        ...

    @property
    def backlog(self) -> int:
        """Messages that wait for a kernel that does not read."""
        ...

    @property
    def backlog_bytes(self) -> int:
        """Their bytes."""
        ...

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """
        Receive in `loop`, from its own thread, from now on.

        Raises:
            OSError: There are no descriptors left; nothing is received then.
        """
        ...

    def detach(self) -> None:
        """Receive no more in the loop of before; what comes waits."""
        ...

    def open(self, channel: Channel) -> None:
        """
        Make a new way to the kernel for `channel`; what was held for it is sent there.

        Raises:
            OSError: There are no descriptors left; the channel is as before.
        """
        ...

    def close(self, channel: Channel) -> None:
        """Close the channel; what was accepted goes on being sent for a moment. Harmless twice."""
        ...

    def suspend(self) -> None:
        """
        Break with the kernel: what was not sent is dropped; what is sent from now on is held.

        A channel's `open` gives it a new way.
        """
        ...

    def send(self, channel: Channel, frames: Sequence[Frame], *, copy: bool = True) -> None:
        """
        Accept one message, in order, without blocking.

        Raises:
            BacklogFullError: The kernel does not read, and the outgoing queue is full.
            ChannelsClosedError: The channel is not open.
        """
        ...

    def pump(self, channel: Channel) -> None:
        """Receive now what has come, at most `BATCH` messages, without waiting."""
        ...

    def is_open(self, channel: Channel) -> bool:
        """Tell whether the channel takes messages: it is open, or held."""
        ...

    def is_connected(self, channel: Channel) -> bool:
        """Tell whether the other side is there; if not, the sink's `connected` will be told."""
        ...

    def is_disconnected(self) -> bool:
        """Tell whether the kernel has closed its ends of the open channels of `MONITORED`."""
        ...

    def is_drained(self) -> bool:
        """Tell whether the kernel has closed its ends, and all that it had sent is read."""
        ...

    def socket(self, channel: Channel) -> ConSocket | None:
        """Give the channel's socket, for programs that use it by hand; None: there is none."""
        ...

    @property
    def descriptors(self) -> set[int]:
        """Descriptors of its own that it watches: others in each loop; maybe none."""
        ...


class TransportFactory(Protocol):
    """What makes a client's transport."""

    def __call__(
        self,
        sink: Sink,
        *,
        connect: Callable[[Channel], ConSocket],
        max_messages: int,
        max_bytes: int,
    ) -> Transport:
        """
        Make it; no channel is open.

        Args:
            sink: Gets what is received.
            connect: Makes the client's socket for a channel, connected to where the kernel is now;
                for a transport that has sockets.
            max_messages: How many messages may wait, over all channels, for a kernel that does not
                read.
            max_bytes: How many bytes of them.
        """
        ...
