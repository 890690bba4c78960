"""Whatever a program does with a client's socket, the client reads what comes."""

from __future__ import annotations

import asyncio
import select
import time
from typing import TYPE_CHECKING, Any, Final

import pytest
import zmq
import zmq.asyncio
from zmq.utils.monitor import parse_monitor_message

from conkernelclient.transport.sockets import ConSocket
from tests.clients import LONG

from .test_zmq import connected, laid_out

if TYPE_CHECKING:
    from collections.abc import Callable

TURNS: Final = 5  # of the loop, until what lies in a socket is received
POLL: Final = 20  # milliseconds

# Each takes the signal of a message that has come.
LOOKS: Final[dict[str, Callable[[Any], Any]]] = {
    "get": lambda socket: socket.get(zmq.EVENTS),
    "getsockopt": lambda socket: socket.getsockopt(zmq.EVENTS),
    "attribute": lambda socket: socket.EVENTS,
    "poll": lambda socket: socket.poll(0).result(),
    "foreign": lambda socket: zmq.Socket.shadow(socket.underlying).get(zmq.EVENTS),
}


async def introduced(transport: Any, router: Any) -> bytes:
    """The name by which `router` knows the other side; nothing is under way then."""
    transport.send("shell", laid_out(b"hello"))
    assert router.poll(LONG * 1000)
    name: bytes = router.recv_multipart()[0]
    for _ in range(TURNS):  # what is to be done after that is done
        await asyncio.sleep(0)
    return name


def send_and_see(router: Any, name: bytes, descriptor: int) -> None:
    """Send a message to the transport, and return when its socket has signalled that."""
    router.send_multipart([name, *laid_out(b"news")])
    is_signalled, _, _ = select.select([descriptor], [], [], LONG)
    assert is_signalled


@pytest.mark.parametrize("how", LOOKS)
async def test_a_look_at_the_socket_takes_no_message_from_its_reader(how: str) -> None:
    """Or else it would lie there until the next one of our own."""
    async with connected() as (transport, catcher, router, socket):
        descriptor = socket.FD
        name = await introduced(transport, router)
        send_and_see(router, name, descriptor)
        assert LOOKS[how](socket) & zmq.POLLIN
        for _ in range(TURNS):
            await asyncio.sleep(0)
        assert catcher.got == [laid_out(b"news")]


async def test_nor_does_the_end_of_a_poll() -> None:
    """A poll looks when its time is over: after the loop did, and with what has come since."""
    async with connected() as (transport, catcher, router, socket):
        descriptor = socket.FD
        name = await introduced(transport, router)
        loop = asyncio.get_running_loop()
        polled = socket.poll(POLL)

        def come_before_its_end() -> None:
            # Its time is over in this turn of the loop, so that it looks in the next one, right
            # after what is called here.
            time.sleep(2 * POLL / 1000)
            loop.call_soon(loop.call_soon, send_and_see, router, name, descriptor)

        loop.call_later(POLL / 2000, come_before_its_end)
        assert await polled & zmq.POLLIN
        for _ in range(TURNS):
            await asyncio.sleep(0)
        assert catcher.got == [laid_out(b"news")]


@pytest.fixture
def socket(context: zmq.asyncio.Context) -> ConSocket:
    """As a client has it."""
    made: Any = context.socket(zmq.DEALER, socket_class=ConSocket)
    return made


async def test_a_peer_that_comes_and_goes_is_told(socket: ConSocket, peer: Any) -> None:
    """Asked for twice it is told once."""
    socket.monitor_peer()
    events = socket.peer_events
    socket.monitor_peer()
    assert socket.peer_events is events
    assert events is not None
    port = peer.bind_to_random_port("tcp://127.0.0.1")
    socket.connect(f"tcp://127.0.0.1:{port}")

    def next_event() -> int:
        assert events.poll(LONG * 1000)
        return parse_monitor_message(events.recv_multipart())["event"]

    assert next_event() == zmq.EVENT_HANDSHAKE_SUCCEEDED
    peer.close(linger=0)
    assert next_event() == zmq.EVENT_DISCONNECTED
    socket.close(linger=0)
    assert events.closed


async def test_a_client_that_listens_closes_what_tells_of_the_peer_itself(
    socket: ConSocket,
) -> None:
    """It may be in the middle of reading it; a discarded socket takes it along."""
    socket.monitor_peer()
    events = socket.peer_events
    assert events is not None
    socket.on_touched = lambda: None
    socket.close(linger=0)
    assert not events.closed
    socket.discard()
    assert events.closed
    socket.close()  # harmless
