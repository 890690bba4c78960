"""A log holds each event, and each reader reads it from the start."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from conkernelclient import events
from conkernelclient.outputs.log import Cursor, EventLog
from tests.messages import incoming
from tests.outputs.made import (
    display,
    stream,
)


def read(cursor: Cursor) -> list[Any]:
    got: list[Any] = []
    while (event := cursor.next()) is not None:
        got.append(event)
    return got


def text_of(shown: list[Any]) -> str:
    return "".join(e.text if isinstance(e, events.Stream) else e.data["text/plain"] for e in shown)


@given(
    st.lists(
        st.one_of(
            st.builds(
                stream, st.text(min_size=1, max_size=3), st.sampled_from(["stdout", "stderr"])
            ),
            st.builds(display, st.text(min_size=1, max_size=3)),
        ),
        max_size=40,
    ),
    st.integers(1, 6),
    st.lists(st.integers(0, 40), max_size=4),
)
def test_every_cursor_reads_all_from_the_start_whatever_has_grown_together(
    messages: list[Any], limit: int, stops: list[int]
) -> None:
    """One that reads now and then, and one that reads at the end."""
    log = EventLog(limit)
    eager, got = Cursor(log), []
    for number, message in enumerate(messages):
        assert log.append(message)
        if number in stops:
            got += read(eager)
    got += read(eager)
    late = read(Cursor(log))
    wanted = "".join(m.content.get("text") or m.content["data"]["text/plain"] for m in messages)
    assert text_of(got) == text_of(late) == wanted
    assert read(eager) == []
    assert not log.append(incoming("status", "r"))
    if len(messages) <= limit:
        assert len(late) == len(messages)


def test_a_long_log_of_one_stream_does_not_grow_in_events() -> None:
    """Its text does."""
    log = EventLog(3)
    for number in range(100):
        log.append(stream(f"{number},"))
    assert len(log) == 3
    assert len(text_of(read(Cursor(log)))) == sum(len(f"{n},") for n in range(100))
