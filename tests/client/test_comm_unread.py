"""What no reader has taken waits, up to two bounds; beyond them it is counted at its place."""

from __future__ import annotations

from typing import Any

import pytest

from conkernelclient.client.comm_unread import Gap, Unread


def message(number: int, *buffers: Any) -> Any:
    """A `comm_msg`, as far as the queue looks at it."""
    return {"content": {"data": number}, "buffers": list(buffers)}


def taken(unread: Unread) -> list[Any]:
    """All that waits: the numbers of messages, and gaps."""
    items = [unread.take() for _ in range(len(unread))]
    return [item if isinstance(item, Gap) else item["content"]["data"] for item in items]


def test_what_waits_is_taken_in_order_once() -> None:
    """Oldest first."""
    unread = Unread()
    assert all(unread.put(message(number)) for number in range(5))
    assert taken(unread) == [0, 1, 2, 3, 4]
    with pytest.raises(IndexError):
        unread.take()


def test_what_has_no_room_is_counted_at_its_place() -> None:
    """One gap for all in a row; what comes when there is room again follows it."""
    unread = Unread(max_messages=3)
    kept = [unread.put(message(number)) for number in range(6)]
    assert kept == [True, True, True, False, False, False]
    unread.take()
    unread.take()
    assert unread.put(message(6))
    assert not unread.put(message(7))
    assert taken(unread) == [2, Gap(3), 6, Gap(1)]


def test_the_bytes_of_buffers_are_bounded_too() -> None:
    """But one message has room in any case, as nobody could get it otherwise."""
    unread = Unread(max_bytes=10)
    assert unread.put(message(0, b"x" * 100))
    assert not unread.put(message(1, b"x"))
    assert unread.put(message(2))
    assert taken(unread) == [0, Gap(1), 2]
    assert unread.put(message(3, memoryview(bytes(4)), bytearray(6)))
    assert not unread.put(message(4, b"x"))


def test_a_cut_is_one_gap_of_unknown_size() -> None:
    """However often it is noted; dropped ones beside it are counted."""
    unread = Unread(max_messages=2)
    unread.break_off()
    unread.break_off()
    unread.put(message(0))
    unread.put(message(1))
    unread.break_off()
    unread.put(message(2))
    assert taken(unread) == [Gap(None), 0, Gap(1), Gap(None), Gap(1)]


def test_only_the_oldest_message_is_discarded() -> None:
    """That is the one which a handler was given; gaps before it go with it."""
    first, second = message(1), message(2)
    unread = Unread()
    unread.break_off()
    unread.put(first)
    unread.put(second)
    unread.discard(second)
    assert len(unread) == 2
    unread.discard(first)
    assert taken(unread) == [2]
    unread.discard(first)
