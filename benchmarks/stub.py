"""
What answers at once, so that only the client's own work is measured?

`python -m benchmarks.stub [--curve] connection.json ...` is one kernel without a language for each
connection file, which it writes; then it prints a line, and serves until its standard input ends.
It answers each request with busy, `execute_input`, its reply and idle. The code says what it shows:

- a number: as many streams of one line each; nothing: none;
- `stream N`, `display N`: one message with N bytes of text;
- `comm N ID`: one `comm_msg` to the comm ID with a buffer of N bytes;
- `mute`: nothing, not even a reply.

A reply's content has `sent`, the time (`time.monotonic()`) when a message of N bytes left: a clock
that all processes of a machine share.
"""

from __future__ import annotations

import hmac
import itertools
import os
import resource
import selectors
import sys
import time
from pathlib import Path
from typing import Any, Final

import orjson
import zmq

DELIMITER: Final = b"<IDS|MSG>"
KEY: Final = b"a key of the benchmarks"
HOST: Final = "127.0.0.1"
KINDS: Final = {
    "shell": zmq.ROUTER,
    "control": zmq.ROUTER,
    "stdin": zmq.ROUTER,
    "iopub": zmq.XPUB,
    "hb": zmq.ROUTER,
}
BUSY: Final = b'{"execution_state": "busy"}'
IDLE: Final = b'{"execution_state": "idle"}'
INPUT: Final = b'{"code": "", "execution_count": 1}'
REPLY: Final = (
    b'{"status": "ok", "execution_count": 1, "user_expressions": {}, "payload": [], "sent": %r}'
)
SHUTDOWN: Final = b'{"status": "ok", "restart": false}'
INFO: Final = orjson.dumps(
    {
        "status": "ok",
        "protocol_version": "5.3",
        "implementation": "stub",
        "implementation_version": "1",
        "language_info": {
            "name": "python",
            "version": "3",
            "mimetype": "text/x-python",
            "file_extension": ".py",
        },
        "banner": "",
        "help_links": [],
    }
)
LINE: Final = b'{"name": "stdout", "text": "one line of what a cell prints, %d\\n"}'
STREAM: Final = b'{"name": "stdout", "text": "%s"}'
DISPLAY: Final = b'{"data": {"image/png": "%s"}, "metadata": {}, "transient": {}}'
COMM: Final = b'{"comm_id": "%s", "data": {}}'
HEADER: Final = (
    b'{"msg_id": "5a3c9e0e-0f6a7d1c2b3e4f5a6b7c8d9e_4242_%d", "msg_type": "%s", '
    b'"username": "username", "session": "5a3c9e0e-0f6a7d1c2b3e4f5a6b7c8d9e", '
    b'"date": "2026-01-02T03:04:05.678901Z", "version": "5.3"}'
)


