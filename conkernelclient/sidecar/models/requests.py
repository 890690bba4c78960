"""What can be asked of a kernel, and which reply comes?"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, Strict

from .base import Bundle, Channel, Expected, Flag, Request, Text, Whole, WireModel
from .replies import (
    CommInfoReply,
    CompleteReply,
    ConnectReply,
    CreateSubshellReply,
    DeleteSubshellReply,
    ExecuteReply,
    HistoryReply,
    InspectReply,
    InterruptReply,
    IsCompleteReply,
    KernelInfoReply,
    ListSubshellReply,
    ShutdownReply,
)

__all__ = [
    "CommInfoRequest",
    "CommInfoRequestContent",
    "CompleteRequest",
    "CompleteRequestContent",
    "ConnectRequest",
    "CreateSubshellRequest",
    "DeleteSubshellRequest",
    "DeleteSubshellRequestContent",
    "ExecuteRequest",
    "ExecuteRequestContent",
    "HistoryRequest",
    "HistoryRequestContent",
    "InspectRequest",
    "InspectRequestContent",
    "InterruptRequest",
    "InterruptRequestContent",
    "IsCompleteRequest",
    "IsCompleteRequestContent",
    "KernelInfoRequest",
    "ListSubshellRequest",
    "ShutdownRequest",
    "ShutdownRequestContent",
]


class ExecuteRequestContent(WireModel):
    """Code to run, and how."""

    code: Text
    silent: Flag = False
    store_history: Flag = True
    user_expressions: Bundle = Field(default_factory=dict)
    allow_stdin: Flag = True
    stop_on_error: Flag = True


class ExecuteRequest(Request):
    """
    Run code.

    Source: Jupyter messaging 5.5, "Execute".
    """

    TYPE: ClassVar[str] = "execute_request"
    REPLY: ClassVar[Expected] = ExecuteReply

    content: ExecuteRequestContent


class CompleteRequestContent(WireModel):
    """`cursor_pos` counts characters; None is the end of the code."""

    code: Text
    cursor_pos: Whole | None = None


class InspectRequestContent(CompleteRequestContent):
    """`detail_level` is 0, or 1 for more, such as the source."""

    detail_level: Whole = 0


class CompleteRequest(Request):
    """
    How may the code at the cursor go on?

    Source: Jupyter messaging 5.5, "Completion".
    """

    TYPE: ClassVar[str] = "complete_request"
    REPLY: ClassVar[Expected] = CompleteReply

    content: CompleteRequestContent

    @classmethod
    def prepare(cls, content: dict[str, Any]) -> dict[str, Any]:
        """Put the cursor at the end of the code, where it is nowhere else."""
        return _with_cursor(content)


class InspectRequest(Request):
    """
    What is the object at the cursor?

    Source: Jupyter messaging 5.5, "Introspection".
    """

    TYPE: ClassVar[str] = "inspect_request"
    REPLY: ClassVar[Expected] = InspectReply

    content: InspectRequestContent

    @classmethod
    def prepare(cls, content: dict[str, Any]) -> dict[str, Any]:
        """Put the cursor at the end of the code, where it is nowhere else."""
        return _with_cursor(content)


def _with_cursor(content: dict[str, Any]) -> dict[str, Any]:
    code = content.get("code")
    if content.get("cursor_pos") is None and isinstance(code, str):
        return {**content, "cursor_pos": len(code)}
    return content


class HistoryRequestContent(WireModel):
    """
    Which lines of the history are wanted.

    "range" goes with `session` (0 is the current one, -1 the one before), `start` and `stop`,
    "tail" with `n`, "search" with `pattern`, `n` and `unique`.
    """

    output: Flag = False
    raw: Flag = True
    hist_access_type: Literal["range", "tail", "search"] = "range"
    session: Whole | None = None
    start: Whole | None = None
    stop: Whole | None = None
    n: Whole | None = None
    pattern: Text | None = None
    unique: Flag | None = None


class HistoryRequest(Request):
    """
    What was run before?

    Source: Jupyter messaging 5.5, "History".
    """

    TYPE: ClassVar[str] = "history_request"
    REPLY: ClassVar[Expected] = HistoryReply

    content: HistoryRequestContent

    @classmethod
    def prepare(cls, content: dict[str, Any]) -> dict[str, Any]:
        """Let a range begin with the current session, where it begins nowhere else."""
        if content.get("hist_access_type", "range") == "range":
            return {"session": 0, "start": 0, **content}
        return content


class IsCompleteRequestContent(WireModel):
    """Code that may want more lines."""

    code: Text


class IsCompleteRequest(Request):
    """
    Is this code complete?

    Source: Jupyter messaging 5.5, "Code completeness".
    """

    TYPE: ClassVar[str] = "is_complete_request"
    REPLY: ClassVar[Expected] = IsCompleteReply

    content: IsCompleteRequestContent


class KernelInfoRequest(Request):
    """
    What is the kernel?

    Source: Jupyter messaging 5.5, "Kernel info".
    """

    TYPE: ClassVar[str] = "kernel_info_request"
    REPLY: ClassVar[Expected] = KernelInfoReply

    content: WireModel = Field(default_factory=WireModel)


class CommInfoRequestContent(WireModel):
    """The target whose comms are wanted; None: all comms."""

    target_name: Text | None = None


class CommInfoRequest(Request):
    """
    Which comms are open?

    Source: Jupyter messaging 5.5, "Comm info".
    """

    TYPE: ClassVar[str] = "comm_info_request"
    REPLY: ClassVar[Expected] = CommInfoReply

    content: CommInfoRequestContent = Field(default_factory=CommInfoRequestContent)


class ConnectRequest(Request):
    """
    Which ports has the kernel?

    Source: Jupyter messaging 5.5, "Connect" (deprecated).
    """

    TYPE: ClassVar[str] = "connect_request"
    REPLY: ClassVar[Expected] = ConnectReply

    content: WireModel = Field(default_factory=WireModel)


class ShutdownRequestContent(WireModel):
    """`restart`: another kernel is to follow."""

    restart: Flag = False


class ShutdownRequest(Request):
    """
    The kernel is to end.

    Source: Jupyter messaging 5.5, "Kernel shutdown".
    """

    TYPE: ClassVar[str] = "shutdown_request"
    CHANNEL: ClassVar[Channel] = "control"
    REPLY: ClassVar[Expected] = ShutdownReply

    content: ShutdownRequestContent


class InterruptRequestContent(WireModel):
    """
    The requests that are to stop, by their ids; None: what runs.

    Only the kernel `conkernel` looks at the ids; others interrupt what runs.
    """

    msg_ids: Annotated[list[Text], Strict()] | None = None


class InterruptRequest(Request):
    """
    The kernel is to stop what it does.

    Source: Jupyter messaging 5.5, "Kernel interrupt".
    """

    TYPE: ClassVar[str] = "interrupt_request"
    CHANNEL: ClassVar[Channel] = "control"
    REPLY: ClassVar[Expected] = InterruptReply

    content: InterruptRequestContent = Field(default_factory=InterruptRequestContent)


class CreateSubshellRequest(Request):
    """
    Make a subshell.

    Source: JEP 91.
    """

    TYPE: ClassVar[str] = "create_subshell_request"
    CHANNEL: ClassVar[Channel] = "control"
    REPLY: ClassVar[Expected] = CreateSubshellReply

    content: WireModel = Field(default_factory=WireModel)


class DeleteSubshellRequestContent(WireModel):
    """The subshell that is to go."""

    subshell_id: Text


class DeleteSubshellRequest(Request):
    """
    Delete a subshell.

    Source: JEP 91.
    """

    TYPE: ClassVar[str] = "delete_subshell_request"
    CHANNEL: ClassVar[Channel] = "control"
    REPLY: ClassVar[Expected] = DeleteSubshellReply

    content: DeleteSubshellRequestContent


class ListSubshellRequest(Request):
    """
    Which subshells are there?

    Source: JEP 91.
    """

    TYPE: ClassVar[str] = "list_subshell_request"
    CHANNEL: ClassVar[Channel] = "control"
    REPLY: ClassVar[Expected] = ListSubshellReply

    content: WireModel = Field(default_factory=WireModel)
