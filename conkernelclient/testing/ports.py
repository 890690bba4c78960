"""
How do a fake kernel's messages get to its clients?

Over five sockets, as a kernel has them, or over a `MemoryLink`. Source: Jupyter messaging 5.5,
"Introduction"; JEP 65 for iopub.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import time
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, cast

import zmq
from jupyter_client.adapter import adapt
from jupyter_client.jsonutil import json_default
from jupyter_client.session import json_packer, json_unpacker

from ..protocol.messages import CHANNELS, PROTOCOL_VERSION
from ..protocol.wire import DELIMITER, Wire, WireSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ..protocol.messages import Channel, Frame, Message
    from .memory import MemoryLink
    from .reactor import Reactor

__all__ = ["Dialect", "FakeRequest", "MemoryPorts", "Ports", "SocketPorts"]

HOST: Final = "127.0.0.1"
FREE_WITHIN: Final = 5.0  # seconds until the ports of a predecessor are free again
LAST_WORDS: Final = 1000  # milliseconds in which what was sent is to reach its readers


class FakeRequest(NamedTuple):
    """A message from a client."""

    channel: Channel
    idents: list[bytes]
    """Where its reply goes."""
    message: Message

    @property
    def msg_type(self) -> str:
        """Its type."""
        return self.message["msg_type"]

    @property
    def content(self) -> dict[str, Any]:
        """Its content."""
        return self.message["content"]


class Dialect:
    """
    What one life of a kernel makes of bytes, and bytes of.

    Args:
        key: Signs, and is asked for; b"": nothing is signed.
        session: The session id in its headers.
    """

    def __init__(self, key: bytes, session: str) -> None:
        self.session: str = session
        self._numbers = count(1)
        self._wire = Wire(
            WireSettings(
                pack=json_packer,
                unpack=json_unpacker,
                adapt=adapt,
                default=json_default,
                auth=hmac.HMAC(key, digestmod=hashlib.sha256) if key else None,
            )
        )

    def read(self, channel: Channel, frames: list[bytes]) -> FakeRequest:
        """
        Make a request of `frames`.

        Raises:
            ProtocolError: They are no message, or one that is not signed with the key.
        """
        message = self._wire.unpack(frames).message
        return FakeRequest(channel, frames[: frames.index(DELIMITER)], message)

    def write(
        self,
        msg_type: str,
        content: Mapping[str, Any],
        *,
        to: Sequence[bytes],
        parent: Message | None = None,
        metadata: Mapping[str, Any] | None = None,
        buffers: Sequence[bytes] = (),
    ) -> tuple[str, list[Frame]]:
        """Make id and frames of a message."""
        msg_id = f"{self.session}_{next(self._numbers)}"
        header = {
            "msg_id": msg_id,
            "msg_type": msg_type,
            "username": "fake-kernel",
            "session": self.session,
            "date": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "version": PROTOCOL_VERSION,
        }
        message = {
            "header": header,
            "parent_header": {} if parent is None else parent["header"],
            "metadata": dict(metadata or {}),
            "content": dict(content),
        }
        return msg_id, [*self._wire.pack(message, list(to)), *buffers]


class Ports(Protocol):
    """
    Where one life of a kernel listens.

    Attributes:
        numbers: The ports by channel, "hb" among them.
    """

    numbers: dict[str, int]

    def attach(self, reactor: Reactor, readers: Mapping[str, Callable[[], object]]) -> None:
        """Call a channel's reader, in the thread of `reactor`, when something came there."""
        ...

    def detach(self, reactor: Reactor) -> None:
        """Call them no more."""
        ...

    def receive(self, name: str) -> list[list[bytes]]:
        """Receive what has come."""
        ...

    def send(self, name: str, frames: Sequence[Frame]) -> None:
        """Send; what is for somebody who is not there is gone."""
        ...

    def close(self, *, is_patient: bool = True) -> None:
        """Be gone, when what was sent has left or, not being patient, at once."""
        ...


