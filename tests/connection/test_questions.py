"""Input requests are open until they are answered, or their code asks no more."""

from __future__ import annotations

from conkernelclient.connection.questions import Questions
from tests.messages import incoming


def test_those_of_a_request_that_was_replied_to_are_forgotten() -> None:
    """The others stay, oldest first."""
    questions = Questions()
    asked = [incoming("input_request", parent, prompt="") for parent in ("a", "b", "a", "c")]
    for question in asked:
        questions[question.msg_id] = question
    questions.forget("a")
    assert list(questions.values()) == [asked[1], asked[3]]
    questions.forget("nobody's")
    assert len(questions) == 2
