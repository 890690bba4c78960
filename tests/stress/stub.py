"""A kernel that is nothing but sockets, so that anything can be sent to a client from them."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import zmq
from jupyter_client.session import Session

from conkernelclient import ConKernelClient
from tests.messages import KEY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HOST: Final = "tcp://127.0.0.1"
KINDS: Final = {
    "shell": zmq.ROUTER,
    "iopub": zmq.PUB,
    "stdin": zmq.ROUTER,
    "control": zmq.ROUTER,
    "hb": zmq.REP,
}


class Stub:
    """
    Answers each request with its code as printed text.

    Attributes:
        hold: While it is cleared, `execute_request`s get their busy and no more.
    """

    def __init__(self) -> None:
        self.hold: threading.Event = threading.Event()
        self.hold.set()
        self._context = zmq.Context()
        self._lock = threading.Lock()  # a socket is for one thread at a time
        self._sockets = {name: self._context.socket(kind) for name, kind in KINDS.items()}
        for socket in self._sockets.values():
            socket.linger = socket.sndhwm = socket.rcvhwm = 0
        self._ports = {
            f"{name}_port": socket.bind_to_random_port(HOST)
            for name, socket in self._sockets.items()
        }
        self._session = Session(key=KEY)
        self._clients: list[bytes] = []
        self._held: list[Any] = []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def client(self) -> ConKernelClient:
        """Give a plain client that is connected to it."""
        return ConKernelClient(session=Session(key=KEY), ip="127.0.0.1", **self._ports)

    def send(self, channel: str, messages: Iterable[list[bytes]]) -> None:
        """Send frames as they are to the clients, each message to all of them."""
        with self._lock:
            for frames in messages:
                for client in self._clients if channel != "iopub" else [None]:
                    whole = frames if client is None else [client, *frames]
                    self._sockets[channel].send_multipart(whole)

    def close(self) -> None:
        self._is_over.set()
        self._thread.join()
        self._context.destroy(linger=0)

    def _serve(self) -> None:
        poller = zmq.Poller()
        for name in ("shell", "control", "hb"):
            poller.register(self._sockets[name], zmq.POLLIN)
        while not self._is_over.wait(0.0005):
            with self._lock:
                for socket, _ in poller.poll(0):
                    self._take(socket)
                if self.hold.is_set():
                    while self._held:
                        self._finish(*self._held.pop(0))

    def _take(self, socket: Any) -> None:
        if socket is self._sockets["hb"]:
            socket.send(socket.recv())
            return
        idents, parts = self._session.feed_identities(socket.recv_multipart())
        request = self._session.deserialize(parts)
        if idents[0] not in self._clients:
            self._clients.append(idents[0])
        self._publish("status", {"execution_state": "busy"}, request)
        self._held.append((socket, idents, request))
        if request["msg_type"] != "execute_request":
            self._finish(*self._held.pop())

    def _finish(self, socket: Any, idents: list[bytes], request: Any) -> None:
        kind = request["msg_type"]
        if kind == "execute_request":
            self._publish("execute_input", {"code": "", "execution_count": 1}, request)
            text = request["content"]["code"]
            self._publish("stream", {"name": "stdout", "text": text}, request)
        reply = kind.replace("_request", "_reply")
        content = {"status": "ok", "execution_count": 1, "protocol_version": "5.3"}
        self._session.send(socket, reply, content, parent=request, ident=idents)
        self._publish("status", {"execution_state": "idle"}, request)

    def _publish(self, kind: str, content: dict[str, Any], request: Any) -> None:
        self._session.send(self._sockets["iopub"], kind, content, parent=request, ident=b"topic")


@contextmanager
def stub() -> Iterator[Stub]:
    """A stub for the time of a `with`."""
    kernel = Stub()
    try:
        yield kernel
    finally:
        kernel.close()
