"""
Has the kernel handled a comm that we opened, and what did it say to it?

There is no reply to a `comm_open`: the kernel's idle for it says that it was handled, and a
`comm_close` before that says that it was refused. What is published for it goes to the channel
object as well, as of any message that is sent by hand.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, Protocol

from ..state.router import Phase, Request, Takes
from ..state.window import Call

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..connection.connection import Connection
    from ..connection.subscribers import Subscription
    from ..protocol.incoming import Incoming
    from ..protocol.messages import Channel, Message

__all__ = ["Opened", "Opening"]

TOLD: Final = ("comm_close", "status", "stream")
STDERR_KEPT: Final = 4_096  # characters


class Opened(Protocol):
    """
    A comm that is being opened.

    Attributes:
        comm_id: Its id.
    """

    comm_id: str

    def look_again(self) -> None:
        """Learn that there is news of the opening."""
        ...

    def handled(self) -> None:
        """Learn that the kernel has handled it, and has not closed it."""
        ...

    def lost(self, error: BaseException) -> None:
        """Learn that it cannot be handled."""
        ...


class Opening:
    """
    One `comm_open` on its way.

    Args:
        connection: Sends it.
        comm: Learns what becomes of it.
        message: The `comm_open`.
        buffers: Are sent with it.

    Attributes:
        request: As the router knows it.
        stderr: What the kernel wrote there for it, the last 4,096 characters.
        is_answered: The kernel has handled it, or never will.
        is_refused: The kernel has closed the comm meanwhile.
    """

    subshell_id: str | None = None  # the main shell has it

    def __init__(
        self, connection: Connection, comm: Opened, message: dict[str, Any], buffers: Sequence[Any]
    ) -> None:
        self.request: Request = Request(message["msg_id"], Takes.REPLY, self)
        self.stderr: str = ""
        self.is_answered: bool = False
        self.is_refused: bool = False
        self._connection = connection
        self._comm = comm
        self._message = message
        self._buffers = buffers
        self._subscription: Subscription | None = None
        self._is_given_up = False

    @property
    def is_sent(self) -> bool:
        """Whether it was sent; before that it waits for a kernel that is not there yet."""
        return self.request.phase is not Phase.WAITING

    @property
    def seconds(self) -> float:
        """Seconds since it was sent."""
        return time.monotonic() - self.request.sent_at

    def start(self) -> None:
        """
        Send it, or let it wait for a kernel that is not there yet.

        Raises:
            ConKernelError: It cannot be sent.
        """
        connection, msg_id = self._connection, self.request.msg_id
        connection.presence.check()
        connection.register(self.request, self._message, self._buffers)
        self._subscription = connection.subscribers.add(self._published, "iopub", TOLD, msg_id)
        entry = Call(self._send, self.fail, msg_id=msg_id, takes_turn=False)
        try:
            connection.submit(entry)
        except BaseException:
            self._finish()
            raise

    def give_up(self) -> None:
        """Follow it no further; the kernel is told of what is closed. From any thread."""
        self._is_given_up = True
        if self.is_sent and not self.is_answered:
            self._connection.hand_over(self._finish)

    # What the connection tells

    def receive(self, channel: Channel, message: Incoming) -> None:
        """Take a reply; the protocol has none."""

    def end(self) -> None:
        """Learn that the kernel has finished with it, although its idle did not come."""
        self._handled()

    def fail(self, error: BaseException) -> None:
        """Learn that it cannot be handled."""
        self._finish()
        self._comm.lost(error)

    # Inside

    def _send(self) -> None:
        self._connection.send_request(self.request, self._message, self._buffers)
        self._buffers = ()
        if self._is_given_up:
            self._finish()
        self._comm.look_again()

    def _published(self, message: Message) -> None:
        content = message["content"]
        match message["msg_type"]:
            case "stream":
                if content.get("name") == "stderr":
                    self.stderr = f"{self.stderr}{content.get('text')}"[-STDERR_KEPT:]
            case "comm_close":
                self.is_refused |= content.get("comm_id") == self._comm.comm_id
            case _:
                if content.get("execution_state") == "idle":
                    self._handled()

    def _handled(self) -> None:
        if self.is_answered:
            return
        self._finish()
        if self.is_refused:
            self._comm.look_again()  # it takes the `comm_close` after all that came before that
        else:
            self._comm.handled()

    def _finish(self) -> None:
        self.is_answered = True
        self._connection.finish(self.request)
        if self._subscription is not None:
            self._subscription.close()
