"""Can a program add requests of its own, and take them back?"""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from conkernelclient.errors import ProtocolError
from conkernelclient.sidecar.models import (
    ExecuteReply,
    Message,
    RawMessage,
    Request,
    WireModel,
    known,
    model_of,
    parse,
    register,
    reply_type_of,
)

from .samples import message


class LintOk(WireModel):
    problems: list[str]


class LintReply(Message):
    TYPE: ClassVar[str] = "lint_done"

    content: LintOk


class LintRequestContent(WireModel):
    path: str


class LintRequest(Request):
    TYPE: ClassVar[str] = "lint_request"
    REPLY: ClassVar[Any] = LintReply

    content: LintRequestContent


def test_a_model_of_ones_own_is_used_until_it_is_taken_back() -> None:
    """The request's, and the reply's."""
    whole = message("lint_done", {"problems": ["a"]})
    before = known()
    with register(LintRequest):
        assert type(parse(whole)) is LintReply
        assert type(parse(LintRequest.make(path="a").to_message())) is LintRequest
        assert reply_type_of("lint_request") == LintRequest.reply_type() == "lint_done"
    assert type(parse(whole)) is RawMessage
    assert reply_type_of("lint_request") == "lint_reply"
    assert known() == before


def test_a_type_is_enough() -> None:
    """Its content is then what is given, and its reply as it comes."""
    registered = register("tidy_request", "tidied", channel="control")
    kind = registered.request
    assert (kind.TYPE, kind.CHANNEL, kind.reply_type()) == ("tidy_request", "control", "tidied")
    assert kind.make(a=1).to_message()["content"] == {"a": 1}
    assert model_of("tidy_request") is kind
    assert model_of("tidied") is RawMessage
    registered.undo()
    registered.undo()
    assert model_of("tidy_request") is RawMessage


def test_a_reply_may_be_one_of_the_protocols() -> None:
    """It stays when the request goes."""
    with register("run_request", ExecuteReply) as registered:
        assert reply_type_of("run_request") == "execute_reply"
        assert registered.request.REPLY is ExecuteReply
    assert model_of("execute_reply") is ExecuteReply


def test_what_is_not_known_is_told_by_its_name() -> None:
    """And what is no request gets no reply."""
    told = [reply_type_of(name) for name in ("usage_request", "comm_open", "stream", "of_its_own")]
    assert told == ["usage_reply", None, None, None]


class Nameless(Request):
    content: WireModel


class Other(LintRequest):
    pass


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("execute_request",), "'execute_request' has another model: ExecuteRequest"),
        (("",), "Nameless names no type"),
        ((Nameless,), "Nameless names no type"),
        ((LintRequest, "x"), "LintRequest names its reply itself"),
        ((Other,), "'lint_request' has another model: LintRequest"),
    ],
)
def test_what_cannot_be_registered_is_refused(given: Any, said: str) -> None:
    """And changes nothing."""
    with register(LintRequest):
        before = known()
        with pytest.raises(ProtocolError, match=said):
            register(*given)
        assert known() == before


def test_a_second_registration_of_the_same_is_none() -> None:
    """Its undo takes nothing away."""
    with register(LintRequest):
        register(LintRequest).undo()
        assert model_of("lint_request") is LintRequest


def test_unknown_types_are_not_kept() -> None:
    """A peer that makes up names costs no memory."""
    from conkernelclient.sidecar.models import registry

    for number in range(100):
        parse(message(f"made_up_{number}", {}))
    assert len(registry.built) <= len(known())