class Stub:
    """The sockets of one kernel, and what is sent on them."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], *, curve: bool) -> None:
        self.info: dict[str, Any] = {
            "transport": "tcp",
            "ip": HOST,
            "key": KEY.decode(),
            "signature_scheme": "hmac-sha256",
            "kernel_name": "stub",
        }
        public, secret = zmq.curve_keypair() if curve else (b"", b"")
        if curve:
            self.info |= {"curve_publickey": public.decode(), "curve_secretkey": secret.decode()}
        self.sockets: dict[str, zmq.Socket[bytes]] = {}
        for name, kind in KINDS.items():
            socket = context.socket(kind)
            socket.linger = socket.sndhwm = socket.rcvhwm = 0
            if curve:
                socket.curve_secretkey = secret
                socket.curve_publickey = public
                socket.curve_server = True
            self.info[f"{name}_port"] = socket.bind_to_random_port(f"tcp://{HOST}")
            self.sockets[name] = socket
        self._iopub = self.sockets["iopub"]
        self._numbers = itertools.count()

    def drain(self, socket: zmq.Socket[bytes]) -> None:
        """
        Handle all that came on `socket`.

        What is sent meanwhile may take the signal of iopub's descriptor, so iopub is read as well.
        """
        for one in (socket, self._iopub):
            while True:
                try:
                    frames = one.recv_multipart(zmq.NOBLOCK)
                except zmq.Again:
                    break
                self._handle(one, frames)

    def _handle(self, socket: zmq.Socket[bytes], frames: list[bytes]) -> None:
        if socket is self._iopub:
            self._welcome(frames[0])
        elif socket is self.sockets["hb"]:
            socket.send_multipart(frames)
        else:
            self._answer(socket, frames)

    def _welcome(self, event: bytes) -> None:
        if event[:1] == b"\x01":
            frames = self._message(b"iopub_welcome", b"{}", b"{}")
            self._iopub.send_multipart([event[1:], *frames])

    def _answer(self, socket: zmq.Socket[bytes], frames: list[bytes]) -> None:
        start = frames.index(DELIMITER)
        idents, parent, content = frames[:start], frames[start + 2], frames[start + 5]
        kind = orjson.loads(parent)["msg_type"]
        if not kind.endswith("_request"):
            return
        code = orjson.loads(content)["code"] if kind == "execute_request" else ""
        if code == "mute":
            return
        self._publish(b"status", parent, BUSY)
        if kind == "execute_request":
            self._publish(b"execute_input", parent, INPUT)
            reply = REPLY.replace(b"%r", repr(self._show(code, parent)).encode())
        else:
            reply = INFO if kind == "kernel_info_request" else SHUTDOWN
        answer = self._message(kind.replace("_request", "_reply").encode(), parent, reply)
        socket.send_multipart([*idents, *answer])
        self._publish(b"status", parent, IDLE)

    def _show(self, code: str, parent: bytes) -> float:
        kind, *rest = code.split() or ["0"]
        if kind.isdecimal():
            for number in range(int(kind)):
                self._publish(b"stream", parent, LINE % number)
            return 0.0
        text = b"x" * int(rest[0])
        if kind == "comm":
            frames = self._message(b"comm_msg", parent, COMM % rest[1].encode())
            frames = [b"comm-" + rest[1].encode(), *frames, text]
        elif kind == "display":
            frames = [b"display", *self._message(b"display_data", parent, DISPLAY % text)]
        else:
            frames = [b"stream", *self._message(b"stream", parent, STREAM % text)]
        sent = time.monotonic()
        self._iopub.send_multipart(frames, copy=False)
        return sent

    def _publish(self, kind: bytes, parent: bytes, content: bytes) -> None:
        self._iopub.send_multipart([b"kernel.stub." + kind, *self._message(kind, parent, content)])

    def _message(self, kind: bytes, parent: bytes, content: bytes) -> list[bytes]:
        header = HEADER % (next(self._numbers), kind)
        signature = hmac.digest(KEY, b"".join((header, parent, b"{}", content)), "sha256")
        return [DELIMITER, signature.hex().encode(), header, parent, b"{}", content]


def serve(stubs: list[Stub]) -> None:
    """Answer until the standard input ends."""
    selector = selectors.DefaultSelector()
    for stub in stubs:
        for socket in stub.sockets.values():
            selector.register(socket.FD, selectors.EVENT_READ, (stub, socket))
            stub.drain(socket)
    selector.register(0, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.data is None:
                if not os.read(0, 4096):
                    return
                continue
            stub, socket = key.data
            stub.drain(socket)


def main() -> None:
    """Write the connection files, say so, then serve."""
    curve = sys.argv[1] == "--curve"
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a kernel takes about 20 descriptors
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    context.max_sockets = 10_000
    stubs: list[Stub] = []
    for path in sys.argv[2 if curve else 1 :]:
        stub = Stub(context, curve=curve)
        Path(path).write_bytes(orjson.dumps(stub.info))
        stubs.append(stub)
    print('"serving"', flush=True)
    serve(stubs)
    context.destroy(linger=0)


if __name__ == "__main__":
    main()
