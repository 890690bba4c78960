"""What does a kernel publish, for all of its front ends?"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from .base import Bundle, Flag, Message, Text, Texts, Whole, WireModel

__all__ = [
    "ClearOutput",
    "ClearOutputContent",
    "DisplayData",
    "DisplayDataContent",
    "Error",
    "ErrorContent",
    "ExecuteInput",
    "ExecuteInputContent",
    "ExecuteResult",
    "ExecuteResultContent",
    "IopubWelcome",
    "IopubWelcomeContent",
    "Status",
    "StatusContent",
    "Stream",
    "StreamContent",
    "Transient",
    "UpdateDisplayData",
]


class StatusContent(WireModel):
    """What the kernel does: "busy", "idle", "starting", or a word of its own."""

    execution_state: Text


class Status(Message):
    """
    The kernel begins or ends its work at a request.

    Source: Jupyter messaging 5.5, "Kernel status".
    """

    TYPE: ClassVar[str] = "status"

    content: StatusContent


class ExecuteInputContent(WireModel):
    """The code that runs now; its number is None where the kernel counts nothing."""

    code: Text
    execution_count: Whole | None = None


class ExecuteInput(Message):
    """
    Code was taken up.

    Source: Jupyter messaging 5.5, "Code inputs".
    """

    TYPE: ClassVar[str] = "execute_input"

    content: ExecuteInputContent


class StreamContent(WireModel):
    """Text of "stdout" or "stderr"."""

    name: Text
    text: Text


class Stream(Message):
    """
    Something was printed.

    Source: Jupyter messaging 5.5, "Streams".
    """

    TYPE: ClassVar[str] = "stream"

    content: StreamContent


class Transient(WireModel):
    """What is not to be saved with an output. Some kernels number their displays."""

    display_id: Text | Whole | None = None


class DisplayDataContent(WireModel):
    """A MIME bundle. Kernels may leave out `transient`, and `metadata` as well."""

    data: Bundle
    metadata: Bundle = Field(default_factory=dict)
    transient: Transient | None = None

    @property
    def display_id(self) -> str | int | None:
        """The display's id, None if it has none."""
        return None if self.transient is None else self.transient.display_id


class DisplayData(Message):
    """
    Something is shown.

    Source: Jupyter messaging 5.5, "Display data".
    """

    TYPE: ClassVar[str] = "display_data"

    content: DisplayDataContent


class UpdateDisplayData(Message):
    """
    What each display of this id shows from now on.

    Source: Jupyter messaging 5.5, "Update display data".
    """

    TYPE: ClassVar[str] = "update_display_data"

    content: DisplayDataContent


class ExecuteResultContent(DisplayDataContent):
    """The value of a cell, as a MIME bundle."""

    execution_count: Whole | None = None


class ExecuteResult(Message):
    """
    The value of a cell.

    Source: Jupyter messaging 5.5, "Code results".
    """

    TYPE: ClassVar[str] = "execute_result"

    content: ExecuteResultContent


class ErrorContent(WireModel):
    """An exception, as the kernel formatted it."""

    ename: Text = ""
    evalue: Text = ""
    traceback: Texts = Field(default_factory=list)


class Error(Message):
    """
    The code raised.

    Source: Jupyter messaging 5.5, "Execution errors".
    """

    TYPE: ClassVar[str] = "error"

    content: ErrorContent


class ClearOutputContent(WireModel):
    """`wait`: the old outputs stay until there is a new one."""

    wait: Flag = False


class ClearOutput(Message):
    """
    The cell's outputs are to go.

    Source: Jupyter messaging 5.5, "Clear output".
    """

    TYPE: ClassVar[str] = "clear_output"

    content: ClearOutputContent


class IopubWelcomeContent(WireModel):
    """The topic that was subscribed to, "" for all."""

    subscription: Text = ""


class IopubWelcome(Message):
    """
    The subscription of iopub is in force.

    Source: JEP 65; Jupyter messaging 5.5, "Welcome message".
    """

    TYPE: ClassVar[str] = "iopub_welcome"

    content: IopubWelcomeContent
