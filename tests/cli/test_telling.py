"""A message of any shape is one line of plain words, and no control reaches the terminal."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conkernelclient.cli.telling import LONGEST, TELLERS, first_line, telling

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
FIELDS = ("execution_state", "name", "text", "code", "data", "ename", "comm_id", "restart", "wait")


@pytest.mark.parametrize(
    ("msg_type", "content", "told"),
    [
        ("status", {"execution_state": "busy"}, "busy with execute_request"),
        ("stream", {"name": "stdout", "text": "\n\x1b[31ma\x07b\x1b[0m\nc\n"}, "stdout: "),
        ("execute_input", {"code": "1 + 1\n2", "execution_count": 3}, "[3] 1 + 1 (+1 line)"),
        (
            "execute_result",
            {"data": {"text/plain": ["<", "x>"], "text/html": "<b>"}, "execution_count": 3},
            "[3] (text/html) <x>",
        ),
        ("display_data", {"data": {"image/png": "iVBO"}}, "(image/png) "),
        ("error", {"ename": "ValueError", "evalue": "no\nwhy"}, "ValueError: no (+1 line)"),
        ("clear_output", {"wait": True}, "when the next output comes"),
        ("shutdown_reply", {"restart": False}, "the kernel ends"),
        ("comm_msg", {"comm_id": "0123456789", "data": {"method": "update"}}, "01234567 update"),
        ("comm_open", {"comm_id": "0123456789", "target_name": "w"}, "01234567 w"),
        ("iopub_welcome", {"subscription": ""}, "subscribed to everything"),
        ("of_tomorrow", {"x": 1}, '{"x": 1}'),
    ],
)
def test_each_type_is_told_by_what_it_says(
    msg_type: str, content: dict[str, object], told: str
) -> None:
    """In its first line."""
    parent = {"msg_type": "execute_request"}
    message = {"header": {"msg_type": msg_type}, "parent_header": parent, "content": content}
    assert telling(message).startswith(told.rstrip())


@settings(max_examples=60)
@given(
    st.sampled_from([*TELLERS, "other"]),
    st.dictionaries(st.sampled_from(FIELDS), JSON) | JSON,
    JSON,
)
def test_rubbish_is_told_in_one_line_without_controls(
    msg_type: str, content: object, parent: object
) -> None:
    """Whatever a kernel sends."""
    message = {"header": {"msg_type": msg_type}, "parent_header": parent, "content": content}
    assert telling(message).isprintable()


@given(st.text())
def test_a_first_line_is_short_and_printable(text: str) -> None:
    """With a note of what follows."""
    line = first_line(text)
    assert line.isprintable()
    assert len(line) <= LONGEST + 30


def test_escape_sequences_are_left_out_whole() -> None:
    """Colours, titles, and those that are cut off."""
    assert first_line("\x1b]0;title\x07a\x1b[1;31mb\x1b[") == "ab"
    assert first_line("a\n\n\nb\nc") == "a (+2 lines)"
    assert first_line(" \n") == ""
