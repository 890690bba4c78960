"""
What does a program write to see the messages of its requests?

A `Handler`, with a method for each type of message that it is interested in, or any callable that
takes a message.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..models import Message

__all__ = [
    "DebugHandler",
    "Ended",
    "Handler",
    "HandlerFailure",
    "HandlerLike",
    "Takes",
    "method_for",
]

Takes: TypeAlias = Literal["models", "dicts"]
HandlerLike: TypeAlias = "Handler | Callable[[Any], Awaitable[None] | None]"

PREFIX: Final = "handle_"


class HandlerFailure(NamedTuple):
    """
    What one handler raised.

    Attributes:
        handler: The handler.
        error: What it raised; TimeoutError if it took longer than the sidecar allows.
        msg_type: The type of the message that it was given; None: it was told of the end.
    """

    handler: Any
    error: Exception
    msg_type: str | None


class Ended(Protocol):
    """
    An action that has ended, as its handlers are told; it is the `Action` itself.

    Attributes:
        reply: The kernel's reply as a dict; None if none came.
        error: What awaiting it raises; None if it raises nothing.
    """

    reply: Mapping[str, Any] | None
    error: BaseException | None

    @property
    def msg_id(self) -> str:
        """The id of the request."""
        ...

    @property
    def msg_type(self) -> str:
        """The type of the request."""
        ...

    @property
    def outcome(self) -> Any:
        """What came of it: of a cell its `Result`, of another request its reply."""
        ...

    @property
    def failures(self) -> list[HandlerFailure]:
        """What handlers raised until now."""
        ...


class Handler:
    """
    Sees the messages of an action.

    A subclass has a method `handle_<msg_type>(message)` for each type that it wants, as
    `handle_stream` or `handle_execute_reply`; it may be a coroutine function. The action's task
    calls them, one message at a time, in the order of their coming. What one raises is kept in
    the action's `failures`, and hurts nobody else.

    Attributes:
        takes: "models" (the default): messages are models of `conkernelclient.sidecar.models`.
            "dicts": messages are dicts, as the client has them, which cost nothing.
    """

    takes: Takes = "models"

    def unhandled_message(self, message: Any) -> Awaitable[None] | None:
        """See a message for whose type there is no method. To be overridden; may be async."""

    def action_complete(self, action: Ended) -> Awaitable[None] | None:
        """Learn that the action has ended, however it did. To be overridden; may be async."""


class DebugHandler(Handler):
    """
    Counts the messages, and keeps the last one of each type.

    Attributes:
        counts: How many came, by type.
        last: The last one, by type.
        is_complete: Whether the action has ended.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.last: dict[str, Message] = {}
        self.is_complete: bool = False

    def unhandled_message(self, message: Message) -> None:
        """Note a message."""
        self.counts[message.msg_type] += 1
        self.last[message.msg_type] = message

    def get_last_msg(self, msg_type: str) -> Message:
        """
        Give the last message of this type.

        Raises:
            KeyError: None came; the ones that did are named.
        """
        if msg_type not in self.last:
            came = ", ".join(sorted(self.last)) or "nothing"
            raise KeyError(f"no message of type {msg_type!r} came; these did: {came}")
        return self.last[msg_type]

    def action_complete(self, action: Ended) -> None:
        """Note the end."""
        self.is_complete = True


def method_for(handler: HandlerLike, msg_type: str) -> Callable[[Any], object] | None:
    """Give what is to be called with a message of this type; None if it is not wanted."""
    if not isinstance(handler, Handler):
        return handler
    method: Callable[[Any], object] | None = getattr(handler, PREFIX + msg_type, None)
    if method is not None:
        return method
    if type(handler).unhandled_message is Handler.unhandled_message:
        return None
    return handler.unhandled_message
