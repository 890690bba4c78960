"""
What have all models of messages in common, and how does a model become a message again?

A model takes the objects of the message that it is made of as they are: texts, MIME bundles and
binary buffers are neither copied nor changed. Fields that are not declared are kept, and what a
message lacks, the message that is made of its model lacks as well.
"""

from __future__ import annotations

import difflib
import uuid
from datetime import UTC, datetime
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Final,
    Literal,
    Self,
    TypeAlias,
    TypeVar,
    cast,
)

from pydantic import (
    BaseModel,
    ConfigDict,
    FailFast,
    Field,
    InstanceOf,
    SkipValidation,
    Strict,
    ValidationError,
)

from ...errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "Bundle",
    "Channel",
    "Date",
    "Expected",
    "Flag",
    "Header",
    "Items",
    "ListOf",
    "Message",
    "ParentHeader",
    "RawMessage",
    "Request",
    "Text",
    "Texts",
    "Whole",
    "WireModel",
    "problems_in",
]

PROTOCOL_VERSION: Final = "5.5"
SHOWN: Final = 10

Channel: TypeAlias = Literal["shell", "control", "iopub", "stdin"]

# The kinds of fields. An instance is looked at, never read or converted: a str may hold lone
# surrogates, which pydantic's own strings refuse, and a MIME bundle may be large.
Text: TypeAlias = InstanceOf[str]
Bundle: TypeAlias = InstanceOf[dict[str, Any]]
Items: TypeAlias = InstanceOf[list[Any]]
Whole: TypeAlias = Annotated[int, Strict()]
Flag: TypeAlias = Annotated[bool, Strict()]
ItemT = TypeVar("ItemT")
# The first item that does not fit is told: a million of them make no million errors.
ListOf: TypeAlias = Annotated[list[ItemT], Strict(), FailFast()]
Texts: TypeAlias = ListOf[Text]
# A datetime, or the text of one that the client could not read.
Date: TypeAlias = Annotated[datetime | str | None, SkipValidation]


