"""A line sends a message whole or not at all, and has a descriptor of its own."""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING, Any

import pytest
import zmq
import zmq.asyncio

from conkernelclient.transport.line import (
    MONITORED,
    POLLOUT,
    Line,
    descriptor,
    events_of,
    try_send,
)
from conkernelclient.transport.sockets import ConSocket

if TYPE_CHECKING:
    pass


def line_of(context: zmq.asyncio.Context, channel: Any = "stdin", **options: int) -> Line:
    socket: Any = context.socket(zmq.DEALER, socket_class=ConSocket)
    for name, value in options.items():
        setattr(socket, name, value)
    return Line(channel, socket, deque())


async def test_what_the_socket_does_not_take_is_not_begun(
    context: zmq.asyncio.Context, peer: Any
) -> None:
    """All frames leave, or none of them: nobody reads half a message."""
    line = line_of(context, sndhwm=1)
    peer.rcvhwm = 1
    port = peer.bind_to_random_port("tcp://127.0.0.1")
    assert not try_send(line, [b"a", b"b"], True)  # there is nobody
    assert not events_of(line) & POLLOUT
    line.socket.connect(f"tcp://127.0.0.1:{port}")
    sent = 0
    while try_send(line, [b"%d" % sent, b"x" * 100_000, b"end"], True):
        sent += 1
    assert sent > 0
    for number in range(sent):
        first, _, last = peer.recv_multipart()
        assert (first, last) == (b"%d" % number, b"end")
    assert not peer.poll(50)
    line.close(0)


async def test_its_descriptor_is_nobody_elses(context: zmq.asyncio.Context) -> None:
    """A loop holds one callback for each, and pyzmq has the socket's."""
    line = line_of(context)
    mine = descriptor(line.shadow)
    assert mine != line.shadow.FD
    assert os.fstat(mine).st_ino == os.fstat(line.shadow.FD).st_ino
    os.close(mine)
    line.close(0)


@pytest.mark.parametrize("channel", ["shell", "iopub", "stdin", "control"])
async def test_closing_it_closes_what_tells_of_its_peer(
    context: zmq.asyncio.Context, channel: Any
) -> None:
    """Two channels have that."""
    line = line_of(context, channel)
    line.socket.on_touched = lambda: None
    assert (line.monitor is not None) == (channel in MONITORED)
    line.close(0)
    assert line.socket.closed
    assert line.monitor is None or line.monitor.closed
    assert line.socket.on_touched is None
