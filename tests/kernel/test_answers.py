"""A front end hears busy, what its message leads to, a reply and idle, in this order."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from conkernelclient.kernel.answers import Answers, error_content
from conkernelclient.kernel.wire import Wire
from tests.kernel.parts import Posts, cell, session

if TYPE_CHECKING:
    from conkernelclient.kernel.cells import Cell


class Printed:
    """A stream whose text is sent when it is flushed."""

    def __init__(self) -> None:
        self.answers: Any = None

    def flush_cell(self, cell: Cell) -> None:
        self.answers.publish_for(cell, "stream", {"name": "stdout", "text": "x"})


def made() -> tuple[Posts, Answers]:
    posts: Any = Posts()
    stream: Any = Printed()
    stream.answers = Answers(Wire(session()), posts, posts, "id", (stream,))
    return posts, stream.answers


def test_a_message_is_answered_in_order_and_as_its_own() -> None:
    """What it printed is sent before the reply."""
    posts, answers = made()
    one = cell("complete_request", "control")
    answers.status(one, "busy")
    answers.finish(one, {"status": "ok", "n": 1})
    assert posts.told() == [
        ("iopub", "busy"),
        ("iopub", "stream"),
        ("control", "complete_reply"),
        ("iopub", "idle"),
    ]
    messages = [message for _channel, message in posts.messages()]
    assert {it["parent_header"]["msg_id"] for it in messages} == {one.incoming.msg_id}
    assert messages[2]["content"] == {"status": "ok", "n": 1}
    assert messages[2]["metadata"] == {}


def test_a_reply_goes_to_who_asked_and_iopub_has_topics() -> None:
    """By the idents that came; a message of no cell has no parent."""
    posts, answers = made()
    answers.reply(cell(), {})
    answers.publish("status", {"execution_state": "starting"})
    (_channel, reply), (_iopub, published) = posts.posted
    assert reply[0] == b"topic"
    assert published[0] == b"kernel.id.status"
    assert posts.messages()[1][1]["parent_header"] == {}


def test_an_execute_reply_says_when_it_started_and_how_it_went() -> None:
    """As ipykernel's does."""
    posts, answers = made()
    one = cell()
    answers.finish_cell(one, {"status": "ok"}, 1_000_000_000.25)
    metadata = posts.messages()[1][1]["metadata"]
    assert metadata["started"] == "2001-09-09T01:46:40.250000Z"
    del metadata["started"]
    assert metadata == {"dependencies_met": True, "engine": "id", "status": "ok"}


def test_what_never_runs_is_answered_as_a_whole() -> None:
    """Busy, reply, idle, and a date of now."""
    posts, answers = made()
    answers.refuse(cell(), error_content("UnmetDependency", "words"))
    assert [one for _channel, one in posts.told()] == ["busy", "stream", "execute_reply", "idle"]
    reply = posts.messages()[2][1]
    assert reply["content"] == {
        "status": "error",
        "ename": "UnmetDependency",
        "evalue": "words",
        "traceback": [],
    }
    assert reply["metadata"]["dependencies_met"] is False
    assert re.match(rb'\{"started":"20\d\d-\d\d-\d\dT[\d:]+\.\d{6}Z"', posts.posted[2][1][5])
