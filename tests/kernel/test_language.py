"""One thread answers completions and the like, one after the other, whatever goes wrong."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient.kernel import language
from conkernelclient.kernel.answers import Answers
from conkernelclient.kernel.cells import CURRENT
from conkernelclient.kernel.language import Language
from conkernelclient.kernel.wire import Wire
from tests.kernel.parts import BOUND, Posts, cell, session

if TYPE_CHECKING:
    from conkernelclient.kernel.cells import Cell


def answered(handler: Any, *cells: Cell) -> Posts:
    posts: Any = Posts()
    answers = Answers(Wire(session()), posts, posts, "id", ())
    thread = Language(answers, {"complete_request": handler}, lambda: True)
    for one in cells:
        thread.put(one)
    thread.end()
    thread.start()
    thread.join(BOUND)
    assert not thread.is_alive()
    return posts


def test_each_request_is_answered_in_order_as_its_own() -> None:
    """What its code prints belongs to it, and `end` leaves none unanswered."""
    seen: list[Any] = []

    def handler(content: dict[str, Any]) -> dict[str, Any]:
        seen.append(CURRENT.get())
        return {"status": "ok", **content}

    cells = [cell("complete_request", content={"code": str(number)}) for number in range(3)]
    posts = answered(handler, *cells)
    assert seen == cells
    assert [one for _channel, one in posts.told()] == ["busy", "complete_reply", "idle"] * 3
    replies = [it["content"]["code"] for channel, it in posts.messages() if channel == "shell"]
    assert replies == ["0", "1", "2"]


def test_its_questions_go_first_until_they_are_answered_and_not_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Cells that have not begun give way meanwhile."""
    said: list[bool] = []

    def handler(content: dict[str, Any]) -> dict[str, Any]:
        said.append(thread.goes_first())
        monkeypatch.setattr(language, "PATIENCE", 0.0)
        said.append(thread.goes_first())
        return content

    posts: Any = Posts()
    answers = Answers(Wire(session()), posts, posts, "id", ())
    thread = Language(answers, {"complete_request": handler}, lambda: True)
    said.append(thread.goes_first())
    monkeypatch.setattr(language, "PATIENCE", BOUND)
    thread.put(cell("complete_request"))
    said.append(thread.goes_first())
    thread.end()
    thread.start()
    thread.join(BOUND)
    monkeypatch.setattr(language, "PATIENCE", BOUND)
    assert [*said, thread.goes_first()] == [False, True, True, False, False]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_what_a_user_s_object_raises_is_the_answer_to_one_request(
    error: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    """Completion reads attributes, which may do anything; the thread goes on."""

    def handler(content: dict[str, Any]) -> dict[str, Any]:
        if content["code"] == "bad":
            raise error("words")
        return {"status": "ok"}

    bad = cell("complete_request", content={"code": "bad"})
    posts = answered(handler, bad, cell("inspect_request"), cell("complete_request"))
    replies = [it["content"] for channel, it in posts.messages() if channel == "shell"]
    assert replies[0]["ename"] == error.__name__
    assert replies[0]["evalue"] == "words"
    assert [it["status"] for it in replies] == ["error", "error", "ok"]
    logged = [it.getMessage() for it in caplog.records if it.name.startswith("conkernelclient")]
    caplog.clear()
    assert logged == ["the complete_request goes wrong", "the inspect_request goes wrong"]


def test_it_warms_up_once_when_nothing_is_asked_and_later_if_a_cell_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A kernel that is busy is left alone, and one that is warm stays so."""
    monkeypatch.setattr(language, "IDLE", 0.01)
    said = iter([False, False, True])
    is_warm = threading.Event()

    def warm_up() -> bool:
        answer = next(said)  # a fourth call would raise
        if answer:
            is_warm.set()
        return answer

    answers: Any = None
    thread = Language(answers, {}, warm_up)
    thread.start()
    assert is_warm.wait(10)
    thread.end()
    thread.join(10)
    assert not thread.is_alive()
