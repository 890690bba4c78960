"""
How does `Session.send` get its messages out, in one order, without swallowing a wake-up?

Two patches, for two kinds of clients:

- `bind_session` binds a client's own session, and no other: what it sends on that client's sockets
  goes to that client. Sends on other sockets are the original's.
- `apply_session_patch` mends `Session.send` for every plain asyncio client of the process
  (jupyter_client's own, say): after each send the socket's events are read through the asyncio
  socket, which wakes a reader whose signal the send took. It is never applied by itself, and
  `undo_session_patch` takes it back.
"""

from __future__ import annotations

import os
import types
from typing import TYPE_CHECKING, Any, Final, cast

import zmq
import zmq.asyncio
from jupyter_client.session import Session

from ..errors import ForkedError
from .sockets import ConSocket

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "apply_session_patch",
    "bind_session",
    "check_buffers",
    "is_bound",
    "undo_session_patch",
]

DONE: Final = zmq.MessageTracker()
_originals: dict[str, Callable[..., Any]] = {}  # what `apply_session_patch` replaced


def bind_session(session: Session) -> None:
    """
    Let `session` send on a client's sockets through that client.

    Idempotent; other sessions stay as they are.
    """
    session.send = types.MethodType(_send, session)
    session.send_raw = types.MethodType(_send_raw, session)


def is_bound(session: Session) -> bool:
    """Tell whether nobody has put another `send` in the place of that of `bind_session`."""
    return getattr(cast("object", session.send), "__func__", None) is _send


def check_buffers(buffers: Sequence[Any]) -> None:
    """
    See that `buffers` can be sent.

    Raises:
        TypeError: One does not support the buffer protocol.
        ValueError: One is not contiguous.
    """
    for index, buffer in enumerate(buffers):
        try:
            view = memoryview(buffer)
        except TypeError as error:
            raise TypeError("Buffer objects must support the buffer protocol.") from error
        if not view.contiguous:
            raise ValueError(f"Buffer {index} ({buffer!r}) is not contiguous")


def check_fork(session: Session) -> None:
    """
    See that this process is the one that made `session`.

    Raises:
        ForkedError: It is a child that was forked off later, and `session.check_pid` is set.
    """
    if session.check_pid and os.getpid() != session.pid:
        raise ForkedError(
            f"this client belongs to process {session.pid}; after a fork its sockets cannot be "
            "used: make a new client in this process"
        )


def _send(
    self: Session,
    stream: Any,
    msg_or_type: Any,
    content: dict[str, Any] | None = None,
    parent: dict[str, Any] | None = None,
    ident: bytes | list[bytes] | None = None,
    buffers: list[Any] | None = None,
    track: bool = False,
    header: dict[str, Any] | None = None,
    metadata: dict[str, Any] | None = None,
) -> dict[str, Any] | None:
    """Build and send a message, as `Session.send` does; on a client's socket, through it."""
    sender = stream.sender if isinstance(stream, ConSocket) else None
    if sender is None:
        return type(self).send(
            self, stream, msg_or_type, content, parent, ident, buffers, track, header, metadata
        )
    check_fork(self)
    if isinstance(msg_or_type, str):
        msg = self.msg(msg_or_type, content, parent, header, metadata)
    else:
        msg = msg_or_type
        buffers = buffers or msg.get("buffers", [])
    sender.post(stream.channel, msg, ident, buffers or [])
    msg["tracker"] = DONE
    return msg


def _send_raw(
    self: Session,
    stream: Any,
    msg_list: list[Any],
    flags: int = 0,
    copy: bool = True,
    ident: bytes | list[bytes] | None = None,
) -> None:
    """Send a packed message, as `Session.send_raw` does; on a client's socket, through it."""
    sender = stream.sender if isinstance(stream, ConSocket) else None
    if sender is None:
        type(self).send_raw(self, stream, msg_list, flags, copy, ident)
        return
    check_fork(self)
    sender.post_raw(stream.channel, msg_list, ident)


def apply_session_patch() -> Callable[[], None]:
    """
    Mend `Session.send` and `send_raw` for every asyncio client of this process. Idempotent.

    Returns:
        `undo_session_patch`.
    """
    for name in ("send", "send_raw"):
        if name not in _originals:
            _originals[name] = getattr(Session, name)
            setattr(Session, name, _rearming(_originals[name]))
    return undo_session_patch


def undo_session_patch() -> None:
    """Take back what `apply_session_patch` did. Harmless if it did nothing."""
    while _originals:
        name, original = _originals.popitem()
        setattr(Session, name, original)


def _rearming(original: Callable[..., Any]) -> Callable[..., Any]:
    def send(self: Session, stream: Any, *args: Any, **kwargs: Any) -> Any:
        sent = original(self, stream, *args, **kwargs)
        if isinstance(stream, zmq.asyncio.Socket) and not stream.closed:
            stream.get(zmq.EVENTS)  # pyzmq's own `get` schedules the receivers that wait
        return sent

    send.__name__ = original.__name__
    send.__doc__ = original.__doc__
    return send
