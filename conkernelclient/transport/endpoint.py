"""
Where is the kernel, and how is a socket to it made?

A connection file says where: its entries are looked at here. A socket is set up so that it drops
nothing that the kernel sends, tells when the kernel comes or goes, and is encrypted if there are
keys.
"""

from __future__ import annotations

import hmac
import os
import re
import sys
from binascii import hexlify
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import zmq
import zmq.asyncio
from jupyter_client.connect import channel_socket_types, port_names

from .base import MONITORED
from .sockets import ConSocket

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jupyter_client.session import Session

__all__ = ["LINGER", "CurveKeys", "connected_socket", "new_identity", "wrong_entries"]

LINGER: Final = 100  # milliseconds that a closed socket goes on sending
MAX_PORT: Final = 65_535
HOST: Final = "127.0.0.1"  # where a connection file names none
HOSTNAME: Final = r"[\w.:%\[\]-]+\Z"  # names, IPv4, IPv6 with a zone
# Source: tcp(7). In seconds, but for the number of probes.
KEEPALIVE: Final = {
    zmq.TCP_KEEPALIVE: 1,
    zmq.TCP_KEEPALIVE_IDLE: 10,
    zmq.TCP_KEEPALIVE_INTVL: 5,
    zmq.TCP_KEEPALIVE_CNT: 4,
}


class CurveKeys(NamedTuple):
    """The keys of a kernel whose sockets are encrypted, which its clients use as well."""

    public: bytes
    secret: bytes | None


def new_identity(session: Session) -> bytes:
    """
    Make the ZMQ identity of a client's shell, stdin and control sockets.

    By it the kernel finds the one from the other. It refuses one that it still knows, so that each
    start of the channels has another one.
    """
    return session.bsession + b"-" + hexlify(os.urandom(4))


def connected_socket(
    context: zmq.asyncio.Context,
    channel: str,
    url: str,
    *,
    identity: bytes | None,
    keys: CurveKeys | None,
) -> ConSocket:
    """
    Make a socket that never drops what the kernel sends, and connect it.

    Args:
        context: Its context.
        channel: The channel's name, as in a connection file's ports.
        url: Where the kernel listens.
        identity: As `new_identity` gives it; None: libzmq chooses one.
        keys: Encrypt what is sent; None: it is sent as it is.
    """
    make: Any = context.socket  # its stub does not say which class of socket it makes
    socket: ConSocket = make(channel_socket_types[channel], socket_class=ConSocket)
    try:
        socket.linger = LINGER
        socket.rcvhwm = 0  # our own bounds are the only ones
        # There the kernel speaks first, and what it asks of a client that it does not know yet is
        # gone: the socket is to tell when it is connected.
        socket.immediate = channel == "stdin"
        if url.startswith("tcp"):  # a peer that went without a word is noticed in half a minute
            for option, value in KEEPALIVE.items():
                socket.set(option, value)
        if identity:
            socket.identity = identity
        if keys is not None:
            socket.curve_secretkey = keys.secret
            socket.curve_publickey = socket.curve_serverkey = keys.public
        if channel in MONITORED:
            socket.monitor_peer()
        socket.connect(url)
    except BaseException:
        socket.discard()
        raise
    return socket


def wrong_entries(info: Mapping[str, object]) -> list[str]:
    """Say what is wrong with the entries of a connection file; the key itself is never shown."""
    wrong: list[str] = []
    is_tcp = info.get("transport", "tcp") == "tcp"
    highest = MAX_PORT if is_tcp else sys.maxsize  # the others number files
    for name in port_names:
        port = info.get(name, 1)
        if type(port) is not int or not 0 < port <= highest:
            wrong.append(f"{name} {port!r} is no port number")
    if not isinstance(info.get("key", ""), str):
        wrong.append(f"the key is no string, but of type {type(info['key']).__name__}")
    scheme = info.get("signature_scheme") or "hmac-sha256"
    if not isinstance(scheme, str) or not _is_scheme(scheme):
        wrong.append(f"the signature_scheme {scheme!r} is unknown: it is to be like 'hmac-sha256'")
    if info.get("transport", "tcp") not in ("tcp", "ipc"):
        wrong.append(f"the transport {info['transport']!r} is neither 'tcp' nor 'ipc'")
    address = info.get("ip", HOST)
    if not isinstance(address, str) or not address or (is_tcp and not re.match(HOSTNAME, address)):
        wrong.append(f"the ip {address!r} is no address")
    return wrong


def _is_scheme(scheme: str) -> bool:
    prefix, _, name = scheme.partition("-")
    if prefix != "hmac":
        return False
    try:
        hmac.new(b"", b"", name)
    except (ValueError, TypeError):
        return False
    return True
