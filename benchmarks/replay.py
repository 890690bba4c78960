"""
What publishes faster than any client reads, so that the client is what is measured?

`python -m benchmarks.replay connection.json ...` is `benchmarks.stub` but for iopub: what a request
shows is written to the connection as ZMTP 3.0 (rfc.zeromq.org/spec/23), all at once, as libzmq
takes longer to send a message than a good client to receive it.
"""

from __future__ import annotations

import resource
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import orjson
import zmq

from .stub import HOST, Stub, serve

GREETING_BYTES: Final = 64
# Signature, version 3.0, mechanism, that we are no server of it, filler.
GREETING: Final = (b"\xff" + b"\0" * 8 + b"\x7f\x03\0" + b"NULL".ljust(20, b"\0")).ljust(
    GREETING_BYTES, b"\0"
)
MORE, LONG, COMMAND = 1, 2, 4
READY: Final = b"\x05READY\x0bSocket-Type\0\0\0\4XPUB"
AT_ONCE: Final = 2**18  # bytes that are written together


def encoded(frames: Sequence[bytes]) -> bytes:
    """Give a message as it is on the connection."""
    parts: list[bytes] = []
    last = len(frames) - 1
    for place, frame in enumerate(frames):
        flags = MORE if place < last else 0
        size = len(frame)
        head = bytes((flags, size)) if size < 256 else bytes((flags | LONG,)) + size.to_bytes(8)
        parts += (head, frame)
    return b"".join(parts)


class Publisher:
    """
    What has of an XPUB socket what `Stub` needs.

    Args:
        welcome: Gives what a subscriber is sent first, for its topic.
    """

    def __init__(self, welcome: Callable[[bytes], Sequence[bytes]]) -> None:
        self._welcome = welcome
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self._subscribers: list[socket.socket] = []
        self._waiting: list[bytes] = []
        self._bytes = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def send_multipart(self, frames: Sequence[bytes], copy: bool = True) -> None:
        """Send a message to all, soon: see `flush`."""
        data = encoded(frames)
        self._waiting.append(data)
        self._bytes += len(data)
        if self._bytes >= AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        data = b"".join(self._waiting)
        self._waiting.clear()
        self._bytes = 0
        for subscriber in list(self._subscribers) if data else ():
            try:
                subscriber.sendall(data)
            except OSError:  # it is closed
                self._subscribers.remove(subscriber)

    def recv_multipart(self, flags: int = 0) -> list[bytes]:
        """Give nothing: subscriptions are read in threads."""
        raise zmq.Again

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection: socket.socket) -> None:
        """Greet, and read subscriptions, until the connection is closed."""
        with connection, connection.makefile("rb") as stream:
            connection.sendall(GREETING + bytes((COMMAND, len(READY))) + READY)
            stream.read(GREETING_BYTES)
            while head := stream.read(2):
                flags, size = head
                if flags & LONG:
                    size = int.from_bytes(head[1:] + stream.read(7))
                body = stream.read(size)
                if not flags & COMMAND and body[:1] == b"\1":
                    connection.sendall(encoded([body[1:], *self._welcome(body[1:])]))
                    self._subscribers.append(connection)


class Replay(Stub):
    """A stub whose iopub is a `Publisher`."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        super().__init__(context, curve=False)
        self.sockets.pop("iopub").close()
        publisher: Any = Publisher(lambda _: self._message(b"iopub_welcome", b"{}", b"{}"))
        self._iopub = publisher
        self.info["iopub_port"] = publisher.port

    def drain(self, socket: zmq.Socket[bytes]) -> None:
        """Handle all that came on `socket`, and publish it."""
        super().drain(socket)
        publisher: Any = self._iopub
        publisher.flush()


def main() -> None:
    """Write the connection files, say so, then serve."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    stubs: list[Stub] = []
    for path in sys.argv[1:]:
        stub = Replay(context)
        Path(path).write_bytes(orjson.dumps(stub.info))
        stubs.append(stub)
    print('"serving"', flush=True)
    serve(stubs)
    context.destroy(linger=0)


if __name__ == "__main__":
    main()
