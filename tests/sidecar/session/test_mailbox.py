"""A watcher gets every event, or is told how many it missed, and gets a snapshot."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conkernelclient.sidecar.document import EditCell, SetMetadata
from conkernelclient.sidecar.session.mailbox import Mailbox, weight_of
from conkernelclient.sidecar.session.session_events import (
    Edited,
    MetadataChanged,
    Missed,
    OutputsChanged,
    Saved,
    SessionEvent,
    Snapshot,
    TextAppended,
)


class Source:
    """What is told, and how everything stands."""

    def __init__(self) -> None:
        self.revision = 0

    def snapshot(self) -> Snapshot:
        return Snapshot(self.revision, {})

    def event(self) -> SessionEvent:
        self.revision += 1
        return Saved(self.revision, "x")


@given(st.lists(st.booleans()), st.integers(1, 4))
def test_nothing_is_lost_without_a_word(steps: list[bool], limit: int) -> None:
    """Whoever reads how often: revisions follow each other, or a snapshot comes."""
    source = Source()
    mailbox = Mailbox(source.snapshot, limit)
    told: list[Any] = []
    puts = 0
    for is_put in [*steps, *[False] * (limit + 3)]:
        if is_put:
            puts += 1
            mailbox.put(source.event(), 1)
            assert len(mailbox) <= limit
        elif (one := mailbox.take()) is not None:
            told.append(one)
    assert mailbox.take() is None
    assert isinstance(told[0], Snapshot)
    revision = None
    for before, one in zip([None, *told], told, strict=False):
        match one:
            case Snapshot():
                assert before is None or isinstance(before, Missed)
                revision = one.revision
            case Missed():
                assert one.events > limit
            case _:
                assert one.revision == revision + 1
                revision = one.revision
    assert revision == source.revision == puts
    assert mailbox.missed == sum(one.events for one in told if isinstance(one, Missed))


def test_heavy_events_are_bounded_by_their_bytes() -> None:
    """A single one is always told."""
    source = Source()
    mailbox = Mailbox(source.snapshot, 100, max_bytes=10)
    mailbox.take()
    mailbox.put(source.event(), 50)
    assert isinstance(mailbox.take(), Saved)
    for _ in range(2):
        mailbox.put(source.event(), 6)
    assert len(mailbox) == 0
    mailbox.put(source.event(), 6)
    assert mailbox.take() == Missed(3)
    assert mailbox.take() == Snapshot(4, {})


def test_what_is_dropped_is_not_told() -> None:
    """And a limit below 1 is none."""
    source = Source()
    mailbox = Mailbox(source.snapshot)
    mailbox.drop()
    assert mailbox.take() is None
    with pytest.raises(ValueError, match="at least 1"):
        Mailbox(source.snapshot, 0)


@pytest.mark.parametrize(
    "event",
    [
        OutputsChanged(1, "a", 0, [{"data": {"text/plain": ["x" * 1000]}, "n": 1}], None),
        TextAppended(1, "a", 0, "x" * 1000),
        MetadataChanged(1, {"widgets": {"x" * 1000: True}}),
        Edited(1, (EditCell("a", "x" * 1000),)),
        Edited(1, (SetMetadata(None, {"x": "x" * 1000}),)),
    ],
)
def test_the_weight_is_about_that_of_the_text(event: SessionEvent) -> None:
    """Which is what may be large."""
    assert 1000 < weight_of(event) < 1400
    assert weight_of(Saved(1, "x")) < 1000
