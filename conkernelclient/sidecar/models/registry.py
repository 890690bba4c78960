"""Which model has a type of message, and which reply does a request get?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self, TypeAlias, cast

from pydantic import Field

from ...errors import ProtocolError
from . import comms, debug, published, questions, replies, requests
from .base import Bundle, Expected, Message, RawMessage, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .base import Channel

__all__ = [
    "Registration",
    "built",
    "known",
    "model_of",
    "register",
    "reply_type_of",
    "validator_of",
]

Validate: TypeAlias = "Callable[[Mapping[str, Any]], Message]"

ROOMS: Final = (published, replies, requests, questions, comms, debug)


def _collect() -> dict[str, type[Message]]:
    found: dict[str, type[Message]] = {}
    for module in ROOMS:
        for name in module.__all__:
            kind: Any = getattr(module, name)
            if isinstance(kind, type) and issubclass(kind, Message):
                assert kind.TYPE not in found
                found[kind.TYPE] = kind
    return found


_models: Final = _collect()
# What turns a message into its model, by type; each is built when its type is first seen.
built: Final[dict[str, Validate]] = {}
_raw: Final[list[Validate]] = []


def known() -> dict[str, type[Message]]:
    """Give the models of all types that have one, by type; those of `register` as well."""
    return dict(_models)


def model_of(msg_type: str) -> type[Message]:
    """Give the model of a type of message: `RawMessage` if it has none of its own."""
    return _models.get(msg_type, RawMessage)


def validator_of(msg_type: str) -> Validate:
    """
    Give what makes a model of a message of this type; from then on `built` has it, if it is known.

    What it gives raises `pydantic.ValidationError` for a message that does not fit.
    """
    kind = _models.get(msg_type)
    if kind is None:  # the names of unknown types are not kept: there may be any number
        if not _raw:
            _raw.append(_built(RawMessage))
        return _raw[0]
    return built.setdefault(msg_type, _built(kind))


def _built(kind: type[Message]) -> Validate:
    kind.model_rebuild()
    return cast("Validate", kind.__pydantic_validator__.validate_python)


def reply_type_of(request_type: str) -> str | None:
    """
    Give the type of the reply to a request, None if it gets none.

    A request that is not known gets the reply of its name: an "x_request" an "x_reply".
    """
    kind = _models.get(request_type)
    if kind is None:
        head = request_type.removesuffix("_request")
        return None if head == request_type else f"{head}_reply"
    return kind.reply_type() if issubclass(kind, Request) else None


class RawRequest(Request):
    """A request of a type that has no model; its content is what is given."""

    content: Bundle = Field(default_factory=dict)


class Registration:
    """
    A request that was registered; `undo()`, or the end of a `with` block, forgets it and its reply.

    Attributes:
        request: The model of the request.
    """

    def __init__(self, request: type[Request], added: Mapping[str, type[Message]]) -> None:
        self.request: type[Request] = request
        self._added: dict[str, type[Message]] = dict(added)

    def undo(self) -> None:
        """Forget what was registered. A second call does nothing."""
        for msg_type in self._added:
            del _models[msg_type]
            built.pop(msg_type, None)
        self._added = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.undo()


def register(
    request: str | type[Request], reply: Expected = None, *, channel: Channel = "shell"
) -> Registration:
    """
    Make a request of one's own known, with its reply.

    Args:
        request: Its type; or its model, a subclass of `Request` that sets `TYPE`, and `CHANNEL` and
            `REPLY` where they are not "shell" and None.
        reply: The type of its reply, or the model of it, for a request that is given by its type.
        channel: The channel that such a request goes out on.

    Returns:
        What holds the request's model. Its `undo()` forgets both.

    Raises:
        ProtocolError: A model names no type, a type has another model already, or `reply` is given
            beside a model, which names its own.
    """
    if isinstance(request, str):
        request = _model(request, reply, channel)
    elif reply is not None:
        raise ProtocolError(f"{request.__name__} names its reply itself: set its REPLY")
    answer = request.REPLY
    kinds: list[type[Message]] = [request]
    if answer is not None and not isinstance(answer, str):
        kinds.append(answer)
    for kind in kinds:
        if not kind.TYPE:
            raise ProtocolError(f"{kind.__name__} names no type: set its TYPE")
        if _models.get(kind.TYPE, kind) is not kind:
            raise ProtocolError(f"{kind.TYPE!r} has another model: {_models[kind.TYPE].__name__}")
    added = {kind.TYPE: kind for kind in kinds if kind.TYPE not in _models}
    _models.update(added)
    return Registration(request, added)


def _model(msg_type: str, reply: Expected, channel: Channel) -> type[Request]:
    name = "".join(part.capitalize() for part in msg_type.split("_")) or "Nameless"
    body = {"TYPE": msg_type, "CHANNEL": channel, "REPLY": reply, "__module__": __name__}
    make: Any = type(RawRequest)
    return make(name, (RawRequest,), {**body, "__doc__": RawRequest.__doc__})
