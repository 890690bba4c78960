"""What waits for a kernel that does not read is a copy, within bounds, and leaves in order."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conkernelclient.errors import BacklogFullError
from conkernelclient.transport.backlog import Backlog

if TYPE_CHECKING:
    from conkernelclient.transport.backlog import Queue


def test_the_caller_may_go_on_writing_to_what_it_gave() -> None:
    """A memoryview of more than bytes counts in bytes."""
    backlog, queue = Backlog(max_messages=5, max_bytes=100), deque()
    buffer = bytearray(b"before")
    backlog.keep(queue, [b"head", memoryview(buffer), memoryview(bytes(8)).cast("d")], True)
    buffer[:] = b"after!"
    assert [frames for frames, _, _ in queue] == [[b"head", b"before", bytes(8)]]
    assert (backlog.messages, backlog.bytes) == (1, 18)


@pytest.mark.parametrize("bounds", [(2, 1000), (1000, 25)])
def test_what_is_too_much_is_refused_and_nothing_of_it_kept(bounds: tuple[int, int]) -> None:
    """In number, and in bytes, over all channels."""
    backlog = Backlog(max_messages=bounds[0], max_bytes=bounds[1])
    queues: list[Queue] = [deque(), deque()]
    for queue in queues:
        backlog.keep(queue, [bytes(10)], False)
    with pytest.raises(BacklogFullError, match=r"2 messages \(20 bytes\) wait"):
        backlog.keep(queues[0], [bytes(10)], False)
    assert [len(queue) for queue in queues] == [1, 1]
    backlog.purge(queues[1])
    assert (backlog.messages, backlog.bytes, list(queues[1])) == (1, 10, [])
    backlog.keep(queues[0], [bytes(10)], False)


@given(st.lists(st.sampled_from([1, 2, None, 0]), max_size=30))
def test_it_counts_what_waits_and_each_leaves_once_in_order(steps: list[int | None]) -> None:
    """However much the socket takes at a time (the numbers; None: one more comes to wait)."""
    backlog, queue, sent, kept = Backlog(max_messages=99, max_bytes=99), deque(), [], 0
    for room in steps:
        if room is None:
            backlog.keep(queue, [b"%d" % kept, b"x"], False)
            kept += 1
        else:
            left = iter(range(room))

            def send(frames: list[bytes], _copy: bool, left: object = left) -> bool:
                if next(left, None) is None:  # type: ignore[call-overload]
                    return False
                sent.append(frames[0])
                return True

            backlog.flush(queue, send)  # type: ignore[arg-type]
        assert backlog.messages == len(queue) == kept - len(sent)
        assert backlog.bytes == sum(size for _, _, size in queue)
    assert sent == [b"%d" % number for number in range(len(sent))]
