"""Does each request name its channel and its reply, and is it made as kernels take it?"""

from __future__ import annotations

from typing import Any

import pytest

from conkernelclient.errors import ProtocolError
from conkernelclient.sidecar.models import (
    CompleteRequest,
    HistoryRequest,
    InspectRequest,
    InterruptRequest,
    Message,
    Request,
    known,
)

from .samples import SAMPLES

REQUESTS: list[type[Request]] = [kind for kind in known().values() if issubclass(kind, Request)]
CONTROL = {"shutdown", "interrupt", "debug", "create_subshell", "delete_subshell", "list_subshell"}
UNANSWERED = {"comm_open", "comm_msg", "comm_close", "input_reply"}


@pytest.mark.parametrize("kind", REQUESTS, ids=lambda kind: kind.TYPE)
def test_a_request_names_its_reply_and_its_channel(kind: type[Request]) -> None:
    """By the rule of the protocol's names."""
    stem = kind.TYPE.removesuffix("_request")
    if kind.TYPE in UNANSWERED:
        assert kind.reply_type() is None
        assert ("stdin" if kind.TYPE == "input_reply" else "shell") == kind.CHANNEL
    else:
        assert isinstance(kind.REPLY, type)
        assert issubclass(kind.REPLY, Message)
        assert kind.reply_type() == f"{stem}_reply"
        assert ("control" if stem in CONTROL else "shell") == kind.CHANNEL


def test_each_request_of_the_protocol_is_there() -> None:
    """Those that are asked by their name, and what is sent without a reply."""
    named = {msg_type for msg_type in SAMPLES if msg_type.endswith("_request")} - {"input_request"}
    assert {kind.TYPE for kind in REQUESTS} == named | UNANSWERED


@pytest.mark.parametrize("kind", REQUESTS, ids=lambda kind: kind.TYPE)
def test_it_is_made_of_what_was_sent_before(kind: type[Request]) -> None:
    """And says the same, and what goes without saying."""
    for content in SAMPLES[kind.TYPE]:
        known_fields = {
            name: value
            for name, value in content.items()
            if name in getattr(kind.model_fields["content"].annotation, "model_fields", {})
        }
        made = kind.make(**known_fields).to_message()["content"]
        said = {name: value for name, value in known_fields.items() if value is not None}
        assert {name: made[name] for name in said} == said


@pytest.mark.parametrize("kind", [CompleteRequest, InspectRequest])
def test_the_cursor_is_at_the_end_where_it_is_nowhere_else(kind: Any) -> None:
    """At 0 it is at 0."""
    assert kind.make(code="a.b").content.cursor_pos == 3
    assert kind.make(code="a.b", cursor_pos=0).content.cursor_pos == 0


def test_history_is_asked_for_in_three_ways() -> None:
    """Each with its own fields, and no other."""
    common = {"output": False, "raw": True}
    ways = [
        ({}, {"hist_access_type": "range", "session": 0, "start": 0}),
        ({"session": -1, "stop": 3}, {"session": -1, "start": 0, "stop": 3}),
        ({"hist_access_type": "tail", "n": 2}, {"n": 2}),
        ({"hist_access_type": "search", "pattern": "a", "unique": True}, {"pattern": "a"}),
    ]
    for given, expected in ways:
        made = HistoryRequest.make(**given).to_message()["content"]
        whole = {"hist_access_type": "range", **common, **given, **expected}
        assert made == whole
    with pytest.raises(ProtocolError, match="hist_access_type"):
        HistoryRequest.make(hist_access_type="sideways")


def test_an_interrupt_names_requests_only_if_told_to() -> None:
    """Only one kernel looks at the names."""
    assert InterruptRequest.make().to_message()["content"] == {}
    assert InterruptRequest.make(msg_ids=["a"]).to_message()["content"] == {"msg_ids": ["a"]}
