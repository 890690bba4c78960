"""Of a message that is too large to be kept a note is left, where somebody reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient.protocol.oversize import put_note_in
from tests.messages import incoming

if TYPE_CHECKING:
    from conkernelclient.protocol.messages import Channel

NOTES = [
    # channel, what came, what is left of it: type, and the content but for the note
    ("shell", "execute_reply", "execute_reply", {"status", "ename", "evalue", "traceback"}),
    ("control", "debug_reply", "debug_reply", {"status", "ename", "evalue", "traceback"}),
    ("stdin", "input_request", "input_request", {"prompt", "password"}),
    ("iopub", "display_data", "stream", {"name", "text"}),
    ("iopub", "update_display_data", "stream", {"name", "text"}),
    ("shell", "comm_msg", "comm_msg", set()),
]


@pytest.mark.parametrize(("channel", "came", "left", "keys"), NOTES)
def test_who_waits_for_it_reads_what_became_of_it(
    channel: Channel, came: str, left: str, keys: set[str]
) -> None:
    """In the place where he looks, and with nothing else of the message."""
    message = incoming(came, "r", text="x" * 200, prompt="p", status="ok")
    message.size = 12_345
    put_note_in(channel, message, 100)
    assert (message.msg_type, message.parent_id) == (left, "r")
    assert set(message.content) == keys
    content: Any = message.content
    if keys:
        note = content.get("evalue") or content.get("prompt") or content["text"]
        assert "12345 bytes was left out: max_message_bytes is 100" in note
        assert came in note
    if left.endswith("_reply"):
        assert (content["status"], content["ename"]) == ("error", "ProtocolError")
    if left == "stream":
        assert content["name"] == "stderr"
        assert content["text"].endswith("\n")


def test_the_note_is_english() -> None:
    """An article before a vowel is another one."""
    texts = []
    for came in ("error", "stream"):
        message = incoming(came, "r")
        put_note_in("iopub", message, 1)
        texts.append(message.content["text"])
    assert texts[0].startswith("[an error of ")
    assert texts[1].startswith("[a stream of ")


def test_its_buffers_go() -> None:
    """They are most of what was too large."""
    message = incoming("comm_msg", "r")
    message._buffers = [memoryview(b"x" * 1000)]
    put_note_in("iopub", message, 1)
    assert message.buffers == []
