"""
What does a kernel reply?

The content of each reply has three forms: what was asked for, a `ReplyError`, or a `ReplyAborted`
where the kernel dropped the request. Its `status` tells which; a status of a kernel's own, or none,
is the first form.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, NamedTuple, TypeAlias, TypeVar, cast

from pydantic import Discriminator, Field, Strict, Tag

from .base import Bundle, Flag, Items, ListOf, Message, Text, Texts, Whole, WireModel
from .payloads import Payload

__all__ = [
    "ABORTED",
    "ERROR",
    "OK",
    "CommInfoOk",
    "CommInfoReply",
    "CommTarget",
    "CompleteOk",
    "CompleteReply",
    "ConnectOk",
    "ConnectReply",
    "CreateSubshellOk",
    "CreateSubshellReply",
    "DeleteSubshellReply",
    "ExecuteError",
    "ExecuteOk",
    "ExecuteReply",
    "ExpressionValue",
    "Form",
    "HelpLink",
    "HistoryEntry",
    "HistoryOk",
    "HistoryReply",
    "InspectOk",
    "InspectReply",
    "InterruptOk",
    "InterruptReply",
    "IsCompleteOk",
    "IsCompleteReply",
    "KernelInfoOk",
    "KernelInfoReply",
    "LanguageInfo",
    "ListSubshellOk",
    "ListSubshellReply",
    "ReplyAborted",
    "ReplyError",
    "ReplyOk",
    "ShutdownOk",
    "ShutdownReply",
    "form_of",
]

# Tags of the three forms. They stand in pydantic's places of errors; no field's name is like these.
OK: Final = "<ok>"
ERROR: Final = "<error>"
ABORTED: Final = "<aborted>"


def form_of(content: Any) -> str:
    """Tell which form the content of a reply has; for pydantic."""
    if isinstance(content, Mapping):
        status = cast("Mapping[str, Any]", content).get("status")
    else:
        status = getattr(content, "status", None)
    if status == "error":
        return ERROR
    return ABORTED if status in ("aborted", "abort") else OK  # "abort": older ipykernels


class ReplyOk(WireModel):
    """The request was done. `status` is "ok", or what the kernel says in its place."""

    status: Text = "ok"


class ReplyError(WireModel):
    """The request failed, or its code raised."""

    status: Text = "error"
    ename: Text = ""
    evalue: Text = ""
    traceback: Texts = Field(default_factory=list)


class ReplyAborted(WireModel):
    """The request was never looked at: one before it had failed, or it was interrupted."""

    status: Text = "aborted"


OkT = TypeVar("OkT")

Form: TypeAlias = Annotated[
    Annotated[OkT, Tag(OK)]
    | Annotated[ReplyError, Tag(ERROR)]
    | Annotated[ReplyAborted, Tag(ABORTED)],
    Discriminator(form_of),
]


class ExpressionValue(ReplyOk):
    """The value of one of `user_expressions`, as a MIME bundle."""

    data: Bundle = Field(default_factory=dict)
    metadata: Bundle = Field(default_factory=dict)


class Ran(WireModel):
    """What the reply to an execute request has, whatever its status."""

    execution_count: Whole | None = None
    payload: ListOf[Payload] = Field(default_factory=list[Payload])
    user_expressions: Annotated[dict[Text, Form[ExpressionValue]], Strict()] = Field(
        default_factory=dict[str, ExpressionValue | ReplyError | ReplyAborted]
    )


class ExecuteOk(ReplyOk, Ran):
    """The code ran to its end."""


class ExecuteError(ReplyError, Ran):
    """The code raised. Some kernels leave out all but the status."""


class ExecuteReply(Message):
    """
    The code has run, or will not.

    Source: Jupyter messaging 5.5, "Execution results".
    """

    TYPE: ClassVar[str] = "execute_reply"

    content: Annotated[
        Annotated[ExecuteOk, Tag(OK)]
        | Annotated[ExecuteError, Tag(ERROR)]
        | Annotated[ReplyAborted, Tag(ABORTED)],
        Discriminator(form_of),
    ]


class InspectOk(ReplyOk):
    """What is known about an object, as a MIME bundle; empty where nothing was found."""

    found: Flag = False
    data: Bundle = Field(default_factory=dict)
    metadata: Bundle = Field(default_factory=dict)


class InspectReply(Message):
    """Source: Jupyter messaging 5.5, "Introspection"."""

    TYPE: ClassVar[str] = "inspect_reply"

    content: Form[InspectOk]


class CompleteOk(ReplyOk):
    """What may stand in the place of the characters from `cursor_start` to `cursor_end`."""

    matches: Texts = Field(default_factory=list)
    cursor_start: Whole | None = None
    cursor_end: Whole | None = None
    metadata: Bundle = Field(default_factory=dict)


class CompleteReply(Message):
    """Source: Jupyter messaging 5.5, "Completion"."""

    TYPE: ClassVar[str] = "complete_reply"

    content: Form[CompleteOk]


class HistoryEntry(NamedTuple):
    """One line of a kernel's history; `output` is None where it was not asked for, or is none."""

    session: Any
    line_number: Any
    source: Any
    output: Any = None


