"""Is a model the message that it is made of, and what is written into it?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from conkernelclient.errors import ProtocolError
from conkernelclient.sidecar.models import CommInfoRequest, ExecuteRequest, Stream, parse

from .samples import message


def test_a_made_request_is_a_whole_message() -> None:
    """With what the protocol says where nothing is said."""
    request = ExecuteRequest.make(code="1")
    whole = request.to_message()
    assert whole["content"] == {
        "code": "1",
        "silent": False,
        "store_history": True,
        "user_expressions": {},
        "allow_stdin": True,
        "stop_on_error": True,
    }
    assert whole["msg_id"] == whole["header"]["msg_id"] == request.msg_id
    assert whole["header"].keys() == {
        "msg_id",
        "msg_type",
        "username",
        "session",
        "date",
        "version",
    }
    assert datetime.now(UTC) - whole["header"]["date"] < timedelta(minutes=1)
    assert parse(whole) == request
    assert ExecuteRequest.make(code="1").msg_id != request.msg_id


def test_a_request_takes_what_its_maker_says() -> None:
    """Fields of the header, metadata, buffers, and fields of one's own."""
    view = memoryview(b"a")
    request = ExecuteRequest.make(
        code="1",
        silent=True,
        header={"msg_id": "m", "subshell_id": "s"},
        metadata={"cellId": "c"},
        buffers=(view,),
        extra={"of_my_own": None},
    )
    whole = request.to_message()
    assert (whole["msg_id"], request.header.subshell_id) == ("m", "s")
    assert whole["metadata"] == {"cellId": "c"}
    assert whole["buffers"][0] is view
    assert (whole["content"]["silent"], whole["content"]["of_my_own"]) == (True, None)


def test_what_is_none_is_not_sent() -> None:
    """A kernel may take a null for a name."""
    assert CommInfoRequest.make(target_name=None).to_message()["content"] == {}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"cod": "1"}, "execute_request has no field 'cod'; is 'code' meant?"),
        ({"code": "1", "zzz": 1}, "has no field 'zzz'. Fields of one's own go into extra"),
        ({}, "no execute_request: content.code: missing"),
        ({"code": 1}, "no execute_request: content.code: "),
        ({"code": "", "silent": 1}, "content.silent: "),
    ],
)
def test_a_request_that_cannot_be_is_refused(given: dict[str, Any], said: str) -> None:
    """With the name that was meant."""
    with pytest.raises(ProtocolError) as caught:
        ExecuteRequest.make(**given)
    assert said in str(caught.value)


def test_what_is_written_into_a_model_is_in_the_message() -> None:
    """Fields that were there, that were not, and those that nobody declared."""
    model = parse(
        {"header": {"msg_type": "stream", "msg_id": "m"}, "content": {}, "x": 1}
        | {"content": {"name": "stdout", "text": "a", "y": 2}}
    )
    assert isinstance(model, Stream)
    model.content.text = "b"
    model.metadata["new"] = True
    model.parent_header.msg_id = "p"
    model.channel = "iopub"
    assert model.to_message() == {
        "header": {"msg_type": "stream", "msg_id": "m"},
        "parent_header": {"msg_id": "p"},
        "metadata": {"new": True},
        "content": {"name": "stdout", "text": "b", "y": 2},
        "channel": "iopub",
        "x": 1,
    }


def test_a_message_knows_whose_it_is() -> None:
    """By its parent header."""
    model = parse(message("status", {"execution_state": "idle"}))
    assert model.parent_id == "id of execute_request"
    assert model.parent_header.subshell_id == "s"
    assert model.parent_header.date == "no date"
