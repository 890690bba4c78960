"""
How does a client of a real kernel meet faults?

Through its transport: `km.client(transport_factory=Faults(seed=1, delay=0.1).transport)`.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from ..errors import ConKernelError
from ..transport.zmq import ZmqTransport
from .route import Plan, kind_of

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Collection, Sequence

    from ..protocol.messages import Channel, Frame
    from ..transport.base import Sink
    from ..transport.sockets import ConSocket
    from .route import Route

__all__ = ["FaultyTransport"]

logger: Final = logging.getLogger(__name__)


class CutPlan(Plan, Protocol):
    """A plan that can cut the way, and makes lines."""

    def cut(
        self,
        *,
        channels: Collection[Channel] | None = None,
        msg_types: Collection[str] | None = None,
    ) -> None:
        """Let nothing pass until `mend()`."""
        ...

    def mend(self) -> None:
        """Let pass what waits, and all that comes."""
        ...

    def line(self) -> Route:
        """Make a line with this plan."""
        ...


class _FaultySink:
    """What gets the messages in the place of the client."""

    def __init__(self, sink: Sink, line: Route) -> None:
        self._sink = sink
        self._line = line

    def received(self, channel: Channel, batch: list[list[Frame]]) -> None:
        for frames in batch:
            msg_type, parent_id = kind_of(frames)
            deliver = partial(self._sink.received, channel, [frames])
            self._line.put((channel, False), msg_type, parent_id, deliver)

    def connected(self, channel: Channel) -> None:
        self._sink.connected(channel)

    def disconnected(self, channel: Channel) -> None:
        self._sink.disconnected(channel)

    def lost(self, channel: Channel, error: Exception) -> None:
        self._sink.lost(channel, error)


class FaultyTransport(ZmqTransport):
    """
    A transport over which messages are late, lost, doubled or overtaken.

    `Faults.transport` makes it. The heartbeat does not go through it.

    Args:
        sink: Gets what is received.
        faults: What goes wrong.
        connect: As for `ZmqTransport`.
        max_messages: As for `ZmqTransport`.
        max_bytes: As for `ZmqTransport`.

    Attributes:
        faults: What goes wrong.
    """

    def __init__(
        self,
        sink: Sink,
        faults: CutPlan,
        *,
        connect: Callable[[Channel], ConSocket],
        max_messages: int,
        max_bytes: int,
    ) -> None:
        self.faults: CutPlan = faults
        self._line = faults.line()
        super().__init__(
            _FaultySink(sink, self._line),
            connect=connect,
            max_messages=max_messages,
            max_bytes=max_bytes,
        )

    def cut(
        self,
        *,
        channels: Collection[Channel] | None = None,
        msg_types: Collection[str] | None = None,
    ) -> None:
        """Let nothing pass until `mend()`; see `Faults.cut`."""
        self.faults.cut(channels=channels, msg_types=msg_types)

    def mend(self) -> None:
        """Let pass what waits, and all that comes; see `Faults.mend`."""
        self.faults.mend()

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Receive in `loop`, from its own thread, from now on."""
        super().attach(loop)
        self._line.wind(loop)

    def detach(self) -> None:
        """Receive no more in the loop of before; what is late waits for the next one."""
        self._line.wind(None)
        super().detach()

    def close(self, channel: Channel) -> None:
        """Close the channel's socket; what is on its way is lost."""
        self._line.clear((channel,))
        super().close(channel)

    def suspend(self) -> None:
        """Break with the kernel; what is on its way is lost."""
        self._line.clear()
        super().suspend()

    def is_drained(self) -> bool:
        """Tell whether the kernel has closed its ends, and all that it had sent has arrived."""
        return super().is_drained() and not self._line

    def send(self, channel: Channel, frames: Sequence[Frame], *, copy: bool = True) -> None:
        """
        Accept one message; it leaves now, later, twice, or never.

        See `Transport.send`. Only what leaves now can raise that the kernel does not read.
        """
        if not self.is_open(channel):
            super().send(channel, frames, copy=copy)  # which says why that is an error
        kept = [frame if isinstance(frame, bytes) else bytes(frame) for frame in frames]
        is_now = True

        def leave() -> None:
            try:
                ZmqTransport.send(self, channel, kept, copy=copy)
            except ConKernelError as error:
                if is_now:
                    raise
                logger.warning("a message that was late never left: %s", error)

        msg_type, msg_id = kind_of(kept)
        self._line.put((channel, True), msg_type, msg_id, leave)
        is_now = False
