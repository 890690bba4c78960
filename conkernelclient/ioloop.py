"""
Which manager does `AsyncMultiKernelManager` want?

One with the interface of its AsyncIOLoop variant; it is loaded by its dotted name.
"""

from __future__ import annotations

from typing import Any, Final, cast

import zmq
from jupyter_client.ioloop.manager import AsyncIOLoopKernelManager
from traitlets import Bool

from .manager.manager import ConKernelManager

__all__ = ["ConIOLoopKernelManager"]

# Milliseconds between two looks whether the kernel listens; to each libzmq adds up to as much.
LOOK_AGAIN: Final = 10
# Milliseconds that a stream of a kernel which is up gets to be connected, which takes one; and
# those by which its subscription, sent right after that, is ahead of what the server does next.
CONNECTED_WITHIN: Final = 100
SUBSCRIBED_WITHIN: Final = 2


# jupyter_client's annotation of that default names the trait's class for that of its values.
class ConIOLoopKernelManager(  # pyright: ignore[reportIncompatibleMethodOverride]
    ConKernelManager, AsyncIOLoopKernelManager
):
    """
    A `ConKernelManager` that restarts a kernel that died, as jupyter_client's variant does.

    It does so at once, and not when tornado's timer asks: `restarter_class` is not used.
    """

    autorestart: Bool[bool, bool | int] = Bool(
        True, config=True, help="Whether a kernel that dies is started again."
    )

    def _create_connected_socket(
        self, channel: str, identity: bytes | None = None
    ) -> zmq.Socket[Any]:
        """
        Create a socket of a server's own, connected to the kernel.

        One for iopub is subscribed soon after the kernel listens, and so before a client is ready:
        a client that came first and left would let the kernel greet all that subscribe later
        (JEP 65), by a message without a parent, amid their requests. jupyter_client's clients are
        ready 0.2 s later than ours, so that its default of 100 ms and up to 200 was enough.
        """
        # The option counts from the first connection on: a socket that is connected anew for it
        # may lose what is published for the first request of a server that waits for nothing.
        options: dict[int, Any] = cast("Any", self.context).sockopts
        before = dict(options)
        if channel == "iopub":
            options[zmq.RECONNECT_IVL] = LOOK_AGAIN
        try:
            return cast("zmq.Socket[Any]", super()._create_connected_socket(channel, identity))
        finally:
            options.clear()
            options.update(before)

    def connect_iopub(self, identity: bytes | None = None) -> Any:
        """
        Give a `ZMQStream` of all that the kernel publishes.

        The stream of a kernel that is up is subscribed when this returns: a server may send its
        first request at once, over another socket, and would lose what comes of it. That blocks the
        loop for about three milliseconds, and for 0.1 s at most.
        """
        stream = cast("Any", super().connect_iopub(identity))
        if self._succession.is_answered:
            _wait_for_subscription(stream.socket)
        return stream


def _wait_for_subscription(socket: zmq.Socket[bytes]) -> None:
    """Wait until a socket is subscribed: it is connected, or has received something."""
    monitor = socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
    try:
        poller = zmq.Poller()
        poller.register(socket, zmq.POLLIN)
        poller.register(monitor, zmq.POLLIN)
        if dict(poller.poll(CONNECTED_WITHIN)).get(socket) is None:
            # Not all are welcomed (JEP 65): only the first of several.
            socket.poll(SUBSCRIBED_WITHIN)
    finally:
        socket.disable_monitor()
        monitor.close(linger=0)
