"""A socket to the kernel drops nothing, tells of its peer, and goes where the file says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import zmq
from jupyter_client.session import Session

from conkernelclient.transport.base import MONITORED
from conkernelclient.transport.endpoint import (
    KEEPALIVE,
    CurveKeys,
    connected_socket,
    new_identity,
    wrong_entries,
)

if TYPE_CHECKING:
    import zmq.asyncio

GOOD = {
    "shell_port": 1,
    "iopub_port": 2,
    "stdin_port": 3,
    "control_port": 4,
    "hb_port": 65_535,
    "ip": "127.0.0.1",
    "key": "k",
    "transport": "tcp",
    "signature_scheme": "hmac-sha256",
}


@pytest.mark.parametrize("channel", ["shell", "iopub", "stdin", "control"])
def test_it_is_set_up_for_its_channel(context: zmq.asyncio.Context, channel: Any) -> None:
    """Nothing that the kernel sends is dropped; a peer that went without a word is noticed."""
    socket = connected_socket(context, channel, "tcp://127.0.0.1:9", identity=b"me", keys=None)
    assert socket.type == {"iopub": zmq.SUB}.get(channel, zmq.DEALER)
    assert (socket.rcvhwm, socket.identity) == (0, b"me")
    assert socket.immediate == (channel == "stdin")
    assert {option: socket.get(option) for option in KEEPALIVE} == KEEPALIVE
    assert (socket.peer_events is not None) == (channel in MONITORED)
    assert socket.get(zmq.MECHANISM) == zmq.NULL
    socket.close(linger=0)


@pytest.mark.skipif(not zmq.has("curve"), reason="libzmq was built without encryption")
def test_with_keys_it_is_encrypted(context: zmq.asyncio.Context, peer: Any) -> None:
    """Both ends have the same ones; who has others is not heard."""
    public, secret = zmq.curve_keypair()
    peer.curve_server = True
    peer.curve_publickey, peer.curve_secretkey = public, secret
    url = f"tcp://127.0.0.1:{peer.bind_to_random_port('tcp://127.0.0.1')}"
    for keys in (CurveKeys(*zmq.curve_keypair()), CurveKeys(public, secret)):
        socket = connected_socket(context, "control", url, identity=None, keys=keys)
        assert socket.get(zmq.MECHANISM) == zmq.CURVE
        zmq.Socket.shadow(socket.underlying).send(keys.public)
        if keys.public == public:
            assert peer.recv() == public
        socket.close(linger=0)


def test_one_that_cannot_be_connected_is_closed(context: zmq.asyncio.Context) -> None:
    """Nobody would have it."""
    with pytest.raises(zmq.ZMQError):
        connected_socket(context, "shell", "nonsense://x", identity=None, keys=None)
    assert [socket for socket in list(context._sockets) if not socket.closed] == []


def test_each_start_has_an_identity_of_its_own_by_which_its_session_is_known() -> None:
    """A kernel refuses one that it still knows."""
    session = Session(session="s")
    one, other = new_identity(session), new_identity(session)
    assert one != other
    assert one.startswith(b"s-")


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"transport": "ipc", "ip": "/tmp/a b/kernel", "shell_port": 100_000},
        {"ip": "::1"},
        {"ip": "fe80::1%eth0"},
        {"signature_scheme": ""},
        {"key": ""},
    ],
)
def test_a_good_file_has_nothing_wrong(change: dict[str, Any]) -> None:
    """What it leaves out has a default."""
    assert wrong_entries(GOOD | change) == []
    assert wrong_entries({}) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"shell_port": 0}, "shell_port 0 is no port number"),
        ({"iopub_port": "5"}, "iopub_port '5' is no port number"),
        ({"hb_port": 65_536}, "hb_port 65536 is no port number"),
        ({"stdin_port": True}, "stdin_port True is no port number"),
        ({"key": 5}, "the key is no string, but of type int"),
        ({"signature_scheme": "sha256"}, "'sha256' is unknown"),
        ({"signature_scheme": "hmac-nonsense"}, "'hmac-nonsense' is unknown"),
        ({"signature_scheme": 5}, "5 is unknown"),
        ({"transport": "udp"}, "'udp' is neither"),
        ({"ip": "a/b"}, "'a/b' is no address"),
        ({"ip": ""}, "'' is no address"),
    ],
)
def test_each_wrong_entry_is_named(change: dict[str, Any], words: str) -> None:
    """And only that."""
    (said,) = wrong_entries(GOOD | change)
    assert words in said
