"""A message tells what it said: dates are read, and what is large, when somebody looks."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conkernelclient.protocol.incoming import parse_date
from conkernelclient.protocol.wire import LARGE, Wire
from tests.messages import frames, header, packed, settings
from tests.protocol.odd import ODD_TEXTS, same

pytestmark = pytest.mark.filterwarnings(
    "ignore:Interpreting naive datetime:DeprecationWarning",  # what Session says to such dates
)


@given(
    st.one_of(
        ODD_TEXTS, st.from_regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?")
    )
)
def test_a_date_is_read_as_jupyter_client_reads_it_or_stays_a_text(text: str) -> None:
    """The instant and the offset are the same."""
    from jupyter_client.jsonutil import parse_date as theirs

    try:
        wanted = theirs(text)
    except (ValueError, OverflowError):
        assert parse_date(text) == text
        return
    got = parse_date(text)
    assert same(got, wanted) or got == text


@pytest.mark.parametrize("text", ["2026-W01-5T02:03:04.678901Z", "2026-01-02T02:04Z\x005.678901Z"])
def test_what_only_python_takes_for_a_date_stays_a_text(text: str) -> None:
    """The day of a week, and what ends at a NUL: `fromisoformat` reads both."""
    assert parse_date(text) == text


def test_a_naive_date_is_local_time() -> None:
    """As in Session, which warns about it."""
    got = parse_date("2026-01-02T03:04:05")
    assert isinstance(got, datetime)
    assert got.replace(tzinfo=None) == datetime(2026, 1, 2, 3, 4, 5)
    assert got.tzinfo is not None


def test_what_is_not_there_is_empty_and_stays_what_it_was_made() -> None:
    """A message's metadata and buffers are one's to change."""
    message = Wire(settings()).unpack(packed("stream", {}))
    message.metadata["mine"] = 1
    message.buffers.append(memoryview(b"b"))
    assert message.message["metadata"] == {"mine": 1}
    assert message.message["buffers"] == [b"b"]


def test_what_a_message_is_replaced_by_is_all_that_is_left() -> None:
    """Also of one that came from another version of the protocol."""
    old = {"msg_id": "x", "msg_type": "pyout", "username": "u", "session": "s"}
    for parts in (header("stream"), old):
        dumped = [json.dumps(part).encode() for part in (parts, {"msg_id": "p"}, {}, {"data": {}})]
        message = Wire(settings()).unpack(frames([*dumped, b"buffer"]))
        message.replace("note", {"a": 1})
        whole: Any = message.message
        assert (message.msg_type, message.content, message.buffers) == ("note", {"a": 1}, [])
        assert whole["header"]["msg_type"] == whole["msg_type"] == "note"
        assert (whole["content"], whole["buffers"]) == ({"a": 1}, [])


def test_a_large_content_can_be_replaced_before_anybody_reads_it() -> None:
    """As for a message over `max_message_bytes`: what it said is never parsed, and let go."""
    wire = Wire(settings())
    message = wire.unpack(frames([*packed("stream", {})[3:6], b'{"' + b"x" * LARGE]))
    message.replace("stream", {"text": "a note"})
    assert (message.is_deferred, message.content) == (False, {"text": "a note"})
    assert wire.unreadable == 0


@pytest.mark.parametrize(
    "extra", [{}, {"tags": [["a"]]}, {"more": {"date": "2026-01-02T03:04:05Z"}}]
)
def test_each_message_of_a_request_has_a_parent_header_of_its_own(extra: dict[str, Any]) -> None:
    """With dates, whatever is done to the one of the message before it."""
    wire = Wire(settings())
    parent, other = header("execute_request", **extra), header("execute_request")
    messages = [wire.unpack(packed("stream", {}, one)) for one in (parent, parent, other, parent)]
    first, *rest = [message.message["parent_header"] for message in messages]
    wanted = deepcopy(first)
    assert isinstance(first["date"], datetime)
    for value in first.values():
        if isinstance(value, (dict, list)):
            value.clear()
    first.clear()
    assert [one == wanted for one in rest] == [True, False, True]
    assert messages[0].message["parent_header"] == wanted


def test_a_parent_header_that_is_null_stays_so() -> None:
    """A kernel that has none to name may say it in this way."""
    parts = [json.dumps(one).encode() for one in (header("status"), None, {}, {})]
    message = Wire(settings()).unpack(frames(parts))
    assert message.message["parent_header"] is None
