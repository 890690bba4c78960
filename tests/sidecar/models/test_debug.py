"""Is an answer of the debugger typed where Jupyter says what is in it?"""

from __future__ import annotations

from typing import Any

import pytest

from conkernelclient.errors import UnparseableMessageError
from conkernelclient.sidecar.models import (
    DebugInfo,
    DebugRequest,
    DebugResponse,
    DumpCell,
    InspectVariables,
    ReplyAborted,
    ReplyError,
    RichInspectVariables,
    parse,
)

from .samples import DAP, SAMPLES, message


def answer(content: dict[str, Any]) -> Any:
    return parse(message("debug_reply", content)).content


def test_each_command_of_jupyter_has_its_answer() -> None:
    """Others have the common one, and so has one that failed."""
    kinds = [type(answer(content)) for content in SAMPLES["debug_reply"]]
    assert kinds == [
        DumpCell,
        DebugInfo,
        InspectVariables,
        RichInspectVariables,
        *[DebugResponse] * 3,
        *[ReplyError] * 2,
        *[ReplyAborted] * 2,
    ]


def test_the_bodies_are_typed() -> None:
    """A breakpoint is an object, and the seed a number or a text."""
    info = answer(SAMPLES["debug_reply"][1]).body
    assert info.hashSeed == 3339675911
    assert info.breakpoints[0].breakpoints == [{"line": 1}]
    assert answer(SAMPLES["debug_reply"][0]).body.sourcePath == "/tmp/a.py"
    with pytest.raises(UnparseableMessageError, match=r"content\.body\.sourcePath"):
        answer({**DAP, "command": "dumpCell", "body": {"sourcePath": 1}})


def test_an_answer_can_be_made() -> None:
    """As a fake kernel makes it."""
    made = DebugInfo.model_validate({"command": "debugInfo", "success": True, "body": {}})
    assert answer(made.to_wire()) == made
    model: Any = parse(message("debug_reply", made))
    assert type(model.content) is DebugInfo


def test_a_command_has_a_number_and_arguments() -> None:
    """As ipykernel wants them."""
    made = DebugRequest.make(command="dumpCell", arguments={"code": "1"})
    assert made.to_message()["content"] == {
        "command": "dumpCell",
        "type": "request",
        "seq": 1,
        "arguments": {"code": "1"},
    }
