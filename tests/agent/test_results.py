"""What a call gives back is a `Result` that tells how the session stands."""

from __future__ import annotations

from typing import Any

import pytest

from conkernelclient import Result
from conkernelclient.agent import SessionResult
from conkernelclient.agent.results import asks_to_exit, model_text


def printed(text: str, **changes: object) -> SessionResult:
    """The result of a call that printed `text`."""
    outputs = [{"output_type": "stream", "name": "stdout", "text": text}] if text else []
    made = Result(status="ok", msg_id="m", code="x", outputs=outputs)
    return SessionResult.of(made, "r1", **changes)


def test_notes_stand_at_the_end_of_the_text_and_no_id_of_a_message_does() -> None:
    """A line each."""
    result = printed("hello\n", notes=("one", "two"), status="timeout", held_by="m7")
    assert (
        result.to_llm() == "hello\n\n[one]\n[two]\n" or result.to_llm() == "hello\n[one]\n[two]\n"
    )
    assert "m7" not in result.to_llm()


def test_notes_are_kept_where_the_outputs_are_cut() -> None:
    """Within the budget."""
    text = printed("x" * 10_000, notes=("all is lost",)).to_llm(300)
    assert len(text) <= 300
    assert text.endswith("[all is lost]\n")


def test_a_text_for_a_model_is_never_empty() -> None:
    """It says that there was nothing."""
    assert model_text(printed(""), 100) == "[the code ran and showed nothing]"
    assert model_text(printed(" \n"), 100, "nothing") == "nothing"
    assert model_text(printed("", notes=("note",)), 100) == "[note]\n"


def test_a_call_that_did_not_run_has_a_result_too() -> None:
    """With the fields of one that did."""
    result = SessionResult.without_run("x", "r2", status="cancelled", notes=("not run",))
    assert (result.status, result.started, result.run_id) == ("cancelled", False, "r2")
    assert "not run" in result.to_llm()
    assert "cancelled" in repr(result)


@pytest.mark.parametrize(
    ("payload", "asks"),
    [
        ([{"source": "ask_exit", "keepkernel": False}], True),
        ([{"source": "page"}, {"source": "ask_exit"}], True),
        ([{"source": "ask_exit", "keepkernel": True}], False),
        ([], False),
        ("ask_exit", False),
        (["ask_exit", None], False),
    ],
)
def test_whether_the_code_asked_to_exit_is_in_the_payload(payload: Any, asks: bool) -> None:
    """Whatever else a kernel sends there."""
    reply: Any = {"content": {"status": "ok", "payload": payload}}
    assert asks_to_exit(printed("", reply=reply)) is asks
    assert not asks_to_exit(printed(""))
