"""Messages that a kernel tore apart are put together, or cost no more than themselves."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conkernelclient.connection.inbound import Inbound
from conkernelclient.errors import ProtocolError
from conkernelclient.protocol.reassembly import HEADS_KEPT, LARGEST, Pieces
from conkernelclient.protocol.wire import DELIMITER, Wire
from tests.messages import frames, packed, settings

if TYPE_CHECKING:
    from conkernelclient.protocol.incoming import Incoming
    from conkernelclient.protocol.messages import Channel, Frame

FRAMES = 7  # topic, delimiter, signature, header, parent header, metadata, content


def text(name: str) -> list[bytes]:
    """A message of its own."""
    return packed("stream", {"name": "stdout", "text": name})


class Way:
    """The way in of a client, and what came out of it."""

    def __init__(self, **changes: Any) -> None:
        self.came: list[str] = []
        self.inbound = Inbound(Wire(settings(**changes)), self._deliver)

    def _deliver(self, _channel: Channel, message: Incoming) -> None:
        self.came.append(message.content["text"])

    def take(self, *batch: list[bytes], channel: Channel = "iopub") -> None:
        """Receive a batch."""
        self.inbound.take(channel, [list(frames) for frames in batch], None)


@pytest.mark.parametrize("cut", range(2, FRAMES))
def test_a_message_that_continues_a_torn_one_is_read(cut: int) -> None:
    """The kernel was interrupted while it sent the first; the second is whole, and signed."""
    way = Way()
    way.take([*text("torn")[:cut], *text("next")], text("later"))
    assert way.came == ["next", "later"]
    assert way.inbound.counts["rejected"] == 1


@pytest.mark.parametrize("cut", range(2, FRAMES))
def test_a_message_that_another_came_into_is_read(cut: int) -> None:
    """Two threads of the kernel sent at once."""
    way = Way()
    torn = text("torn")
    way.take([*torn[:cut], *text("amid")], torn[cut:], text("later"))
    assert way.came == ["amid", "torn", "later"]


@given(cuts=st.lists(st.integers(2, FRAMES - 1), min_size=1, max_size=HEADS_KEPT))
def test_messages_within_messages_are_read(cuts: list[int]) -> None:
    """As deep as first parts are kept."""
    way = Way()
    torn = [text(str(i)) for i in range(len(cuts))]
    heads = [frame for message, cut in zip(torn, cuts, strict=True) for frame in message[:cut]]
    way.take([*heads, *text("inmost")])
    for message, cut in reversed(list(zip(torn, cuts, strict=True))):
        way.take(message[cut:])
    assert way.came == ["inmost", *(str(i) for i in reversed(range(len(cuts))))]


def test_rests_may_come_in_any_order() -> None:
    """Each first part waits for its own rest."""
    way = Way()
    first, second = text("first"), text("second")
    way.take([*first[:3], *text("a")], [*second[:5], *text("b")])
    way.take(first[3:], second[5:])
    assert way.came == ["a", "b", "first", "second"]


def test_a_torn_message_without_its_rest_costs_itself() -> None:
    """Also when much is torn: a few first parts are kept, and rubbish joins none of them."""
    way = Way()
    torn = [text(f"torn {i}") for i in range(3 * HEADS_KEPT)]
    for i, message in enumerate(torn):
        way.take([*message[:4], *text(str(i))], [b"rubbish"], text(f"whole {i}"))
    whole = [[str(i), f"whole {i}"] for i in range(len(torn))]
    assert way.came == [name for pair in whole for name in pair]
    way.came.clear()
    for message in torn:
        way.take(message[4:])
    assert way.came == [f"torn {i}" for i in range(2 * HEADS_KEPT, 3 * HEADS_KEPT)]


def test_what_is_put_together_is_signed_all_the_same() -> None:
    """A message with another's key is none, wherever it stands; nor is one that was there."""
    way = Way()
    content = {"name": "stdout", "text": "forged"}
    forged = packed("stream", content)
    forged[2] = forged[2][::-1]
    seen = text("seen")
    way.take(seen)
    way.take([*text("torn")[:3], *forged], [*text("torn")[:3], *seen], [*forged, *forged])
    assert way.came == ["seen"]
    assert way.inbound.counts["rejected"] == 3


def test_channels_are_kept_apart_and_forget_with_their_sockets() -> None:
    """The rest of a message never comes over another socket."""
    way = Way()
    torn = text("torn")
    way.take([*torn[:4], *text("next")], channel="shell")
    way.take(torn[4:], channel="iopub")
    way.inbound.clear("shell")
    way.take(torn[4:], channel="shell")
    assert way.came == ["next"]


@pytest.mark.parametrize("cut", range(FRAMES, FRAMES + 2))
def test_a_message_torn_in_its_buffers_keeps_to_itself(cut: int) -> None:
    """The signature of the first one is right, and the next one had become its buffers."""
    way = Way()
    torn = [*text("torn"), b"first", b"second"]
    way.take([*torn[:cut], *text("amid")], torn[cut:], text("later"))
    assert way.came == ["amid", "torn", "later"]
    assert way.inbound.counts["rejected"] == 2


def test_buffers_may_hold_anything_but_a_message() -> None:
    """A delimiter, one's own frames with another signature, or what is short."""
    way = Way()
    forged = text("forged")
    forged[2] = forged[2][::-1]
    for buffers in ([DELIMITER], [b"x", DELIMITER, b"y"], forged, text("short")[:5]):
        way.take([*text("whole"), *buffers])
    assert way.came == ["whole"] * 4


@pytest.mark.parametrize("large", [["x" * LARGEST, ""], ["", "x" * LARGEST]], ids=["first", "rest"])
def test_large_pieces_are_not_put_together(large: list[str]) -> None:
    """To verify them would hold the loop, again and again."""
    way = Way()
    metadata, said = large
    content = json.dumps({"text": said}).encode()
    torn = frames([*text("")[3:5], json.dumps({"x": metadata}).encode(), content])
    way.take([*torn[:6], *text("next")], torn[6:], text("later"))
    assert way.came == ["next", "later"]


def test_unsigned_messages_are_put_together_by_what_can_be_read() -> None:
    """With an empty key there is no more to go by."""
    way = Way(auth=None)
    torn, whole = text("torn"), text("next")
    torn[2] = whole[2] = b""
    way.take([*torn[:5], *whole], torn[5:])
    assert way.came == ["next", "torn"]


def test_rubbish_of_any_shape_raises_nothing_else() -> None:
    """Delimiters and pieces in any order."""
    chance = random.Random(0)
    pieces = Pieces()
    wire = Wire(settings())
    for _ in range(2000):
        frames: list[Frame] = [
            chance.choice([DELIMITER, b"", b"{}", *text("x")]) for _ in range(12)
        ]
        with pytest.raises(ProtocolError):
            wire.unpack(frames)
        assert pieces.mend(frames, wire.unpack) is None
