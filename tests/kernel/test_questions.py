"""Each cell that asks gets its own answer, whoever else asks meanwhile."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from conkernelclient.kernel.answers import Answers
from conkernelclient.kernel.cells import CURRENT, Cell
from conkernelclient.kernel.questions import Questions
from conkernelclient.kernel.stops import ThreadGuard
from conkernelclient.kernel.wire import Wire
from tests.kernel.parts import Posts, Stepping, cell, session, until
from tests.messages import packed


class Asked:
    """Cells that ask, each in a thread, and the front end."""

    def __init__(self, **more: Any) -> None:
        self.posts: Any = Posts()
        self.wire = Wire(session(**more))
        answers = Answers(self.wire, self.posts, self.posts, "id", ())
        self.questions = Questions(answers, self.posts)
        self.answers: dict[str, str] = {}

    def ask(self, one: Cell, prompt: str, guard: ThreadGuard | None = None) -> Stepping:
        before = len(self.posts.posted)

        def code() -> None:
            CURRENT.set(one)
            one.guard = guard
            if guard is not None:
                guard.thread = threading.get_ident()
                guard.enter()
            try:
                self.answers[prompt] = self.questions.ask(one, prompt, is_password=False)
            finally:
                if guard is not None:
                    guard.leave(0)

        stepping = Stepping(code)
        until(lambda: len(self.posts.posted) > before)
        return stepping

    def answer(self, parent: Any, value: Any, **header: Any) -> None:
        incoming = Wire(session()).unpack(packed("input_reply", {"value": value}, parent, **header))
        self.questions.take(incoming)


def test_each_answer_goes_to_the_question_that_it_names() -> None:
    """In whatever order they come."""
    asked = Asked()
    cells = {name: cell() for name in "abc"}
    threads = [asked.ask(one, name) for name, one in cells.items()]
    requests = {it["content"]["prompt"]: it for _channel, it in asked.posts.messages()}
    for name, one in cells.items():
        assert requests[name]["msg_type"] == "input_request"
        assert requests[name]["content"]["password"] is False
        assert requests[name]["parent_header"]["msg_id"] == one.incoming.msg_id
    assert {channel for channel, _frames in asked.posts.posted} == {"stdin"}
    for name in "cab":
        parent = {**requests[name]["header"], "date": ""}
        asked.answer(parent, name.upper())
    assert [it.joined() for it in threads] == [None] * 3
    assert asked.answers == {"a": "A", "b": "B", "c": "C"}
    assert not asked.questions._open


def test_an_answer_that_names_none_goes_to_the_first_question_of_its_session() -> None:
    """Else to the first of all; when nobody asks, to nobody."""
    asked = Asked()
    asked.answer({}, "nobody asked")
    threads = [
        asked.ask(cell(session=whose), prompt)
        for whose, prompt in (("one", "a"), ("two", "b"), ("one", "c"))
    ]
    asked.answer({}, "B", session="two")
    assert threads[1].joined() is None
    asked.answer({"msg_id": ["odd"]}, "A", session="three")
    assert threads[0].joined() is None
    asked.answer({"msg_id": "unknown"}, 7, session="one")
    assert threads[2].joined() is None
    assert asked.answers == {"a": "A", "b": "B", "c": "7"}


def test_an_end_of_file_is_one_for_the_code() -> None:
    """As a terminal's Ctrl-D."""
    asked = Asked()
    thread = asked.ask(cell(), "a")
    asked.answer({}, "\x04")
    assert isinstance(thread.joined(), EOFError)


def test_a_stop_ends_the_wait_and_leaves_no_question() -> None:
    """A late answer goes to nobody."""
    asked = Asked()
    guard = ThreadGuard()
    thread = asked.ask(cell(), "a", guard)
    until(lambda: guard.level and not guard.depth)
    guard.ask(KeyboardInterrupt("stopped"))
    assert str(thread.joined()) == "stopped"
    assert not asked.questions._open
    asked.answer({}, "late")


@pytest.mark.parametrize("packer", ["json", "pickle"])
def test_a_session_of_any_packer_may_ask(packer: str) -> None:
    """The id of the question is read as it was written."""
    asked = Asked(packer=packer, unpacker=packer)
    one = Cell(asked.wire.unpack(asked.wire.pack("execute_request", {})), "shell")
    thread = asked.ask(one, "a")
    asked.answer({"msg_id": next(iter(asked.questions._open))}, "A")
    assert thread.joined() is None
    assert asked.answers == {"a": "A"}
