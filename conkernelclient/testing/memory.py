"""
How do clients and a kernel of a test meet without sockets?

Over a `MemoryLink`: what one end sends lies in a queue until the other end takes it. To a client it
is a transport, as the seam of `transport/base` wants it; to a kernel it is what its sockets are.
`FakeKernel(in_memory=True)` has one.
"""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from collections import deque
from itertools import count
from typing import TYPE_CHECKING, Final

from ..protocol.messages import CHANNELS
from ..transport.backlog import Backlog
from ..transport.base import BATCH, MONITORED, not_running

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..protocol.messages import Channel, Frame
    from ..transport.backlog import Queue
    from ..transport.base import Sink
    from ..transport.sockets import ConSocket

__all__ = ["MemoryLink", "MemoryTransport"]

SUBSCRIBED: Final = b"\1"  # to all topics, as a SUB socket says it to an XPUB one


class MemoryLink:
    """
    What lies between the clients and one kernel; both ends may be used from any thread.

    The kernel's end is like five sockets: `receive` and `send` take and give frames as a ROUTER
    does, with a client's identity first. On iopub a client's identity is its subscription, and what
    is sent goes to all.

        link = MemoryLink()
        kc = ConKernelClient(transport_factory=link.transport)
        link.listen()
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()  # held while queues change
        self._on_arrival: Callable[[Channel], object] | None = None  # set while a kernel is there
        self._arrived: dict[Channel, deque[list[bytes]]] = {name: deque() for name in CHANNELS}
        # By client and channel: shell, stdin and control of a client have one identity.
        self._ways: weakref.WeakValueDictionary[tuple[bytes, Channel], _Way] = (
            weakref.WeakValueDictionary()
        )
        self._numbers = count(1)

    def transport(
        self,
        sink: Sink,
        *,
        connect: Callable[[Channel], ConSocket],
        max_messages: int,
        max_bytes: int,
    ) -> MemoryTransport:
        """Make a client's end: its `transport_factory`."""
        return MemoryTransport(self, sink, max_messages=max_messages, max_bytes=max_bytes)

    # The kernel's end

    @property
    def is_listening(self) -> bool:
        """Whether a kernel is there."""
        return self._on_arrival is not None

    def listen(self, on_arrival: Callable[[Channel], object] = lambda _: None) -> None:
        """
        Be there: what clients sent meanwhile arrives.

        Args:
            on_arrival: Called with a channel when something came on it, in the sender's thread: it
                may not block.
        """
        with self._lock:
            self._on_arrival = on_arrival
            ways = list(self._ways.values())
            for way in ways:
                way.connect()

    def hang_up(self, *, is_patient: bool = True) -> None:
        """Be gone; what was sent, and not received, is gone too if not `is_patient`."""
        with self._lock:
            self._on_arrival = None
            for queue in self._arrived.values():
                queue.clear()
            ways = list(self._ways.values())
            for way in ways:
                way.disconnect(is_patient=is_patient)

    def receive(self, channel: Channel) -> list[list[bytes]]:
        """Take what clients have sent, oldest first."""
        with self._lock:
            got = list(self._arrived[channel])
            self._arrived[channel].clear()
        return got

    def send(self, channel: Channel, frames: Sequence[Frame]) -> None:
        """Send a message; what is for somebody who is not there is gone."""
        kept: list[Frame] = [bytes(frame) for frame in frames]
        with self._lock:
            if channel == "iopub":
                for way in [one for one in self._ways.values() if one.channel == "iopub"]:
                    way.put(kept)
                return
            way = self._ways.get((bytes(kept[0]), channel))
            if way is not None:
                way.put(kept[1:])

    # For the clients' ends

    def add(self, way: _Way) -> None:
        """Let `way` lead to the kernel."""
        with self._lock:
            self._ways[way.identity, way.channel] = way
            if self.is_listening:
                way.connect()

    def remove(self, way: _Way) -> None:
        """Let `way` lead nowhere."""
        with self._lock:
            self._ways.pop((way.identity, way.channel), None)

    def new_identity(self) -> bytes:
        """Give an identity that no other client has."""
        return b"memory-%d" % next(self._numbers)

    def take(self, way: _Way, frames: Sequence[Frame]) -> bool:
        """Take a message for the kernel; False if none is there."""
        with self._lock:
            if self._on_arrival is None:
                return False
            identity = [] if way.channel == "iopub" else [way.identity]
            self._arrived[way.channel].append([*identity, *map(bytes, frames)])
            self._on_arrival(way.channel)
        return True

    @property
    def lock(self) -> threading.RLock:
        """Held while a queue changes."""
        return self._lock


class _Way:
    """One channel of one client, from its `open` to its end."""

    def __init__(self, transport: MemoryTransport, channel: Channel, queue: Queue) -> None:
        self.transport: MemoryTransport = transport
        self.channel: Channel = channel
        self.identity: bytes = transport.identity
        self.queue: Queue = queue  # what waits for a kernel
        self.arrived: deque[list[Frame]] = deque()  # what the client has not read
        self.news: deque[bool] = deque()  # whether the kernel came or went, until that is told
        self.is_lost: bool = False  # it was there, and went
        self.awaits_peer: bool = False  # somebody wants to know when it is there
        self.is_scheduled: bool = False

    def connect(self) -> None:
        """Learn that the kernel is there."""
        self.is_lost = False
        if self.channel == "iopub":
            self.transport.link.take(self, [SUBSCRIBED])
        self.transport.flush(self)
        if self.channel in MONITORED or self.awaits_peer:
            self.awaits_peer = False
            self.news.append(True)
            self.transport.schedule(self)

    def disconnect(self, *, is_patient: bool) -> None:
        """Learn that the kernel is gone."""
        if not is_patient:
            self.arrived.clear()
        if not self.is_lost and self.channel in MONITORED:
            self.news.append(False)
        self.is_lost = True
        self.transport.schedule(self)

    def put(self, frames: list[Frame]) -> None:
        """Take a message for the client."""
        self.arrived.append(frames)
        self.transport.schedule(self)


