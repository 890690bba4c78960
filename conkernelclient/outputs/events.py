"""
What happens while a run goes on?

Each message of a run is one event; `event_of` makes them. With the last one, which is made from no
message, they are exported as `conkernelclient.events`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from .mime import bundle_of, count_of, dict_of, lines_of, text_of
from .reduce import display_id_of
from .terminal import strip_ansi

if TYPE_CHECKING:
    from ..protocol.incoming import Incoming
    from ..protocol.messages import Message

__all__ = [
    "Clear",
    "Display",
    "DisplayUpdate",
    "ErrorOutput",
    "ExecuteResult",
    "InputRequest",
    "MessageEvent",
    "Started",
    "Stream",
    "event_of",
]


@dataclass(slots=True, kw_only=True)
class BaseEvent:
    """What all events have."""

    incoming: Incoming | None = field(default=None, repr=False, compare=False)

    @property
    def message(self) -> Message | None:
        """The message that it was made from; None if it was made from none."""
        return None if self.incoming is None else self.incoming.message


@dataclass(slots=True)
class Started(BaseEvent):
    """The kernel began with the code (`execute_input`)."""

    execution_count: int | None = None


@dataclass(slots=True)
class Stream(BaseEvent):
    """Text that was printed; `name` is "stdout" or "stderr"."""

    name: str
    text: str


@dataclass(slots=True)
class Display(BaseEvent):
    """Something shown by `display()`: `data` and `metadata` by MIME type."""

    data: dict[str, Any]
    metadata: dict[str, Any]
    display_id: str | None = None


@dataclass(slots=True)
class DisplayUpdate(BaseEvent):
    """New content for every display of that `display_id`."""

    data: dict[str, Any]
    metadata: dict[str, Any]
    display_id: str | None = None


@dataclass(slots=True)
class ExecuteResult(BaseEvent):
    """The value of the code's last expression: `data` and `metadata` by MIME type."""

    data: dict[str, Any]
    metadata: dict[str, Any]
    execution_count: int | None = None
    display_id: str | None = None


@dataclass(slots=True)
class ErrorOutput(BaseEvent):
    """
    The code raised an exception.

    Its name and text, and the traceback as the kernel formatted it.
    """

    ename: str
    evalue: str
    traceback: list[str]

    @property
    def text(self) -> str:
        """The traceback without colours, or name and text where the kernel gave none."""
        if not self.traceback:
            return f"{self.ename}: {self.evalue}"
        return strip_ansi("\n".join(self.traceback))


@dataclass(slots=True)
class Clear(BaseEvent):
    """The outputs so far go; with `wait` only when the next one comes."""

    wait: bool = False


@dataclass(slots=True)
class InputRequest(BaseEvent):
    """The code asks for a line of input; with `password` it is not to be shown."""

    prompt: str
    password: bool = False


MessageEvent: TypeAlias = (
    Started | Stream | Display | DisplayUpdate | ExecuteResult | ErrorOutput | Clear | InputRequest
)


def event_of(incoming: Incoming) -> MessageEvent | None:
    """
    Make the event of an iopub or stdin message.

    None for those that show nothing (status, comm, debug).
    """
    content = incoming.content
    get = content.get
    match incoming.msg_type:
        case "stream":
            return Stream(str(get("name", "stdout")), text_of(get("text")), incoming=incoming)
        case "display_data":
            return Display(
                bundle_of(get("data")),
                dict_of(get("metadata")),
                display_id_of(content),
                incoming=incoming,
            )
        case "update_display_data":
            return DisplayUpdate(
                bundle_of(get("data")),
                dict_of(get("metadata")),
                display_id_of(content),
                incoming=incoming,
            )
        case "execute_result":
            return ExecuteResult(
                bundle_of(get("data")),
                dict_of(get("metadata")),
                count_of(get("execution_count")),
                display_id_of(content),
                incoming=incoming,
            )
        case "error":
            return ErrorOutput(
                str(get("ename", "")),
                str(get("evalue", "")),
                lines_of(get("traceback")),
                incoming=incoming,
            )
        case "clear_output":
            return Clear(bool(get("wait", False)), incoming=incoming)
        case "execute_input":
            return Started(count_of(get("execution_count")), incoming=incoming)
        case "input_request":
            return InputRequest(
                str(get("prompt", "")), bool(get("password", False)), incoming=incoming
            )
        case _:
            return None
