"""Is each payload of an execute reply typed, those of a kernel's own among them?"""

from __future__ import annotations

from typing import Any

from conkernelclient.sidecar.models import (
    AskExit,
    EditMagic,
    ExecuteOk,
    OtherPayload,
    Page,
    SetNextInput,
    parse,
)

from .samples import MIME, SAMPLES, message


def test_each_payload_has_its_model() -> None:
    """By its source; what is unknown is there as well."""
    content: Any = parse(message("execute_reply", SAMPLES["execute_reply"][0])).content
    page, following, edited, opened, closed, own, empty = content.payload
    assert (type(page), page.data, page.start) == (Page, MIME, 0)
    assert (type(following), following.text, following.replace) == (SetNextInput, "x", True)
    assert (type(edited), edited.filename, edited.line_number) == (EditMagic, "f.py", 1)
    assert (type(opened), opened.line_number) == (EditMagic, None)
    assert (type(closed), closed.keepkernel) == (AskExit, False)
    assert (type(own), own.source, own.a) == (OtherPayload, "of its own", 1)
    assert (type(empty), empty.source) == (OtherPayload, None)


def test_a_reply_takes_payloads_that_are_made_already() -> None:
    """As a fake kernel makes them."""
    made = ExecuteOk(payload=[SetNextInput(source="set_next_input", text="a")])
    assert made.to_wire() == {"payload": [{"source": "set_next_input", "text": "a"}]}
