"""
How do frames get through ZeroMQ sockets, without a lost wake-up and without blocking the loop?

libzmq signals a socket's file descriptor once, when its mailbox turns from empty to not empty, and
every operation on the socket may take that signal: a reader that only waits for the descriptor can
sleep for ever while messages lie in the socket. So here each operation is followed by a look at
the socket's events, and what is there is read in bounded batches, with the loop's other work in
between.

Source: zmq_getsockopt(3), ZMQ_FD and ZMQ_EVENTS.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

import zmq
import zmq.asyncio

from ..errors import BacklogFullError, ChannelsClosedError, TransportError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tornado.platform.asyncio import SelectorThread

    from ..protocol.messages import Channel
    from ..protocol.wire import Frame
    from .base import Sink

    class _AsyncSocket(zmq.asyncio.Socket):  # its stub leaves these out, as they are pyzmq's own
        def _handle_events(self, fd: int = 0, events: int = 0) -> None: ...
        def _add_recv_event(self, *args: Any, **kwargs: Any) -> asyncio.Future[Any]: ...
        def _add_send_event(self, *args: Any, **kwargs: Any) -> asyncio.Future[Any]: ...
else:
    _AsyncSocket = zmq.asyncio.Socket

__all__ = ["ConSocket", "Door", "ZmqTransport"]

logger: Final = logging.getLogger(__name__)

BATCH: Final = 256  # messages received in one go, before the loop's other work gets its turn
LINGER: Final = 100  # milliseconds that a closed socket goes on sending


class Door(Protocol):
    """Who gets what a client's session is asked to send on one of the client's sockets."""

    def post(
        self, socket: ConSocket, message: dict[str, Any], ident: Any, buffers: list[Any]
    ) -> None:
        """Take the place of `Session.send`."""
        ...

    def post_raw(self, socket: ConSocket, parts: list[Any], ident: Any) -> None:
        """Take the place of `Session.send_raw`."""
        ...


class ConSocket(_AsyncSocket):
    """
    A `zmq.asyncio.Socket` that the client reads.

    Who receives on it himself competes with the client: each message goes to one of the two.
    Sending on it is safe; to have messages signed, and in one order with the client's own, use
    `Session.send` of the client's session.

    Attributes:
        door: Takes what the client's session sends on this socket; set while a client owns it.
        door_name: The channel that it is; set with the door.
        on_touched: Called whenever someone else may have taken the socket's wake-up.
    """

    door: Door | None = None
    door_name: Channel
    on_touched: Callable[[], None] | None = None

    @property
    def underlying(self) -> int:
        """
        The libzmq socket's address.

        Whoever asks for it is about to use the socket behind our back.
        """
        self._touched()
        return super().underlying

    def get(self, option: int) -> Any:
        """Get a socket option."""
        self._touched()
        return super().get(option)

    def _handle_events(self, fd: int = 0, events: int = 0) -> None:
        super()._handle_events(fd, events)
        self._touched()

    def _add_recv_event(self, *args: Any, **kwargs: Any) -> Any:
        future = super()._add_recv_event(*args, **kwargs)
        self._touched()
        return future

    def _add_send_event(self, *args: Any, **kwargs: Any) -> Any:
        future = super()._add_send_event(*args, **kwargs)
        self._touched()
        return future

    def _touched(self) -> None:
        if self.on_touched is not None:
            self.on_touched()


class _Line:
    """One socket of a transport."""

    __slots__ = ("awaits_peer", "channel", "fd", "is_scheduled", "queue", "shadow", "socket")

    def __init__(self, channel: Channel, socket: ConSocket) -> None:
        self.channel: Channel = channel
        self.socket = socket
        self.shadow: zmq.Socket[bytes] = zmq.Socket.shadow(socket.underlying)
        self.queue: deque[tuple[list[Frame], bool, int]] = deque()  # what the socket would not take
        self.is_scheduled = False
        self.awaits_peer = False  # somebody wants to know when it is connected
        # Our own descriptor, set while attached: the loop holds one callback for each, and pyzmq
        # uses the socket's.
        self.fd = -1


class ZmqTransport:
    """
    The sockets of one client.

    Args:
        sink: Gets what is received.
        max_messages: How many messages wait, over all channels, for a kernel that does not read.
        max_bytes: How many bytes of them.

    Attributes:
        backlog: Messages that wait.
        backlog_bytes: Their bytes.
    """

    def __init__(self, sink: Sink, *, max_messages: int, max_bytes: int) -> None:
        self._sink = sink
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._lines: dict[Channel, _Line] = {}
        # Held around every operation on a socket. With it a socket may be used from several threads
        # (zmq(7), "Thread safety"), and two sends cannot interleave.
        self.lock: threading.RLock = threading.RLock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0
        # What watches the descriptors: the loop itself, or where it cannot a thread of our own.
        self._selector: asyncio.AbstractEventLoop | SelectorThread | None = None
        self._own_selector: SelectorThread | None = None
        self.backlog: int = 0
        self.backlog_bytes: int = 0

    def open(self, channel: Channel, socket: ConSocket, door: Door) -> None:
        """Take over a connected socket."""
        with self.lock:
            line = self._lines[channel] = _Line(channel, socket)
            socket.door = door
            socket.door_name = channel
            socket.on_touched = lambda: self._schedule(line)
            if self._loop is not None:
                self._watch(line)

    def close(self, channel: Channel) -> None:
        """
        Close the channel's socket; what it has accepted goes on being sent for 0.1 s.

        Harmless if it is closed.
        """
        with self.lock:
            line = self._lines.pop(channel, None)
            if line is None:
                return
            line.socket.on_touched = None
            line.socket.door = None
            self._unwatch(line)
            for _, _, size in line.queue:
                self.backlog -= 1
                self.backlog_bytes -= size
            line.queue.clear()
            if not line.socket.closed:
                line.socket.close(linger=LINGER)

    def is_open(self, channel: Channel) -> bool:
        """Tell whether the channel has a socket."""
        return channel in self._lines

    def socket(self, channel: Channel) -> ConSocket | None:
        """Give the channel's socket."""
        line = self._lines.get(channel)
        return None if line is None else line.socket

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Receive in `loop`, from its own thread, from now on."""
        with self.lock:
            self._loop = loop
            self._thread = threading.get_ident()
            self._selector = loop
            for line in self._lines.values():
                self._watch(line)

    def detach(self) -> None:
        """Receive no more in the loop of before."""
        with self.lock:
            for line in self._lines.values():
                self._unwatch(line)
                line.is_scheduled = False  # what that loop had still to do, it will not do
            if self._own_selector is not None:
                self._own_selector.close()
                self._own_selector = None
            self._loop = self._selector = None

    def send(self, channel: Channel, frames: Sequence[Frame], *, copy: bool = True) -> None:
        """
        Accept one message: hand it to its socket, or keep it until the socket takes it.

        See `Transport.send`.
        """
        with self.lock:
            line = self._lines.get(channel)
            if line is None:
                raise ChannelsClosedError(
                    f"the {channel} channel is not running: call start_channels() first"
                )
            if line.queue or not _try_send(line, frames, copy):
                self._keep(line, frames, copy)
            self._look(line)

    def is_connected(self, channel: Channel) -> bool:
        """
        Tell whether the kernel's side of a channel is there; if not, `connected` will be told.

        Only for a socket with `immediate` set, which takes messages only while it is connected.
        """
        with self.lock:
            line = self._lines.get(channel)
            if line is None:
                return False
            is_connected = bool(_events(line) & zmq.POLLOUT)
            line.awaits_peer = not is_connected
            return is_connected

    def pump(self, channel: Channel) -> None:
        """Receive now what has come on `channel`."""
        line = self._lines.get(channel)
        if line is not None:
            self._pump(line)

    def _keep(self, line: _Line, frames: Sequence[Frame], copy: bool) -> None:
        size = sum(memoryview(frame).nbytes for frame in frames)
        if self.backlog >= self._max_messages or self.backlog_bytes + size > self._max_bytes:
            raise BacklogFullError(
                f"{self.backlog} messages ({self.backlog_bytes} bytes) wait for the kernel, which "
                "does not read; it is stopped, busy in C code, or gone. Nothing was sent. Check "
                "`await km.is_alive()`, or restart it"
            )
        # The caller may go on writing to its buffers: what waits is a copy.
        kept: list[Frame] = [
            frame if isinstance(frame, bytes) else bytes(frame) for frame in frames
        ]
        line.queue.append((kept, copy, size))
        self.backlog += 1
        self.backlog_bytes += size

    def _flush(self, line: _Line) -> None:
        while line.queue:
            frames, copy, size = line.queue[0]
            if not _try_send(line, frames, copy):
                return
            line.queue.popleft()
            self.backlog -= 1
            self.backlog_bytes -= size

    def _look(self, line: _Line) -> None:
        """
        See to it that what the socket holds is read, and what waits for it is sent.

        We may have taken its only signal.
        """
        wants_out = line.queue or line.awaits_peer
        if _events(line) & (zmq.POLLIN | zmq.POLLOUT if wants_out else zmq.POLLIN):
            self._schedule(line)

    def _schedule(self, line: _Line) -> None:
        loop = self._loop
        if line.is_scheduled or loop is None or loop.is_closed():
            return  # without a loop, `attach` will look
        line.is_scheduled = True
        if threading.get_ident() == self._thread:
            loop.call_soon(self._pump, line)
        else:
            loop.call_soon_threadsafe(self._pump, line)

    def _pump(self, line: _Line) -> None:
        line.is_scheduled = False
        batch: list[list[bytes]] = []
        is_connected = False
        lost: zmq.ZMQError | None = None
        try:
            with self.lock:
                if self._lines.get(line.channel) is not line:
                    return
                self._flush(line)
                is_empty = _receive(line.shadow, batch)
                if line.awaits_peer and _events(line) & zmq.POLLOUT:
                    line.awaits_peer = False
                    is_connected = True
                if is_empty:
                    self._look(line)
                else:
                    self._schedule(line)
        except zmq.ZMQError as error:
            lost = error
        if is_connected:
            self._sink.connected(line.channel)
        for frames in batch:
            self._sink.received(line.channel, frames)
        if lost is not None:
            self._lose(line, lost)

    def _lose(self, line: _Line, error: zmq.ZMQError) -> None:
        self.close(line.channel)
        lost = TransportError(f"the {line.channel} socket is lost: {error}")
        lost.__cause__ = error
        self._sink.lost(line.channel, lost)

    def _watch(self, line: _Line) -> None:
        loop, selector = self._loop, self._selector
        if line.fd >= 0 or loop is None or selector is None:
            return
        line.fd = os.dup(line.shadow.FD) if os.name == "posix" else line.shadow.FD
        try:
            selector.add_reader(line.fd, self._pump, line)
        except NotImplementedError:  # such as Windows' proactor loop: a thread selects for it
            from tornado.platform.asyncio import SelectorThread

            self._selector = self._own_selector = SelectorThread(loop)
            self._selector.add_reader(line.fd, self._pump, line)
        self._schedule(line)

    def _unwatch(self, line: _Line) -> None:
        if line.fd < 0:
            return
        fd, line.fd = line.fd, -1
        loop, selector = self._loop, self._selector
        if selector is not None and loop is not None and not loop.is_closed():
            selector.remove_reader(fd)
        if os.name == "posix":
            os.close(fd)


def _events(line: _Line) -> int:
    return cast("int", line.shadow.get(zmq.EVENTS))  # other options may be bytes


def _try_send(line: _Line, frames: Sequence[Frame], copy: bool) -> bool:
    try:
        line.shadow.send_multipart(frames, zmq.NOBLOCK, copy=copy)
    except zmq.Again:
        return False
    return True


def _receive(socket: zmq.Socket[bytes], batch: list[list[bytes]]) -> bool:
    """Receive at most one batch; tells whether the socket is empty now."""
    for _ in range(BATCH):
        try:
            batch.append(socket.recv_multipart(zmq.NOBLOCK))
        except zmq.Again:
            return True
    return False