class WireModel(BaseModel):
    """A JSON object of a message: declared fields are typed, all others are kept."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="allow",
        protected_namespaces=(),  # fields have the protocol's names
        defer_build=True,  # a program uses a few of the models: each is built when it is first used
    )

    def to_wire(self) -> dict[str, Any]:
        """Give the JSON object: the fields that were given or set, those not declared as well."""
        given = self.__pydantic_fields_set__
        wire: dict[str, Any] = dict(self.__pydantic_extra__ or ())
        for name, value in self.__dict__.items():
            if name in given:
                wire[name] = _plain(value)
            elif isinstance(value, (dict, list, WireModel)):
                plain = _plain(value)
                if plain:  # a default that was written into
                    wire[name] = plain
        return wire


def _plain(value: Any) -> Any:
    """Give `value` as it is, but dicts in the place of models."""
    if isinstance(value, WireModel):
        return value.to_wire()
    if isinstance(value, list):
        parts = cast("list[Any]", value)
        is_plain = not any(isinstance(part, WireModel) for part in parts)
        return parts if is_plain else [_plain(part) for part in parts]
    if isinstance(value, dict):
        table = cast("dict[str, Any]", value)
        is_plain = not any(isinstance(part, WireModel) for part in table.values())
        return table if is_plain else {key: _plain(part) for key, part in table.items()}
    return value


class ParentHeader(WireModel):
    """
    The header of the request that a message belongs to; all is empty where there is none.

    Source: Jupyter messaging 5.5, "Parent header".
    """

    msg_id: Text = ""
    msg_type: Text = ""
    username: Text = ""
    session: Text = ""
    date: Date = None
    version: Text = ""
    subshell_id: Text | None = None


class Header(ParentHeader):
    """
    Who sent a message, and when.

    `subshell_id` is there for requests to a subshell (JEP 91). Source: Jupyter messaging 5.5,
    "Message header".
    """

    msg_id: Text = Field(...)
    msg_type: Text = Field(...)


class Message(WireModel):
    """
    One message of the protocol; `content` is typed in the model of each type.

    `buffers` are the objects that the client gave, memoryviews or bytes. `channel` is there where
    the message names it, as those of a Jupyter server's WebSocket do. Source: Jupyter messaging
    5.5, "General message format".
    """

    TYPE: ClassVar[str] = ""

    header: Header
    parent_header: ParentHeader = Field(default_factory=ParentHeader)
    metadata: Bundle = Field(default_factory=dict)
    content: Any
    buffers: Items = Field(default_factory=list)
    channel: Text | None = None

    @property
    def msg_id(self) -> str:
        """Its own id."""
        return self.header.msg_id

    @property
    def msg_type(self) -> str:
        """Its type, as its header names it."""
        return self.header.msg_type

    @property
    def parent_id(self) -> str:
        """The id of the request that it belongs to, "" if it names none."""
        return self.parent_header.msg_id

    def to_message(self) -> dict[str, Any]:
        """
        Give the message as a dict, equal to the one that this was parsed from.

        The dict is new; buffers, MIME bundles and whatever else has no model of its own are the
        same objects in both.
        """
        return self.to_wire()


class RawMessage(Message):
    """A message of a type that has no model."""

    content: Bundle = Field(default_factory=dict)


# The model of a reply, or its type where it has no model; None: nothing replies.
Expected: TypeAlias = type[Message] | str | None


class Request(Message):
    """
    A message that a front end sends.

    Attributes:
        CHANNEL: The channel that it goes out on.
        REPLY: The model of the reply that it gets, or the reply's type; None if it gets none.
    """

    CHANNEL: ClassVar[Channel] = "shell"
    REPLY: ClassVar[Expected] = None

    @classmethod
    def reply_type(cls) -> str | None:
        """Give the type of the reply that it gets, None if it gets none."""
        reply = cls.REPLY
        return reply if reply is None or isinstance(reply, str) else reply.TYPE

    @classmethod
    def make(
        cls,
        *,
        header: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        buffers: Sequence[Any] = (),
        extra: Mapping[str, Any] | None = None,
        **content: Any,
    ) -> Self:
        """
        Make a request; what is not given has the protocol's default, and is in the message.

        Args:
            header: Fields of its header that are not to be made up, such as `msg_id`, `session` or
                `subshell_id`.
            metadata: Its metadata.
            buffers: Its binary buffers.
            extra: Fields of its content that the protocol does not name.
            content: Fields of its content, by the protocol's names; None: not given.

        Raises:
            ProtocolError: A field is missing, of a wrong type, or not one of the protocol's.
        """
        made = {
            "msg_id": uuid.uuid4().hex,
            "msg_type": cls.TYPE,
            "username": "",
            "session": "",
            "date": datetime.now(UTC),
            "version": PROTOCOL_VERSION,
            **(header or {}),
        }
        kind: Any = cls.model_fields["content"].annotation
        known = kind.model_fields if _is_model(kind) else None
        given = {name: value for name, value in content.items() if value is not None}
        if known is not None:
            cls._refuse_unknown(content, known)
        whole = {
            "header": made,
            "msg_id": made["msg_id"],
            "msg_type": made["msg_type"],
            "parent_header": {},
            "metadata": dict(metadata or {}),
            "content": {**cls.prepare(given), **(extra or {})},
            "buffers": list(buffers),
        }
        try:
            request = cls.model_validate(whole)
        except ValidationError as error:
            raise ProtocolError(f"no {cls.TYPE}: {'; '.join(problems_in(error))}") from None
        if known is not None:
            body: WireModel = request.content
            defaults = {name for name in known if getattr(body, name) is not None}
            body.__pydantic_fields_set__.update(defaults)
        return request

    @classmethod
    def prepare(cls, content: dict[str, Any]) -> dict[str, Any]:
        """Fill in what depends on the other fields; for `make`."""
        return content

    @classmethod
    def _refuse_unknown(cls, content: Mapping[str, Any], known: Mapping[str, Any]) -> None:
        for name in content:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                meant = f"; is {near[0]!r} meant?" if near else "."
                more = "Fields of one's own go into extra={...}"
                raise ProtocolError(f"{cls.TYPE} has no field {name!r}{meant} {more}")


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, WireModel)


def problems_in(error: ValidationError) -> list[str]:
    """Give what is wrong, and where, in lines like "content.text: missing"."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    lines: list[str] = []
    for one in found[:SHOWN]:
        where = ".".join(str(part) for part in one["loc"] if not str(part).startswith("<"))
        what = "missing" if one["type"] == "missing" else one["msg"]
        lines.append(f"{where}: {what}")
    return lines
