"""
What does a program see of a channel?

The channel objects of jupyter_client, `kc.shell_channel` and its like: they hold what came for
nobody in particular, and send by hand.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from queue import Empty
from typing import TYPE_CHECKING, Any, Final

from jupyter_client.channels import AsyncZMQSocketChannel

from ..errors import ChannelsClosedError, ConKernelError, DeadKernelError
from ..state.caught import LOOK_WITHIN, somebody_looks

if TYPE_CHECKING:
    from jupyter_client.session import Session

    from ..connection.connection import Connection
    from ..protocol.messages import Channel, Message
    from ..transport.sockets import ConSocket

__all__ = ["ConChannel"]

logger: Final = logging.getLogger(__name__)


class ConChannel(AsyncZMQSocketChannel):
    """
    One channel of a client, with the interface of jupyter_client's.

    The client's reader receives; here is what it claimed for no request.

    Args:
        socket: The channel's, as jupyter_client's channels get it; maybe none.
        session: Makes its messages.
        loop: Is not used.
    """

    connection: Connection | None = None  # set by the client, right after it made the channel
    name: Channel

    def __init__(self, socket: ConSocket | None, session: Session, loop: Any = None) -> None:
        # Not jupyter_client's, which wants a socket.
        self.session = session
        self._socket = socket

    def attach(self, name: Channel, connection: Connection) -> None:
        """Be the channel `name` of `connection` from now on."""
        self.name = name
        self.connection = connection

    @property
    def socket(  # pyright: ignore[reportIncompatibleVariableOverride] - it is not to be set
        self,
    ) -> ConSocket | None:
        """
        The channel's `zmq.asyncio.Socket`: another one after a restart of the kernel.

        None once it is closed, while the kernel is restarted, and where no sockets are used. Who
        receives on it himself competes with the client's reader.
        """
        connection = self.connection
        return self._socket if connection is None else connection.socket(self.name)

    def is_alive(self) -> bool:
        """Tell whether the channel is open."""
        return self.connection is not None and self.connection.is_open(self.name)

    def start(self) -> None:
        """Start the channel; it runs from the time it is made."""

    def close(self) -> None:
        """Close the channel; its readers get `ChannelsClosedError`."""
        if self.connection is not None:
            self.connection.close(self.name)
        self._socket = None

    stop = close

    # A Message is a dict with known keys, which type checkers do not take for a `dict[str, Any]`.

    async def get_msg(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, timeout: float | None = None
    ) -> Message:
        """
        Give the oldest message that has no owner.

        Args:
            timeout: Seconds; None waits for ever, 0 looks once.

        Raises:
            queue.Empty: None came in time.
            ChannelsClosedError: The channel is, or gets, closed.
            DeadKernelError: The kernel is gone, or it ends meanwhile, and there was no timeout.
                Where nbclient is loaded it comes 1.5 s later: that looks at the process by itself
                once in a second, and is to find out first.
            KernelRestartedError: The kernel is restarted meanwhile, and there was no timeout: what
                its predecessor had been asked will not be answered. Call it again to go on.

        Cancelling loses no message.
        """
        connection = self._running()
        inbox = connection.inboxes[self.name]
        if not len(inbox):
            connection.pump(self.name)
        if len(inbox):
            return inbox.get().message
        if timeout is not None:
            if timeout <= 0:
                raise Empty
            return (await inbox.wait(timeout)).message
        try:
            connection.presence.check()
            return (await inbox.wait(None)).message
        except ConKernelError as error:
            await _tell_last(error)
            raise

    async def get_msgs(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
    ) -> list[Message]:
        """Give all messages that are there and have no owner; [] if there are none."""
        connection = self._running()
        connection.pump(self.name)
        return [message.message for message in connection.inboxes[self.name].take_all()]

    async def msg_ready(self) -> bool:
        """Tell whether `get_msg` would give a message at once."""
        connection = self._running()
        connection.pump(self.name)
        return len(connection.inboxes[self.name]) > 0

    def send(self, msg: dict[str, Any]) -> None:
        """
        Send a message made by `session.msg()`. Its reply, if any, comes out of `get_msg`.

        Raises:
            ChannelsClosedError: The channel is closed.
        """
        connection, socket = self._running(), self.socket
        if socket is None:
            connection.post(self.name, msg, None, msg.get("buffers", []))
        else:
            self.session.send(socket, msg)

    def _running(self) -> Connection:
        if self.connection is None or not self.is_alive():
            raise ChannelsClosedError("the channels are not running: call start_channels() first")
        self.connection.bind_here()
        return self.connection


async def _tell_last(error: ConKernelError) -> None:
    """
    Let the program look at the kernel's process before its reader gets `error`.

    A task that reads and that nobody awaits ends without asyncio's complaint about that: with
    jupyter_client's channels it was cancelled, or never ended.
    """
    task = asyncio.current_task()
    if task is not None:
        task.add_done_callback(partial(_take_note, error))
    if isinstance(error, DeadKernelError) and somebody_looks():
        await asyncio.sleep(LOOK_WITHIN)


def _take_note(error: ConKernelError, task: asyncio.Task[Any]) -> None:
    """Mark the exception of `task` as seen if it is `error`, and leave any other to asyncio."""
    if not task.cancelled() and getattr(task, "_exception", None) is error:
        task.exception()
