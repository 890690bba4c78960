"""
What can a fake kernel do in answer to a request?

A script is a sequence of these actions, or a function that is given the request and returns or
yields them. A generator reads like the code of a cell: `yield Ask(...)` gives the answer, an
interrupt is a KeyboardInterrupt at the `yield` that waits, and what it raises is the cell's error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    import threading

    from ..protocol.messages import Message

__all__ = [
    "Action",
    "Ask",
    "Die",
    "Hold",
    "Publish",
    "Raise",
    "Reply",
    "Say",
    "Script",
    "Show",
    "Silence",
    "Value",
    "echo",
]

Data: TypeAlias = "str | Mapping[str, Any]"


@dataclass(frozen=True, slots=True)
class Say:
    """Print `text`: a `stream` message."""

    text: str
    name: Literal["stdout", "stderr"] = "stdout"


@dataclass(frozen=True, slots=True)
class Show:
    """
    Display `data`, by MIME type; a str is `text/plain`: a `display_data` message.

    With `is_update` an `update_display_data` message for the displays of that `display_id`.
    """

    data: Data
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    display_id: str | None = None
    is_update: bool = False


@dataclass(frozen=True, slots=True)
class Value:
    """Give the value of the cell, by MIME type; a str is `text/plain`: an `execute_result`."""

    data: Data
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Publish:
    """Publish any message on iopub, such as `clear_output` or `comm_msg`."""

    msg_type: str
    content: Mapping[str, Any] = field(default_factory=dict[str, Any])
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    buffers: Sequence[bytes] = ()


@dataclass(frozen=True, slots=True)
class Raise:
    """Fail as code does that raises: an `error` message and a reply with status "error"."""

    ename: str
    evalue: str = ""
    traceback: Sequence[str] | None = None
    """None: one line, made of name and value."""


@dataclass(frozen=True, slots=True)
class Ask:
    """
    Ask the client for a line of input; in a generator, `yield Ask(...)` gives it.

    A client that does not allow it makes it raise `StdinNotImplementedError`, and the end of file
    `EOFError`, as in ipykernel.
    """

    prompt: str = ""
    password: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """
    Send the reply now; what the script still does comes after it, and before idle.

    `content` is laid over what the fake kernel replies by itself. A script without a `Reply` ends
    with one. With `parent_id` it names another request than the one that it answers.
    """

    content: Mapping[str, Any] = field(default_factory=dict[str, Any])
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    buffers: Sequence[bytes] = ()
    parent_id: str | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """Stay busy until `event` is set, or an interrupt comes; None: until an interrupt comes."""

    event: threading.Event | None = None


@dataclass(frozen=True, slots=True)
class Silence:
    """
    End without a reply; with `is_idle` False without the status idle as well.

    With idle, the client asks after a moment, and learns that there will be no reply.
    """

    is_idle: bool = True


@dataclass(frozen=True, slots=True)
class Die:
    """
    Be gone, as a process that is killed: all sockets close at once.

    What was sent before arrives.
    """


Action: TypeAlias = Say | Show | Value | Publish | Raise | Ask | Reply | Hold | Silence | Die
Script: TypeAlias = "Callable[[Message], Iterable[Action]] | Sequence[Action]"


def echo(request: Message) -> Iterator[Action]:
    """Print the code, as a script: `FakeKernel(script=echo)`."""
    yield Say(str(request["content"].get("code", "")))


def bundle(data: Data) -> dict[str, Any]:
    """Give data by MIME type."""
    return {"text/plain": data} if isinstance(data, str) else dict(data)
