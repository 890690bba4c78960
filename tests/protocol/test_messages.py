"""The shapes of messages are those of the protocol."""

from __future__ import annotations

import pytest

from conkernelclient.protocol.messages import CHANNELS, PROTOCOL_VERSION, Header, Message
from conkernelclient.protocol.wire import Wire
from tests.messages import packed, settings


def test_the_channels_are_four() -> None:
    """The heartbeat carries no messages."""
    assert CHANNELS == ("shell", "iopub", "stdin", "control")


@pytest.mark.parametrize("more", [{}, {"subshell_id": "s"}])
def test_a_message_that_was_read_has_the_keys_of_its_type(more: dict[str, str]) -> None:
    """So that whoever goes by the types finds what they promise; a subshell may be named."""
    message = Wire(settings()).unpack(packed("stream", {}, **more)).message
    assert message.keys() == Message.__annotations__.keys()
    assert (
        message["header"].keys() == (Header.__annotations__.keys() - {"subshell_id"}) | more.keys()
    )


def test_the_version_is_one_that_needs_no_adapter() -> None:
    """What we send is not adapted by whoever speaks it too."""
    message = Wire(settings()).unpack(packed("stream", {}, version=PROTOCOL_VERSION))
    assert message._adapted is None