class MemoryTransport:
    """
    A client's end of a `MemoryLink`; see `transport.base.Transport` for its methods.

    Args:
        link: Leads to the kernel.
        sink: Gets what is received.
        max_messages: How many messages wait, over all channels, for a kernel that is not there.
        max_bytes: How many bytes of them.

    Attributes:
        link: Leads to the kernel.
        identity: By which the kernel knows this client.
        seconds: Spent in receiving, with what the sink did.
    """

    def __init__(self, link: MemoryLink, sink: Sink, *, max_messages: int, max_bytes: int) -> None:
        self.link: MemoryLink = link
        self.identity: bytes = link.new_identity()
        self.seconds: float = 0.0
        self._sink = sink
        self._backlog = Backlog(max_messages=max_messages, max_bytes=max_bytes)
        self._ways: dict[Channel, _Way] = {}
        self._held: dict[Channel, Queue] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def backlog(self) -> int:
        """Messages that wait."""
        return self._backlog.messages

    @property
    def backlog_bytes(self) -> int:
        """Their bytes."""
        return self._backlog.bytes

    @property
    def descriptors(self) -> set[int]:
        """None: there are no sockets."""
        return set()

    def socket(self, channel: Channel) -> ConSocket | None:
        """Give None: there are no sockets."""
        return None

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Receive in `loop` from now on."""
        with self.link.lock:
            self._loop = loop
            for way in self._ways.values():
                way.is_scheduled = False
                if way.arrived or way.news:
                    self.schedule(way)

    def detach(self) -> None:
        """Receive no more in the loop of before; what comes waits."""
        with self.link.lock:
            self._loop = None

    def open(self, channel: Channel) -> None:
        """Make a new way to the kernel; what was held is sent on it."""
        with self.link.lock:
            way = _Way(self, channel, self._held.pop(channel, deque()))
            self._ways[channel] = way
            self.link.add(way)

    def close(self, channel: Channel) -> None:
        """Close the channel. Harmless if it is closed."""
        with self.link.lock:
            way = self._ways.pop(channel, None)
            if way is not None:
                self.link.remove(way)
                self._backlog.purge(way.queue)
            self._backlog.purge(self._held.pop(channel, deque()))

    def suspend(self) -> None:
        """Break with the kernel; what is sent from now on is held."""
        with self.link.lock:
            for channel, way in self._ways.items():
                self.link.remove(way)
                self._backlog.purge(way.queue)
                self._held[channel] = deque()
            self._ways.clear()

    def send(
        self,
        channel: Channel,
        frames: Sequence[Frame],
        *,
        copy: bool = True,
    ) -> None:
        """Accept one message; see `Transport.send`."""
        with self.link.lock:
            way = self._ways.get(channel)
            if way is not None:
                if way.queue or not self.link.take(way, frames):
                    self._backlog.keep(way.queue, frames, copy)
            elif channel in self._held:
                self._backlog.keep(self._held[channel], frames, copy)
            else:
                raise not_running(channel)

    def flush(self, way: _Way) -> None:
        """Send what waits for a kernel."""
        self._backlog.flush(way.queue, lambda frames, _: self.link.take(way, frames))

    def is_open(self, channel: Channel) -> bool:
        """Tell whether the channel takes messages."""
        return channel in self._ways or channel in self._held

    def is_connected(self, channel: Channel) -> bool:
        """Tell whether the kernel is there; if not, the sink's `connected` will be told."""
        with self.link.lock:
            way = self._ways.get(channel)
            if way is None:
                return False
            way.awaits_peer = not self.link.is_listening
            return self.link.is_listening

    def is_disconnected(self) -> bool:
        """Tell whether the kernel was there, and is gone."""
        return all(way.is_lost for way in self._ways.values() if way.channel in MONITORED)

    def is_drained(self) -> bool:
        """Tell whether the kernel is gone, and all that it had sent is read."""
        with self.link.lock:
            return self.is_disconnected() and not any(way.arrived for way in self._ways.values())

    def pump(self, channel: Channel) -> None:
        """Receive now what has come, at most `BATCH` messages."""
        way = self._ways.get(channel)
        if way is not None:
            self._pump(way)

    def schedule(self, way: _Way) -> None:
        """Let what came for `way` be received soon, in the loop."""
        loop = self._loop
        if loop is None or loop.is_closed() or way.is_scheduled:
            return
        way.is_scheduled = True
        try:
            loop.call_soon_threadsafe(self._pump, way)
        except RuntimeError:  # it was closed just now: `attach` will look
            way.is_scheduled = False

    def _pump(self, way: _Way) -> None:
        began = time.monotonic()
        with self.link.lock:
            way.is_scheduled = False
            if self._ways.get(way.channel) is not way:
                return
            news = list(way.news)
            way.news.clear()
            batch = [way.arrived.popleft() for _ in range(min(BATCH, len(way.arrived)))]
            if way.arrived:
                self.schedule(way)
        for is_there in news:
            (self._sink.connected if is_there else self._sink.disconnected)(way.channel)
        if batch:
            self._sink.received(way.channel, batch)
        self.seconds += time.monotonic() - began
