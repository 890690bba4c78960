"""
What is a client's socket to a program that uses it itself, beside the client?

It stays a `zmq.asyncio.Socket`. The client notices what a program does with it, since that may take
the signal that the client waits for; what the session sends on it goes the client's way.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

import zmq
import zmq.asyncio

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from ..protocol.messages import Channel

    class _AsyncSocket(zmq.asyncio.Socket):  # its stub leaves these out, as they are pyzmq's own
        # pyzmq's annotation names what a poller gives, not what a socket does.
        def poll(  # pyright: ignore[reportIncompatibleMethodOverride]
            self, timeout: float | None = None, flags: int = 1
        ) -> asyncio.Future[int]: ...
        def _handle_events(self, fd: int = 0, events: int = 0) -> None: ...
        def _add_recv_event(self, *args: Any, **kwargs: Any) -> asyncio.Future[Any]: ...
        def _add_send_event(self, *args: Any, **kwargs: Any) -> asyncio.Future[Any]: ...
else:
    _AsyncSocket = zmq.asyncio.Socket

__all__ = ["ConSocket", "Sender"]

_monitors: Final = itertools.count()


class Sender(Protocol):
    """What takes the messages that a session sends on one of a client's sockets."""

    def post(
        self, channel: Channel, message: dict[str, Any], ident: Any, buffers: list[Any]
    ) -> None:
        """Take the place of `Session.send`."""
        ...

    def post_raw(self, channel: Channel, parts: list[Any], ident: Any) -> None:
        """Take the place of `Session.send_raw`."""
        ...


class ConSocket(_AsyncSocket):
    """
    A `zmq.asyncio.Socket` that the client reads.

    A program that receives on it competes with the client: each message goes to one of the two.
    Sending on it is safe; to have messages signed, and in one order with the client's own, use
    `Session.send` of the client's session.

    Attributes:
        sender: Takes what the client's session sends on this socket; set while a client owns it.
        channel: The channel that it is; set with the sender.
        on_touched: Called whenever someone else may have taken the socket's wake-up.
        peer_events: From here a message comes when the peer comes or goes; see `monitor_peer`.
    """

    sender: Sender | None = None
    channel: Channel
    on_touched: Callable[[], None] | None = None
    peer_events: zmq.Socket[bytes] | None = None

    def monitor_peer(self) -> None:
        """
        Have a message come when the peer comes or goes.

        To be called before `connect`: a peer on this machine may have come a moment after it.
        """
        if self.peer_events is None:
            self.peer_events = _monitor(self)

    def close(self, linger: int | None = None) -> None:
        """
        Close it, and what tells of its peer, unless a client still listens there.

        Harmless if it is closed.
        """
        super().close(linger)
        if self.peer_events is not None and self.on_touched is None:
            self.peer_events.close(linger=0)

    def __del__(self) -> None:
        try:
            super().__del__()  # it warns, which may raise
        finally:
            self.close()

    def discard(self) -> None:
        """Close it, though a client has it, without sending what waits."""
        self.on_touched = None
        self.close(linger=0)

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

    getsockopt = get

    def poll(self, timeout: float | None = None, flags: int = zmq.POLLIN) -> asyncio.Future[int]:
        """Wait, at most `timeout` milliseconds, until it is ready; gives for what."""
        future = super().poll(timeout, flags)
        self._touched()
        future.add_done_callback(lambda _: self._touched())  # it looked at the socket again
        return future

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


class _Monitor(zmq.Socket[bytes]):
    """What tells of another socket's peer. That socket closes it, so it gives no warning."""

    def __del__(self) -> None:
        self.close(linger=0)


def _monitor(socket: ConSocket) -> zmq.Socket[bytes]:
    """Give a socket from which a message comes when the peer of `socket` comes or goes."""
    context = cast("Any", socket.context)  # its stub does not say which socket comes out
    address = f"inproc://conkernel-monitor-{next(_monitors)}"
    monitor: zmq.Socket[bytes] = context.socket(zmq.PAIR, socket_class=_Monitor)
    events = zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED
    try:
        zmq.Socket.shadow(socket.underlying).monitor(address, events)
        monitor.connect(address)
    except BaseException:
        monitor.close(linger=0)
        raise
    return monitor
