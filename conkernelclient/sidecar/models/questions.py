"""What does code ask of the person in front of it, and what is answered?"""

from __future__ import annotations

from typing import ClassVar

from .base import Channel, Flag, Message, Request, Text, WireModel

__all__ = ["InputReply", "InputReplyContent", "InputRequest", "InputRequestContent"]


class InputRequestContent(WireModel):
    """The prompt, and whether what is typed is a secret."""

    prompt: Text = ""
    password: Flag = False


class InputRequest(Message):
    """
    Code waits for input. The kernel asks, on stdin.

    Source: Jupyter messaging 5.5, "Messages on the stdin channel".
    """

    TYPE: ClassVar[str] = "input_request"

    content: InputRequestContent


class InputReplyContent(WireModel):
    """What was typed."""

    value: Text


class InputReply(Request):
    """The answer to an `InputRequest`, which its parent header names."""

    TYPE: ClassVar[str] = "input_reply"
    CHANNEL: ClassVar[Channel] = "stdin"

    content: InputReplyContent
