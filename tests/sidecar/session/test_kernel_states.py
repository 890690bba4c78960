"""A kernel is shown as busy while it runs code, and otherwise as the client finds it."""

from __future__ import annotations

from typing import Any

import pytest

from conkernelclient.sidecar.session.kernel_states import KernelStanding


def status(
    state: Any, request: Any = "r", kind: str = "execute_request", **parent: Any
) -> dict[str, Any]:
    """A status message."""
    parent_header = {"msg_id": request, "msg_type": kind} | parent
    return {"parent_header": parent_header, "content": {"execution_state": state}}


@pytest.mark.parametrize(
    ("presence", "shown"),
    [
        ("ready", "idle"),
        ("starting", "starting"),
        ("disconnected", "disconnected"),
        ("restarting", "restarting"),
        ("dead", "dead"),
    ],
)
def test_each_word_of_the_client_is_shown(presence: str, shown: str) -> None:
    """Each change of it is one, also of the reason alone."""
    standing = KernelStanding(presence)
    assert standing.state == shown
    assert not standing.note_presence(presence)
    assert standing.note_presence(presence, "why")
    assert standing.reason == "why"


def test_it_is_busy_until_the_last_request_is_idle() -> None:
    """What comes between is no change."""
    standing = KernelStanding("ready")
    assert standing.note_status(status("busy", "a"))
    assert not standing.note_status(status("busy", "b"))
    assert not standing.note_status(status("idle", "a"))
    assert standing.state == "busy"
    assert standing.note_status(status("idle", "b"))
    assert standing.state == "idle"
    assert standing.note_status(status("busy", "c"))
    assert standing.note_ended("c")
    assert not standing.note_ended("c")


@pytest.mark.parametrize(
    "message",
    [
        status("busy", kind="complete_request"),
        status("busy", request=None),
        status("starting"),
        status(5),
        {"parent_header": None, "content": {}},
    ],
)
def test_questions_and_odd_messages_do_not_make_it_busy(message: dict[str, Any]) -> None:
    """Somebody types, or a kernel says what no kernel should."""
    standing = KernelStanding("ready")
    assert not standing.note_status(message)
    assert standing.state == "idle"


@pytest.mark.parametrize("presence", ["starting", "restarting", "dead"])
def test_what_it_was_busy_with_ends_with_it(presence: str) -> None:
    """But not where the connection is lost for a moment."""
    standing = KernelStanding("ready")
    standing.note_status(status("busy"))
    assert standing.note_presence("disconnected")
    assert standing.note_presence("ready")
    assert standing.state == "busy"
    standing.note_presence(presence)
    standing.note_presence("ready")
    assert standing.state == "idle"
