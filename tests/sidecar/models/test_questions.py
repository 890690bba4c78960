"""Are a question of running code and its answer typed?"""

from __future__ import annotations

from conkernelclient.sidecar.models import InputReply, InputRequest, parse

from .samples import message


def test_a_question_may_be_for_a_secret() -> None:
    """And is none where the kernel does not say so."""
    asked = parse(message("input_request", {"prompt": "? ", "password": True}))
    assert isinstance(asked, InputRequest)
    assert (asked.content.prompt, asked.content.password) == ("? ", True)
    assert parse(message("input_request", {})).content.password is False


def test_an_answer_goes_out_on_stdin_with_its_question_as_parent() -> None:
    """Nothing replies to it."""
    answer = InputReply.make(value="42")
    answer.parent_header.msg_id = "question"
    assert answer.to_message()["parent_header"] == {"msg_id": "question"}
    assert answer.to_message()["content"] == {"value": "42"}
    assert (answer.CHANNEL, answer.reply_type()) == ("stdin", None)
