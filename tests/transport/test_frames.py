"""Messages are parted where they end, whatever comes between them."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st

from conkernelclient.protocol.wire import DELIMITER, LARGE
from conkernelclient.transport.frames import FrameReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conkernelclient.protocol.messages import Frame

SIGNED = [b"signature", b"header", b"parent", b"metadata"]
MESSAGE = [b"topic", DELIMITER, *SIGNED, b"content"]
REPLY = MESSAGE[1:]
NUMBERS = itertools.count()


class Pair:
    """Two sockets, and the reader of one."""

    def __init__(self) -> None:
        context = zmq.Context.instance()
        self.sender = context.socket(zmq.PAIR)
        self.receiver = context.socket(zmq.PAIR)
        for socket in (self.sender, self.receiver):
            socket.linger = socket.sndhwm = socket.rcvhwm = 0
        address = f"inproc://frames-{next(NUMBERS)}"  # libzmq may still have that of a closed one
        self.sender.bind(address)
        self.receiver.connect(address)
        self.reader = FrameReader(self.receiver)

    def read(self, *messages: list[bytes], limit: int = 10_000) -> list[list[Frame]]:
        """Send messages, and read what there is."""
        for frames in messages:
            self.sender.send_multipart(frames)
        batch: list[list[Frame]] = []
        assert self.reader.read(batch, limit) == (len(batch) < limit)
        return batch

    def close(self) -> None:
        """Close both."""
        self.sender.close()
        self.receiver.close()


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Two sockets."""
    pair = Pair()
    yield pair
    pair.close()


def numbered(frames: list[bytes], number: int) -> list[bytes]:
    """Tell a message from the others."""
    return [b"%d" % number if frame == b"content" else frame for frame in frames]


def test_messages_of_all_usual_shapes_come_as_they_were_sent(pair: Pair) -> None:
    """With and without a topic, with and without buffers; buffers may hold anything."""
    sent = [MESSAGE, REPLY, [*MESSAGE, b""], [*REPLY, b"buffer", b"\0" * 9], [*MESSAGE, MESSAGE[0]]]
    assert pair.read(*sent) == sent
    assert pair.read() == []


def test_what_is_large_is_not_copied(pair: Pair) -> None:
    """Contents and buffers; it is the same for whoever asks each frame."""
    large = b"x" * LARGE
    for _ in range(2):
        (frames,) = pair.read([*MESSAGE[:-1], large, b"small", large])
        assert [type(frame) for frame in frames[-3:]] == [memoryview, bytes, memoryview]
        assert frames == [*MESSAGE[:-1], large, b"small", large]
        pair.read([b"from now on each frame is asked"])


def test_a_batch_ends_at_its_limit(pair: Pair) -> None:
    """The rest comes with the next."""
    for _ in range(2):
        sent = [numbered(MESSAGE, number) for number in range(5)]
        assert pair.read(*sent, limit=3) == sent[:3]
        assert pair.read(limit=3) == sent[3:]
        pair.read([b"from now on each frame is asked"])


@pytest.mark.parametrize(
    "rubbish",
    [
        [b""],
        [b"one"],
        [b"one", b"two", b"three"],
        [b"x"] * 40,
        [DELIMITER],
        [DELIMITER, b"half"],
        [b"topic", DELIMITER],
        MESSAGE[:-1],
        REPLY[:-1],
        [b"more", b"topics", *MESSAGE],
        [*MESSAGE[:4], *MESSAGE],
    ],
    ids=repr,
)
@pytest.mark.parametrize("good", [MESSAGE, REPLY, [*MESSAGE, b"buffer"]], ids=len)
def test_no_rubbish_cuts_a_message(pair: Pair, rubbish: list[bytes], good: list[bytes]) -> None:
    """It may come with rubbish before it, never with any behind it."""
    sent = [numbered(good, number) for number in range(4)]
    got = pair.read(rubbish, sent[0], sent[1], rubbish, rubbish, sent[2], sent[3])
    for frames in sent:
        assert [each[-len(good) :] for each in got].count(frames) == 1
    assert got[-1] == sent[3]


def test_rubbish_alone_is_given_when_nothing_follows(pair: Pair) -> None:
    """It is not kept for what comes later."""
    assert pair.read([b"one"], [b"two", b"three"]) == [[b"one", b"two", b"three"]]
    assert pair.read([b"one"], [b"two", b"three"]) == [[b"one"], [b"two", b"three"]]
    assert pair.read(MESSAGE) == [MESSAGE]


def test_several_frames_may_stand_before_the_delimiter(pair: Pair) -> None:
    """A message with two identities is one all the same."""
    sent = [b"another", *MESSAGE]
    assert pair.read(*[sent] * 1_500) == [sent] * 1_500


def test_frames_are_asked_for_a_while_only(pair: Pair) -> None:
    """One bad message does not cost all that come after it."""
    bad = [b"no message"]
    pair.read(bad)
    assert pair.read(bad, MESSAGE, bad) == [bad, MESSAGE, bad]
    pair.read(*[MESSAGE] * 1_000)
    assert pair.read(bad, bad, *[MESSAGE] * 2) == [[*bad, *bad, *MESSAGE], MESSAGE]


frame = st.sampled_from([b"", b"x", DELIMITER, b"y" * 70])
one = st.one_of(
    st.lists(frame, min_size=1, max_size=12),
    st.integers(0, 9).map(lambda number: numbered(MESSAGE, number)),
    st.integers(0, 9).map(lambda number: numbered(REPLY, number)),
    st.integers(0, 9).map(lambda number: [*numbered(MESSAGE, number), b"buffer"]),
)


@given(st.lists(one, max_size=30), st.integers(1, 40))
def test_all_frames_come_once_in_order_and_messages_whole(
    sent: list[list[bytes]], limit: int
) -> None:
    """What is laid out as a message ends where something that was read ends."""
    pair = Pair()
    try:
        for frames in sent:
            pair.sender.send_multipart(frames)
        got: list[list[Frame]] = []
        is_empty = False
        while not is_empty:
            batch: list[list[Frame]] = []
            is_empty = pair.reader.read(batch, limit)
            got += batch
        assert [x for frames in got for x in frames] == [x for frames in sent for x in frames]
        ends = set()
        at = 0
        for frames in got:
            assert frames
            at += len(frames)
            ends.add(at)
        at = 0
        for frames in sent:
            at += len(frames)
            if b"signature" in frames:
                assert at in ends
    finally:
        pair.close()
