"""
How does what a client says become frames on its channels?

A message is made as `Session.msg` makes it, packed by the wire, and handed to the transport. It
goes through the session if a program has put a `send` of its own there.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, cast

from jupyter_client._version import protocol_version
from jupyter_client.session import Session

from ..protocol.wire import DELIMITER
from ..transport.base import not_running
from ..transport.session_patch import check_buffers, is_bound

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..protocol.messages import Channel, Frame
    from ..protocol.wire import Wire
    from ..state.presence import Presence
    from ..state.subshell_ids import Shells
    from ..transport.base import Transport

__all__ = ["Outbound"]

MSG: Final = cast("Any", Session.msg)


class Outbound:
    """
    The way out of one connection.

    Args:
        session: Makes the messages.
        wire: Makes the frames.
        transport: Takes them.
        presence: Knows whether the kernel is there.
        subshells: The kernel's subshells.
        record: Is called with each request on shell, before it is sent.

    Attributes:
        requests: How many messages were sent.
        seconds: Spent in packing and sending them.
        lock: Held while a message gets its number, and while one is packed and sent: threads count
            one after the other, and what is recorded and sent keeps one order.
    """

    def __init__(
        self,
        session: Session,
        wire: Wire,
        transport: Transport,
        *,
        presence: Presence,
        subshells: Shells,
        record: Callable[[dict[str, Any]], None],
    ) -> None:
        self._session = session
        self._wire = wire
        self._transport = transport
        self._presence = presence
        self._subshells = subshells
        self._record = record
        self.requests: int = 0
        self.seconds: float = 0.0
        self.lock: threading.RLock = threading.RLock()
        if os.name == "posix":
            _ways_out.add(self)
        self.configure()

    def configure(self) -> None:
        """Read again what the session's traits say, each of which costs more than it should."""
        session = self._session
        self._is_plain: bool = type(session) is Session
        self._names: tuple[str, str] = (session.username, session.session)
        self._metadata: dict[str, Any] = session.metadata
        self._copy_threshold: int = session.copy_threshold

    def make(
        self, msg_type: str, content: dict[str, Any], metadata: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Make a message, as `Session.msg` does; from any thread."""
        session = self._session
        with self.lock:  # a session counts its messages without one
            own = vars(session)  # a program may have put a function of its own there
            is_own = "msg" in own or "msg_header" in own or Session.msg is not MSG
            if is_own or not self._is_plain:
                return session.msg(msg_type, content, metadata=dict(metadata or {}))
            number = session.message_count
            session.message_count = number + 1
        username, session_id = self._names
        msg_id = f"{session_id}_{os.getpid()}_{number}"
        header = {
            "msg_id": msg_id,
            "msg_type": msg_type,
            "username": username,
            "session": session_id,
            "date": datetime.now(UTC),
            "version": protocol_version,
        }
        return {
            "header": header,
            "msg_id": msg_id,
            "msg_type": msg_type,
            "parent_header": {},
            "content": content,
            "metadata": {**self._metadata, **metadata} if metadata else self._metadata.copy(),
        }

    def post(
        self,
        channel: Channel,
        message: dict[str, Any],
        ident: bytes | Sequence[bytes] | None,
        buffers: Sequence[Any],
    ) -> None:
        """Pack a message and send it."""
        if buffers:
            check_buffers(buffers)
        presence = self._presence
        if not presence.sends:
            if presence.is_lost and message["msg_type"] == "shutdown_request":
                return  # it is done already
            presence.check()
        header = message["header"]
        if "subshell_id" in header and (named := header["subshell_id"]) is not None:
            shell = self._subshells.actual(named)
            message = {**message, "header": {**header, "subshell_id": shell}}
        began = time.monotonic()
        with self.lock:
            frames = self._wire.pack(message, ident)
            longest = len(frames[-1])
            if buffers:
                frames.extend(buffers)
                longest = max(map(len, frames))
            if channel == "shell":
                self._record(message)
            self._transport.send(channel, frames, copy=longest < self._copy_threshold)
            self.requests += 1
        self.seconds += time.monotonic() - began

    def freeze(
        self,
        message: dict[str, Any],
        ident: bytes | Sequence[bytes] | None,
        buffers: Sequence[Any],
    ) -> list[Frame]:
        """Make the frames of a message as it is now, to be sent later."""
        check_buffers(buffers)
        with self.lock:
            return [*self._wire.pack(message, ident), *map(bytes, buffers)]

    def sign(self, parts: list[Any], ident: Any) -> list[Frame]:
        """Make the frames of packed parts."""
        idents: list[bytes] = [ident] if isinstance(ident, bytes) else list(ident or ())
        return [*idents, DELIMITER, self._wire.sign(parts[:4]), *parts]

    def forward(self, channel: Channel, frames: list[Frame]) -> None:
        """Send what is packed."""
        self._transport.send(channel, frames)
        self.requests += 1

    def post_message(
        self, channel: Channel, message: dict[str, Any], buffers: Sequence[Any]
    ) -> None:
        """Send a message; through the session, if a program has put a `send` of its own there."""
        if not is_bound(self._session):
            socket = self._transport.socket(channel)
            if socket is not None:
                self._session.send(socket, message, buffers=list(buffers))
                return
        if not self._transport.is_open(channel):
            raise not_running(channel, message["msg_id"])
        # Without a socket it waits, or is refused, until there is a kernel again.
        self.post(channel, message, None, buffers)


def _renew_locks() -> None:
    """Give each way out a new lock in a forked child: a thread that held it is not here."""
    for outbound in list(_ways_out):
        outbound.lock = threading.RLock()


_ways_out: Final[weakref.WeakSet[Outbound]] = weakref.WeakSet()

if os.name == "posix":
    os.register_at_fork(after_in_child=_renew_locks)