class HistoryOk(ReplyOk):
    """Lines of a kernel's history, as lists; `entries` has them by name."""

    history: Items = Field(default_factory=list)

    @property
    def entries(self) -> list[HistoryEntry]:
        """The lines by name; what is no line of history is left out."""
        found: list[HistoryEntry] = []
        for line in self.history:
            match line:
                case [session, number, [source, output]]:
                    found.append(HistoryEntry(session, number, source, output))
                case [session, number, source]:
                    found.append(HistoryEntry(session, number, source))
                case _:
                    pass
        return found


class HistoryReply(Message):
    """Source: Jupyter messaging 5.5, "History"."""

    TYPE: ClassVar[str] = "history_reply"

    content: Form[HistoryOk]


class IsCompleteOk(ReplyOk):
    """`status` is "complete", "incomplete" (`indent` is how the next line begins), "invalid"."""

    status: Text = "unknown"
    indent: Text = ""


class IsCompleteReply(Message):
    """Source: Jupyter messaging 5.5, "Code completeness"."""

    TYPE: ClassVar[str] = "is_complete_reply"

    content: Form[IsCompleteOk]


class LanguageInfo(WireModel):
    """A kernel's language. Kernels leave out what they like."""

    name: Text = ""
    version: Text = ""
    mimetype: Text = ""
    file_extension: Text = ""
    pygments_lexer: Text | None = None
    codemirror_mode: Text | Bundle | None = None
    nbconvert_exporter: Text | None = None

    @property
    def mode_name(self) -> str:
        """The name of its CodeMirror mode; the language's own where the kernel names none."""
        mode = self.codemirror_mode
        name = mode.get("name") if isinstance(mode, dict) else mode
        return name if isinstance(name, str) and name else self.name


class HelpLink(WireModel):
    """An entry of a front end's help menu."""

    text: Text = ""
    url: Text = ""


class KernelInfoOk(ReplyOk):
    """What the kernel is. `supported_features` may name "debugger" and "kernel subshells"."""

    protocol_version: Text = ""
    implementation: Text = ""
    implementation_version: Text = ""
    language_info: LanguageInfo = Field(default_factory=LanguageInfo)
    banner: Text = ""
    debugger: Flag | None = None
    help_links: ListOf[HelpLink] = Field(default_factory=list[HelpLink])
    supported_features: Texts = Field(default_factory=list)


class KernelInfoReply(Message):
    """Source: Jupyter messaging 5.5, "Kernel info"; JEP 92 for `supported_features`."""

    TYPE: ClassVar[str] = "kernel_info_reply"

    content: Form[KernelInfoOk]


class CommTarget(WireModel):
    """The target of an open comm."""

    target_name: Text = ""


class CommInfoOk(ReplyOk):
    """The open comms, by their ids."""

    comms: Annotated[dict[Text, CommTarget], Strict()] = Field(default_factory=dict)


class CommInfoReply(Message):
    """Source: Jupyter messaging 5.5, "Comm info"."""

    TYPE: ClassVar[str] = "comm_info_reply"

    content: Form[CommInfoOk]


class ConnectOk(ReplyOk):
    """The ports of the kernel's channels."""

    shell_port: Whole | None = None
    iopub_port: Whole | None = None
    stdin_port: Whole | None = None
    hb_port: Whole | None = None
    control_port: Whole | None = None


class ConnectReply(Message):
    """Source: Jupyter messaging 5.5, "Connect" (deprecated)."""

    TYPE: ClassVar[str] = "connect_reply"

    content: Form[ConnectOk]


class ShutdownOk(ReplyOk):
    """The kernel ends; `restart`: another one is to follow."""

    restart: Flag = False


class ShutdownReply(Message):
    """
    Comes on control, and on iopub for the other front ends.

    Source: Jupyter messaging 5.5, "Kernel shutdown".
    """

    TYPE: ClassVar[str] = "shutdown_reply"

    content: Form[ShutdownOk]


class InterruptOk(ReplyOk):
    """
    The kernel was interrupted.

    `requests` is what became of the requests that were named, by their ids: "dequeued",
    "interrupted", "ended", "unknown" or "uncancellable". Only the kernel `conkernel` takes names.
    """

    requests: Bundle | None = None


class InterruptReply(Message):
    """Source: Jupyter messaging 5.5, "Kernel interrupt"."""

    TYPE: ClassVar[str] = "interrupt_reply"

    content: Form[InterruptOk]


class CreateSubshellOk(ReplyOk):
    """The id of the new subshell."""

    subshell_id: Text


class CreateSubshellReply(Message):
    """Source: JEP 91."""

    TYPE: ClassVar[str] = "create_subshell_reply"

    content: Form[CreateSubshellOk]


class DeleteSubshellReply(Message):
    """Source: JEP 91."""

    TYPE: ClassVar[str] = "delete_subshell_reply"

    content: Form[ReplyOk]


class ListSubshellOk(ReplyOk):
    """The ids of all subshells."""

    subshell_id: Texts = Field(default_factory=list)


class ListSubshellReply(Message):
    """Source: JEP 91."""

    TYPE: ClassVar[str] = "list_subshell_reply"

    content: Form[ListSubshellOk]
