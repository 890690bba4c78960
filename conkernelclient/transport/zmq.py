"""
How do frames get through ZeroMQ sockets, without a lost wake-up and without blocking the loop?

libzmq signals a socket's file descriptor once, when its mailbox turns from empty to not empty, and
every operation on the socket may take that signal: a reader that only waits for the descriptor can
sleep for ever while messages lie in the socket. So here the socket's events are looked at after
each operation, before the loop waits again, and what is there is read in bounded batches, with the
loop's other work in between.

Source: zmq_getsockopt(3), ZMQ_FD and ZMQ_EVENTS.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
import time
import weakref
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Final

import zmq

from ..errors import TransportError
from .backlog import Backlog
from .base import BATCH, not_running
from .endpoint import LINGER
from .frames import POLLIN
from .line import POLLOUT, Line, descriptor, events_of, try_send
from .shortage import naming_shortage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tornado.platform.asyncio import SelectorThread

    from ..protocol.messages import Channel, Frame
    from .backlog import Queue
    from .base import Sink
    from .sockets import ConSocket

__all__ = ["ZmqTransport"]

logger: Final = logging.getLogger(__name__)

# Of one whose kernel is about to go. With none at all libzmq 4.3.5 aborts the process if the kernel
# closes its end right then and half a message has left ("Resource temporarily unavailable",
# session_base.cpp:233). No new kernel gets what is left: libzmq looks for a lost peer 100 ms later.
BREAK_OFF: Final = 20


class ZmqTransport:
    """
    The sockets of one client.

    Args:
        sink: Gets what is received.
        connect: Makes the socket for a channel, connected.
        max_messages: How many messages wait, over all channels, for a kernel that does not read.
        max_bytes: How many bytes of them.

    Attributes:
        seconds: Spent in receiving, with what the sink did.
    """

    def __init__(
        self,
        sink: Sink,
        *,
        connect: Callable[[Channel], ConSocket],
        max_messages: int,
        max_bytes: int,
    ) -> None:
        self._sink = sink
        self._connect = connect
        self._backlog = Backlog(max_messages=max_messages, max_bytes=max_bytes)
        self._lines: dict[Channel, Line] = {}
        self._held: dict[Channel, Queue] = {}  # of channels without a socket, until they get one
        # Held around every operation on a socket. With it a socket may be used from several threads
        # (zmq(7), "Thread safety"), and two sends cannot interleave.
        self._lock = threading.RLock()
        self._loop: asyncio.AbstractEventLoop | None = None
        # What watches the descriptors: the loop itself, or where it cannot a thread of our own.
        self._selector: asyncio.AbstractEventLoop | SelectorThread | None = None
        self._own_selector: SelectorThread | None = None
        self.seconds: float = 0.0
        if os.name == "posix":
            _transports.add(self)

    def open(self, channel: Channel) -> None:
        """
        Make a new socket for `channel`; what was held for it is sent there.

        Raises:
            OSError: There are no descriptors left; the channel is as before.
        """
        with naming_shortage(f"the {channel} channel"):
            socket = self._connect(channel)
            try:
                self._take_over(channel, socket)
            except BaseException:
                socket.discard()
                raise

    def _take_over(self, channel: Channel, socket: ConSocket) -> None:
        with self._lock:
            line = Line(channel, socket, self._held.get(channel, deque()))
            if self._loop is not None:
                self._watch(line)
            self._held.pop(channel, None)
            self._lines[channel] = line
            socket.on_touched = lambda: self._schedule(line)

    def forget(self) -> None:
        """
        Let go of everything in a forked child, and touch nothing: parent and child share the epoll.

        The lock is a new one: a thread that held it is not here.
        """
        _of_parent.append(self._lines)  # kept: a socket that is collected is closed
        self._lines, self._held = {}, {}
        self._loop = self._selector = self._own_selector = None
        self._lock = threading.RLock()

    def close(self, channel: Channel) -> None:
        """
        Close the channel's socket; what it has accepted goes on being sent for 0.1 s.

        Harmless if it is closed.
        """
        with self._lock:
            line = self._lines.pop(channel, None)
            if line is not None:
                self._unwatch(line)
                self._backlog.purge(line.queue)
                line.socket.sender = None
                line.close(LINGER)
            self._backlog.purge(self._held.pop(channel, deque()))

    def suspend(self) -> None:
        """
        Close all sockets without sending what waits; what is sent from now on is held.

        A channel's `open` gives it a socket again.
        """
        with self._lock:
            for channel, line in list(self._lines.items()):
                self._unwatch(line)
                self._backlog.purge(line.queue)
                line.close(BREAK_OFF)
                del self._lines[channel]
                self._held[channel] = deque()

    def is_open(self, channel: Channel) -> bool:
        """Tell whether the channel takes messages."""
        return channel in self._lines or channel in self._held

    def is_disconnected(self) -> bool:
        """Tell whether the kernel has closed its ends."""
        return all(line.is_lost for line in self._lines.values() if line.monitor is not None)

    def is_drained(self) -> bool:
        """Tell whether the kernel has closed its ends, and all that it had sent is read."""
        with self._lock:
            full = [line for line in self._lines.values() if events_of(line) & POLLIN]
            for line in full:
                self._schedule(line)  # its signal may be gone with that look
            return not full and self.is_disconnected()

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
        """Its own descriptors; it gets others each time that it is attached to a loop."""
        return {line.fd for line in self._lines.values() if line.fd >= 0}

    def socket(self, channel: Channel) -> ConSocket | None:
        """Give the channel's socket; None: it is closed, or held."""
        line = self._lines.get(channel)
        return None if line is None else line.socket

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """
        Receive in `loop`, from its own thread, from now on.

        Raises:
            OSError: There are no descriptors left; nothing is received then.
        """
        with self._lock:
            self._loop = loop
            self._selector = loop
            try:
                for line in self._lines.values():
                    self._watch(line)
            except BaseException:
                self.detach()
                raise

    def detach(self) -> None:
        """Receive no more in the loop of before."""
        with self._lock:
            for line in self._lines.values():
                self._unwatch(line)
                # What that loop had still to do, it will not do.
                line.is_scheduled = line.is_look_due = False
            if self._own_selector is not None:
                self._own_selector.close()
                self._own_selector = None
            self._loop = self._selector = None

    def send(self, channel: Channel, frames: Sequence[Frame], *, copy: bool = True) -> None:
        """
        Accept one message: hand it to its socket, or keep it until the socket takes it.

        See `Transport.send`.
        """
        with self._lock:
            line = self._lines.get(channel)
            if line is not None:
                if line.queue or not try_send(line, frames, copy):
                    self._backlog.keep(line.queue, frames, copy)
                self._look_soon(line)
            elif channel in self._held:
                self._backlog.keep(self._held[channel], frames, copy)
            else:
                raise not_running(channel)

    def is_connected(self, channel: Channel) -> bool:
        """
        Tell whether the kernel's side of a channel is there; if not, `connected` will be told.

        Only for a socket with `immediate` set, which takes messages only while it is connected.
        """
        with self._lock:
            line = self._lines.get(channel)
            if line is None:
                return False
            is_connected = bool(events_of(line) & POLLOUT)
            line.awaits_peer = not is_connected
            self._look(line)
            return is_connected

    def pump(self, channel: Channel) -> None:
        """Receive now what has come on `channel`."""
        line = self._lines.get(channel)
        if line is not None:
            self._pump(line)

    def _look(self, line: Line) -> None:
        """
        See to it that what the socket holds is read, and what waits for it is sent.

        We may have taken its only signal.
        """
        if line.is_scheduled:
            return
        wants_out = line.queue or line.awaits_peer
        if events_of(line) & (POLLIN | POLLOUT if wants_out else POLLIN):
            self._schedule(line)

    def _look_soon(self, line: Line) -> None:
        """Look before the loop waits again: once for all that is sent until then."""
        if not (line.is_look_due or line.is_scheduled) and self._has_loop():
            self._call_soon(self._look_after_sends, line)
            line.is_look_due = True  # last: where that raised, the next send tries again

    def _look_after_sends(self, line: Line) -> None:
        try:
            with self._lock:
                line.is_look_due = False
                if self._lines.get(line.channel) is line:
                    self._look(line)
        except zmq.ZMQError as error:  # a program closed the socket meanwhile
            self._lose(line, error)

    def _schedule(self, line: Line) -> None:
        if not line.is_scheduled and self._has_loop():
            line.is_scheduled = True
            self._call_soon(self._pump, line)

    def _has_loop(self) -> bool:
        return self._loop is not None and not self._loop.is_closed()  # if not, `attach` will look

    def _call_soon(self, function: Callable[[Line], None], line: Line) -> None:
        assert self._loop is not None
        if asyncio._get_running_loop() is self._loop:
            self._loop.call_soon(function, line)
            return
        try:
            self._loop.call_soon_threadsafe(function, line)
        except RuntimeError:  # it is being closed: `attach` will look
            if not self._loop.is_closed():
                raise

    def _pump(self, line: Line) -> None:
        """Send what waits on `line`, and hand what came there to the sink, one batch at most."""
        began = time.monotonic()
        line.is_scheduled = True  # until the socket is empty nobody else need look
        try:
            if self._prepare(line):
                self._sink.connected(line.channel)
            is_empty = self._receive(line)
        except BaseException:
            self._end_pump(line)
            raise
        if not is_empty:
            self._end_pump(line)
        self.seconds += time.monotonic() - began

    def _prepare(self, line: Line) -> bool:
        """Send what waits; tells whether the peer has come for which the line waits."""
        if not (line.queue or line.awaits_peer):
            return False
        with self._lock:
            if self._lines.get(line.channel) is not line:
                return False
            self._backlog.flush(line.queue, partial(try_send, line))
            if not (line.awaits_peer and events_of(line) & POLLOUT):
                return False
            line.awaits_peer = False
            return True

    def _receive(self, line: Line) -> bool:
        """Receive at most one batch; tells whether the socket is empty now."""
        batch: list[list[Frame]] = []
        try:
            with self._lock:
                if self._lines.get(line.channel) is not line:
                    return True
                is_empty = line.reader.read(batch, BATCH)
                if is_empty:
                    # It has read every signal for input: the next message sends one.
                    line.is_scheduled = False
                    if line.queue or line.awaits_peer:
                        self._look(line)
        except zmq.ZMQError as error:
            self._lose(line, error)
            is_empty = True
        if batch:
            self._sink.received(line.channel, batch)
        return is_empty

    def _end_pump(self, line: Line) -> None:
        """Let the loop's other work have its turn, and go on."""
        with self._lock:
            line.is_scheduled = False
            if self._lines.get(line.channel) is line:
                self._schedule(line)

    def _read_monitor(self, line: Line) -> None:
        """Read what the monitor tells: that the kernel has answered, or closed its end."""
        with self._lock:
            events: list[int] = []
            while self._lines.get(line.channel) is line and line.monitor is not None:
                try:
                    event, _ = line.monitor.recv_multipart(zmq.NOBLOCK)
                except zmq.Again:
                    break
                events.append(int.from_bytes(event[:2], sys.byteorder))
            if not events:
                return
            line.is_lost = events[-1] == zmq.EVENT_DISCONNECTED
            self._schedule(line)
        for event in events:
            if event == zmq.EVENT_DISCONNECTED:
                self._sink.disconnected(line.channel)
            else:
                self._sink.connected(line.channel)

    def _lose(self, line: Line, error: zmq.ZMQError) -> None:
        self.close(line.channel)
        lost = TransportError(f"the {line.channel} socket is lost: {error}")
        lost.__cause__ = error
        self._sink.lost(line.channel, lost)

    def _watch(self, line: Line) -> None:
        loop = self._loop
        if line.fd >= 0 or loop is None:
            return
        try:
            line.fd = descriptor(line.shadow)
            self._add_reader(loop, line.fd, self._pump, line)
            if line.monitor is not None:
                line.monitor_fd = line.monitor.FD
                self._add_reader(loop, line.monitor_fd, self._read_monitor, line)
        except BaseException:
            self._unwatch(line)
            raise
        if line.monitor is not None:
            loop.call_soon_threadsafe(self._read_monitor, line)
        self._schedule(line)

    def _add_reader(
        self,
        loop: asyncio.AbstractEventLoop,
        fd: int,
        function: Callable[[Line], None],
        line: Line,
    ) -> None:
        try:
            (self._selector or loop).add_reader(fd, function, line)
        except NotImplementedError:  # such as Windows' proactor loop: a thread selects for it
            from tornado.platform.asyncio import SelectorThread

            self._selector = None
            self._selector = self._own_selector = SelectorThread(loop)
            self._own_selector.add_reader(fd, function, line)

    def _unwatch(self, line: Line) -> None:
        loop, selector = self._loop, self._selector
        for fd in (line.fd, line.monitor_fd):
            if fd >= 0 and selector is not None and loop is not None and not loop.is_closed():
                selector.remove_reader(fd)
        if line.fd >= 0 and os.name == "posix":
            os.close(line.fd)
        line.fd = line.monitor_fd = -1


def _forget_all() -> None:
    for transport in list(_transports):
        transport.forget()


_transports: Final[weakref.WeakSet[ZmqTransport]] = weakref.WeakSet()
_of_parent: Final[list[object]] = []  # filled in a forked child only

if os.name == "posix":
    os.register_at_fork(after_in_child=_forget_all)