class MemoryPorts:
    """
    One life of a kernel at a memory link.

    Args:
        link: Leads to the clients.
        is_welcoming: Whether each subscription to iopub gets an `iopub_welcome` (JEP 65).

    Attributes:
        numbers: Ports at which nobody listens, so that a client finds some.
    """

    def __init__(self, link: MemoryLink, *, is_welcoming: bool) -> None:
        self._link = link
        self._is_welcoming = is_welcoming
        self.numbers: dict[str, int] = {name: at for at, name in enumerate((*CHANNELS, "hb"), 1)}

    def attach(self, reactor: Reactor, readers: Mapping[str, Callable[[], object]]) -> None:
        """Call a channel's reader, in the thread of `reactor`, when something came there."""

        def tell(channel: Channel) -> None:
            if channel != "iopub" or self._is_welcoming:
                reactor.call_soon_threadsafe(readers[channel])

        self._link.listen(tell)

    def detach(self, reactor: Reactor) -> None:
        """Call them no more: they find nothing."""

    def receive(self, name: str) -> list[list[bytes]]:
        """Receive what has come."""
        return self._link.receive(cast("Channel", name))

    def send(self, name: str, frames: Sequence[Frame]) -> None:
        """Send; what is for somebody who is not there is gone."""
        self._link.send(cast("Channel", name), frames)

    def close(self, *, is_patient: bool = True) -> None:
        """Be gone; if not patient, with all that was not received."""
        self._link.hang_up(is_patient=is_patient)


class SocketPorts:
    """
    The sockets of one life of a kernel.

    Args:
        numbers: Ports by channel, of the life before this one; none: any that are free.
        is_welcoming: Whether each subscription to iopub gets an `iopub_welcome` (JEP 65).

    Attributes:
        numbers: The ports by channel, "hb" among them.
    """

    def __init__(self, numbers: Mapping[str, int], *, is_welcoming: bool) -> None:
        self._context = zmq.Context()
        self._sockets: dict[str, zmq.Socket[bytes]] = {}
        self.numbers: dict[str, int] = dict(numbers)
        kinds = {"iopub": zmq.XPUB if is_welcoming else zmq.PUB}
        for name in (*CHANNELS, "hb"):
            socket = self._sockets[name] = self._context.socket(kinds.get(name, zmq.ROUTER))
            socket.linger = LAST_WORDS
            socket.sndhwm = socket.rcvhwm = 0
            if socket.type == zmq.ROUTER:
                socket.router_handover = 1
            if socket.type == zmq.XPUB:
                socket.xpub_verbose = 1
            self._bind(name, socket)

    def _bind(self, name: str, socket: zmq.Socket[bytes]) -> None:
        number = self.numbers.get(name)
        if number is None:
            self.numbers[name] = socket.bind_to_random_port(f"tcp://{HOST}")
            return
        deadline = time.monotonic() + FREE_WITHIN
        while True:
            try:
                socket.bind(f"tcp://{HOST}:{number}")
            except zmq.ZMQError as error:
                if error.errno != zmq.EADDRINUSE or time.monotonic() > deadline:
                    raise
                socket.poll(10)  # nothing can come: it only waits
            else:
                return

    def attach(self, reactor: Reactor, readers: Mapping[str, Callable[[], object]]) -> None:
        """Call a channel's reader, in the thread of `reactor`, when something came there."""
        for name, socket in self._readable():
            reactor.add_reader(socket, readers[name])

    def detach(self, reactor: Reactor) -> None:
        """Call them no more."""
        for _, socket in self._readable():
            reactor.remove_reader(socket)

    def _readable(self) -> Iterator[tuple[str, zmq.Socket[bytes]]]:
        for name, socket in self._sockets.items():
            if socket.type != zmq.PUB:
                yield name, socket

    def receive(self, name: str) -> list[list[bytes]]:
        """Receive what has come."""
        socket = self._sockets[name]
        got: list[list[bytes]] = []
        with contextlib.suppress(zmq.Again):
            while not socket.closed:
                got.append(socket.recv_multipart(zmq.NOBLOCK))
        return got

    def send(self, name: str, frames: Sequence[Frame]) -> None:
        """Send; what is for somebody who is not there is gone."""
        socket = self._sockets[name]
        if not socket.closed:
            socket.send_multipart(frames)

    def close(self, *, is_patient: bool = True) -> None:
        """Close all sockets, when what was sent has left or, not being patient, at once."""
        self._context.destroy(linger=None if is_patient else 0)
