"""
What do a front end and a kernel's debugger tell each other?

The contents are messages of the Debug Adapter Protocol, whose names these are. The bodies of the
commands that Jupyter adds are typed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, TypeAlias, cast

from pydantic import Discriminator, Field, Tag

from .base import (
    Bundle,
    Channel,
    Expected,
    Flag,
    Items,
    ListOf,
    Message,
    Request,
    Text,
    Texts,
    Whole,
    WireModel,
)
from .replies import ABORTED, ERROR, ReplyAborted, ReplyError, form_of

__all__ = [
    "DebugEvent",
    "DebugEventContent",
    "DebugInfo",
    "DebugInfoBody",
    "DebugReply",
    "DebugReplyContent",
    "DebugRequest",
    "DebugRequestContent",
    "DebugResponse",
    "DumpCell",
    "DumpCellBody",
    "InspectVariables",
    "InspectVariablesBody",
    "RichInspectVariables",
    "RichInspectVariablesBody",
    "SourceBreakpoints",
]


class DebugEventContent(WireModel):
    """An event, such as "stopped"."""

    type: Text = "event"
    event: Text = ""
    seq: Whole | None = None
    body: Any = None


class DebugEvent(Message):
    """
    Something happened to what is debugged.

    Source: Jupyter messaging 5.5, "Debug event".
    """

    TYPE: ClassVar[str] = "debug_event"

    content: DebugEventContent


class DebugResponse(WireModel):
    """The answer to a command; `message` says what went wrong where `success` is False."""

    type: Text = "response"
    command: Text = ""
    success: Flag = False
    seq: Whole | None = None
    request_seq: Whole | None = None
    message: Text | None = None
    body: Any = None


class DumpCellBody(WireModel):
    """The file that a cell's code was written to, for the debugger."""

    sourcePath: Text = ""


class DumpCell(DebugResponse):
    """The answer to "dumpCell"."""

    body: DumpCellBody = Field(...)


class SourceBreakpoints(WireModel):
    """The breakpoints of one file."""

    source: Text = ""
    breakpoints: Items = Field(default_factory=list)


class DebugInfoBody(WireModel):
    """How the debugger stands. The file of a cell is prefix, hash of its code, suffix."""

    isStarted: Flag = False
    hashMethod: Text = ""
    hashSeed: Text | Whole | None = None
    tmpFilePrefix: Text = ""
    tmpFileSuffix: Text = ""
    breakpoints: ListOf[SourceBreakpoints] = Field(default_factory=list[SourceBreakpoints])
    stoppedThreads: Items = Field(default_factory=list)
    richRendering: Flag = False
    exceptionPaths: Texts = Field(default_factory=list)
    copyToGlobals: Flag = False


class DebugInfo(DebugResponse):
    """The answer to "debugInfo"."""

    body: DebugInfoBody = Field(...)


class InspectVariablesBody(WireModel):
    """Variables, as the Debug Adapter Protocol describes them."""

    variables: Items = Field(default_factory=list)


class InspectVariables(DebugResponse):
    """The answer to "inspectVariables"."""

    body: InspectVariablesBody = Field(...)


class RichInspectVariablesBody(WireModel):
    """A variable's value, as a MIME bundle."""

    data: Bundle = Field(default_factory=dict)
    metadata: Bundle = Field(default_factory=dict)


class RichInspectVariables(DebugResponse):
    """The answer to "richInspectVariables"."""

    body: RichInspectVariablesBody = Field(...)


RESPONSE: Final = "<response>"
TYPED: Final = ("debugInfo", "dumpCell", "inspectVariables", "richInspectVariables")


def answer_of(content: Any) -> str:
    """Tell which answer the content of a debug reply is; for pydantic."""
    form = form_of(content)
    if form in (ERROR, ABORTED):
        return form
    if isinstance(content, DebugResponse):
        fields: Mapping[str, Any] = content.__dict__
    elif isinstance(content, Mapping):
        fields = cast("Mapping[str, Any]", content)
    else:
        return RESPONSE
    command = fields.get("command")
    is_typed = fields.get("success") is True and isinstance(command, str) and command in TYPED
    return f"<{command}>" if is_typed and fields.get("body") is not None else RESPONSE


DebugReplyContent: TypeAlias = Annotated[
    Annotated[DebugResponse, Tag(RESPONSE)]
    | Annotated[DebugInfo, Tag("<debugInfo>")]
    | Annotated[DumpCell, Tag("<dumpCell>")]
    | Annotated[InspectVariables, Tag("<inspectVariables>")]
    | Annotated[RichInspectVariables, Tag("<richInspectVariables>")]
    | Annotated[ReplyError, Tag(ERROR)]
    | Annotated[ReplyAborted, Tag(ABORTED)],
    Discriminator(answer_of),
]


class DebugReply(Message):
    """
    What a command to the debugger led to.

    Source: Jupyter messaging 5.5, "Debug request"; JEP 47.
    """

    TYPE: ClassVar[str] = "debug_reply"

    content: DebugReplyContent


class DebugRequestContent(WireModel):
    """A command, such as "debugInfo" or "setBreakpoints", and its arguments."""

    command: Text
    type: Text = "request"
    seq: Whole = 1
    arguments: Bundle = Field(default_factory=dict)


class DebugRequest(Request):
    """
    A command to the debugger.

    Source: Jupyter messaging 5.5, "Debug request"; JEP 47.
    """

    TYPE: ClassVar[str] = "debug_request"
    CHANNEL: ClassVar[Channel] = "control"
    REPLY: ClassVar[Expected] = DebugReply

    content: DebugRequestContent
