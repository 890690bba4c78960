"""
What is one socket of a transport, and what waits for it?

A line has a view of its socket that is quicker than pyzmq's own, a descriptor of its own to wait
for, and the monitor that tells when the peer comes or goes.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final, cast

import zmq

from .base import MONITORED
from .frames import EVENTS, NOBLOCK, FrameReader

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..protocol.messages import Channel, Frame
    from .backlog import Queue
    from .sockets import ConSocket

__all__ = ["POLLOUT", "Line", "descriptor", "events_of", "try_send"]

POLLOUT: Final = int(zmq.POLLOUT)
NOBLOCK_MORE: Final = int(zmq.NOBLOCK | zmq.SNDMORE)


class Line:
    """One socket of a transport."""

    __slots__ = (
        "awaits_peer",
        "channel",
        "fd",
        "is_look_due",
        "is_lost",
        "is_scheduled",
        "monitor",
        "monitor_fd",
        "queue",
        "reader",
        "send",
        "shadow",
        "socket",
    )

    def __init__(self, channel: Channel, socket: ConSocket, queue: Queue) -> None:
        self.channel: Channel = channel
        self.socket: ConSocket = socket
        self.shadow: zmq.Socket[bytes] = zmq.Socket.shadow(socket.underlying)
        # Without what pyzmq puts around it, for sockets of other kinds, which doubles its price.
        self.send: Callable[..., Any] = super(zmq.Socket, self.shadow).send
        self.reader: FrameReader = FrameReader(self.shadow)
        self.queue: Queue = queue  # what the socket would not take
        self.is_scheduled: bool = False  # `_pump` will be called
        self.is_look_due: bool = False  # `_look_after_sends` will be called
        self.awaits_peer: bool = False  # `connected` is to be told when it is connected
        self.is_lost: bool = False  # the peer has closed its end
        self.monitor: zmq.Socket[bytes] | None = None
        if channel in MONITORED:
            socket.monitor_peer()
            self.monitor = socket.peer_events
        # Set while attached. A loop holds one callback for each descriptor, and pyzmq uses the
        # socket's: this one is our own. Nobody else uses the monitor's.
        self.fd: int = -1
        self.monitor_fd: int = -1

    def close(self, linger: int) -> None:
        """Close the socket, which sends what it has for `linger` milliseconds, and its monitor."""
        self.socket.on_touched = None
        if self.monitor is not None and not self.socket.closed:
            self.shadow.disable_monitor()
        self.socket.close(linger=linger)


def descriptor(socket: zmq.Socket[bytes]) -> int:
    """Give a descriptor of `socket` that nobody else watches."""
    return os.dup(socket.FD) if os.name == "posix" else socket.FD


def events_of(line: Line) -> int:
    """Give what the socket is ready for, a mask of POLLIN and POLLOUT."""
    return int(cast("int", line.shadow.get(EVENTS)))  # other options may be bytes


def try_send(line: Line, frames: Sequence[Frame], copy: bool) -> bool:
    """Send the frames of one message if the socket takes them: the first decides for all."""
    send = line.send
    try:
        for frame in frames[:-1]:
            send(frame, NOBLOCK_MORE, copy)
        send(frames[-1], NOBLOCK, copy)
    except zmq.Again:
        return False
    return True
