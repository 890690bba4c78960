"""A session sends on its client's sockets through the client, and on others as it always did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import zmq
import zmq.asyncio
from jupyter_client.session import Session

from conkernelclient.errors import ForkedError
from conkernelclient.transport.session_patch import (
    apply_session_patch,
    bind_session,
    check_buffers,
    is_bound,
    undo_session_patch,
)
from conkernelclient.transport.sockets import ConSocket

if TYPE_CHECKING:
    from collections.abc import Iterator


class Notes:
    """A sender that notes what it is given."""

    def __init__(self) -> None:
        self.posted: list[tuple[Any, ...]] = []
        self.raw: list[tuple[Any, ...]] = []

    def post(self, *args: Any) -> None:
        self.posted.append(args)

    def post_raw(self, *args: Any) -> None:
        self.raw.append(args)


@pytest.fixture
def session() -> Session:
    """Bound."""
    made = Session(key=b"k")
    bind_session(made)
    return made


def socket_of(context: zmq.asyncio.Context, sender: Any) -> ConSocket:
    made: Any = context.socket(zmq.DEALER, socket_class=ConSocket)
    made.sender, made.channel = sender, "stdin"
    return made


@pytest.fixture
def sender() -> Notes:
    """What the client would do is noted."""
    return Notes()


@pytest.fixture
def socket(context: zmq.asyncio.Context, sender: Notes) -> Iterator[ConSocket]:
    """One of a client."""
    made = socket_of(context, sender)
    yield made
    made.close(linger=0)


async def test_what_it_sends_goes_through_the_client(
    session: Session, socket: ConSocket, sender: Notes
) -> None:
    """A type or a message; its buffers, wherever they stand; parts that are packed already."""
    message = session.send(socket, "x_request", {"a": 1}, ident=b"i", buffers=[b"b"])
    assert message is not None
    assert message["tracker"].done
    again = session.send(socket, {**message, "buffers": [b"own"]})
    session.send_raw(socket, [b"1", b"2"], ident=b"i")
    assert sender.posted == [("stdin", message, b"i", [b"b"]), ("stdin", again, None, [b"own"])]
    assert sender.raw == [("stdin", [b"1", b"2"], b"i")]


async def test_on_other_sockets_it_sends_as_it_did(
    session: Session, context: zmq.asyncio.Context, peer: Any
) -> None:
    """Also on one of ours that no client owns."""
    for socket in (context.socket(zmq.DEALER), socket_of(context, None)):
        port = peer.bind_to_random_port("tcp://127.0.0.1")
        socket.connect(f"tcp://127.0.0.1:{port}")
        session.send(socket, "x_request", {"a": 1})
        _, frames = session.feed_identities(peer.recv_multipart())
        assert session.deserialize(frames)["content"] == {"a": 1}
        socket.close(linger=0)


def test_that_another_send_was_put_in_its_place_is_known(session: Session) -> None:
    """Programs that send in their own way go on doing so; binding again binds."""
    assert is_bound(session)
    assert not is_bound(Session())
    session.send = lambda *_a, **_kw: None
    assert not is_bound(session)
    bind_session(session)
    assert is_bound(session)


@pytest.mark.parametrize("is_raw", [False, True])
async def test_a_forked_child_cannot_send(
    session: Session, socket: ConSocket, sender: Notes, is_raw: bool
) -> None:
    """Unless it says that it knows what it does."""
    session.pid = -1

    def send() -> Any:
        return session.send_raw(socket, []) if is_raw else session.send(socket, "x_request")

    with pytest.raises(ForkedError, match="make a new client"):
        send()
    assert (sender.posted, sender.raw) == ([], [])
    session.check_pid = False
    send()
    assert len(sender.posted) + len(sender.raw) == 1


def test_buffers_that_cannot_be_sent_are_refused() -> None:
    """With the words of `Session`."""
    check_buffers([b"a", bytearray(2), memoryview(b"abc")])
    with pytest.raises(TypeError, match="must support the buffer protocol"):
        check_buffers([b"a", 5])
    with pytest.raises(ValueError, match=r"Buffer 1 .* is not contiguous"):
        check_buffers([b"a", memoryview(b"abcd")[::2]])


def test_the_patch_for_all_can_be_undone_and_is_made_once() -> None:
    """Then `Session` is what it was."""
    before = Session.send, Session.send_raw
    try:
        undo = apply_session_patch()
        patched = Session.send, Session.send_raw
        assert apply_session_patch() is undo is undo_session_patch
        assert (Session.send, Session.send_raw) == patched != before
        assert patched[0].__doc__ == before[0].__doc__
    finally:
        undo_session_patch()
    assert (Session.send, Session.send_raw) == before
    undo_session_patch()
    assert (Session.send, Session.send_raw) == before
