"""
What did a message say?

What routing needs is parsed when it comes in; dates, and what is large, when someone looks.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, cast

from .big_ints import load_exactly

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .messages import Content, Frame, Message

__all__ = ["Incoming", "IncomingLarge", "id_of", "parse_date"]

DATE: Final = r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?(?:Z|[+-]\d{2}:?\d{2})?\Z"

SHORTEST_DATE: Final = 18
USUAL: Final = 27


def parse_date(text: str) -> datetime | str:
    """
    Give the datetime that `text` names in ISO 8601; naive ones are local time.

    Anything else comes back as it is.
    """
    # Most are like "2026-01-02T03:04:05.678901Z": the expression takes longer to tell. All that
    # `fromisoformat` takes beside these at that length is the day of a week, "2026-W01-5T...",
    # and what follows a NUL it does not look at.
    is_usual = len(text) == USUAL and text[10] == "T" and text[19] == "." and text[26] == "Z"
    if not (is_usual and text[5] != "W" and "\0" not in text) and not re.match(DATE, text):
        return text
    try:
        date = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        if "T24:00:00" not in text:
            return text  # there is no such day
        return _next_midnight(text)
    if date.tzinfo is not None:
        return date
    return _as_local(date)


def _next_midnight(text: str) -> datetime | str:
    """Read the end of a day, which is the start of the next."""
    try:
        date = datetime.fromisoformat(text.replace("T24:", "T00:")) + timedelta(days=1)
    except (ValueError, OverflowError):
        return text
    return date if date.tzinfo is not None else _as_local(date)


def _as_local(date: datetime) -> datetime:
    try:
        return date.astimezone()
    except (ValueError, OverflowError):  # the local clock does not reach so far
        return date.replace(tzinfo=datetime(2000, 1, 1).astimezone().tzinfo)


def _with_dates(part: Any) -> Any:
    if isinstance(part, str):
        return parse_date(part) if len(part) > SHORTEST_DATE and part[10] == "T" else part
    if isinstance(part, dict):
        dated = cast("dict[str, Any]", part).copy()
        for key, value in dated.items():
            if isinstance(value, str):  # most of a header, without a call
                if len(value) > SHORTEST_DATE and value[10] == "T":
                    dated[key] = parse_date(value)
            elif isinstance(value, (dict, list)):
                dated[key] = _with_dates(value)
        return dated
    if isinstance(part, list):
        return [_with_dates(value) for value in cast("list[Any]", part)]
    return part


# The parent header that was last given dates, and itself with them: the messages of a request, of
# which there may be many in a row, share the object.
_last_parent: tuple[Any, dict[str, Any]] = (object(), {})


def _parent_with_dates(parent: Any) -> Any:
    global _last_parent
    last, kept = _last_parent
    if last is parent:
        return kept.copy()
    dated: Any = _with_dates(parent)
    if _is_flat(dated):
        _last_parent = parent, dated.copy()
    return dated


def _is_flat(part: Any) -> bool:
    """Whether it is an object with no other one in it: then a copy shares nothing that changes."""
    return isinstance(part, dict) and not any(
        isinstance(value, (dict, list)) for value in cast("dict[str, Any]", part).values()
    )


class Incoming:
    """
    One message as it came in: what routing needs is parsed, the rest when someone looks.

    Attributes:
        msg_type: Type of the message, in the words of protocol 5.
        parent_id: Id of the request that it belongs to, "" if it names none.
        content: Its content. A large one is parsed when it is first asked for, which takes about
            2 ms for each megabyte.
        size: Bytes of all its frames.
        is_deferred: Whether the content has not been parsed yet, because it is large.
    """

    __slots__ = (
        "_adapted",
        "_buffers",
        "_header",
        "_metadata",
        "_parent",
        "content",
        "is_deferred",
        "msg_type",
        "parent_id",
        "size",
    )

    def __init__(
        self,
        header: dict[str, Any] | bytes,
        msg_type: str,
        parent: Any,
        parent_id: str,
        metadata: Any,
        content: Content,
        buffers: Sequence[Frame],
        size: int,
    ) -> None:
        self.msg_type: str = msg_type
        self.parent_id: str = parent_id
        self.content: Content = content
        self.is_deferred: bool = False
        self.size: int = size
        # Bytes take less memory than the dict, and most headers are never looked at again: a run
        # that is held with 20 outputs takes 21 KB instead of 29.
        self._header = header
        self._parent = parent
        # What is empty, as in most messages, is made when somebody asks for it.
        self._metadata: Any = metadata
        self._buffers: list[memoryview] | None = [*map(memoryview, buffers)] if buffers else None
        self._adapted: dict[str, Any] | None = None  # set for messages of another protocol version

    @property
    def header(self) -> dict[str, Any]:
        """Its header, without dates, a new dict each time."""
        header = self._header
        return header.copy() if isinstance(header, dict) else load_exactly(header)

    @property
    def msg_id(self) -> str:
        """Its own id."""
        return self.header["msg_id"]

    @property
    def metadata(self) -> dict[str, Any]:
        """The message's metadata."""
        if self._metadata is None:
            self._metadata = {}
        return cast("dict[str, Any]", self._metadata)

    @property
    def buffers(self) -> list[memoryview]:
        """Its binary buffers."""
        if self._buffers is None:
            self._buffers = []
        return self._buffers

    def adapt(self, adapt: Callable[..., dict[str, Any]]) -> None:
        """Replace the message by what `adapt` makes of it."""
        adapted = self._adapted = adapt(dict(self.message))
        self.msg_type = adapted["header"]["msg_type"]
        self.content = adapted["content"]

    def replace(self, msg_type: str, content: Content) -> None:
        """Replace type and content; the binary buffers go."""
        self._header = {**self.header, "msg_type": msg_type}
        self.msg_type = msg_type
        self.content = content
        self.is_deferred = False
        self._buffers = None
        if self._adapted is not None:
            self._adapted = {**self._adapted, "header": self._header, "msg_type": msg_type}
            self._adapted |= {"content": content, "buffers": []}

    @property
    def message(self) -> Message:
        """
        The whole message, a new dict each time.

        `content` and `metadata` in it are this object's own.
        """
        whole = self._adapted
        if whole is None:
            header = _with_dates(self.header)
            return {
                "header": header,
                "msg_id": header["msg_id"],
                "msg_type": self.msg_type,
                "parent_header": _parent_with_dates(self._parent),
                "metadata": self.metadata,
                "content": self.content,
                "buffers": self.buffers,
            }
        return cast("Message", dict(whole))

    def __repr__(self) -> str:
        return f"<Incoming {self.msg_type} {self.msg_id} for {self.parent_id or 'nobody'}>"


class IncomingLarge(Incoming):
    """
    A message whose content is parsed when someone looks.

    A class of its own, since Python finds the attributes of a class with `__getattr__` more slowly.
    """

    __slots__ = ("_read",)

    def __init__(self, *parts: Any, read: Callable[[], Content]) -> None:
        super().__init__(*parts)
        self._read: Callable[[], Content] | None = read
        self.is_deferred: bool = True
        del self.content

    def __getattr__(self, name: str) -> Any:  # asked for what is not set
        read = self._read if name == "content" else None
        if read is None:  # another thread may have done it meanwhile
            return object.__getattribute__(self, name)
        self.content: Content = read()
        self.is_deferred = False
        self._read = None  # it holds the bytes
        return self.content

    def replace(self, msg_type: str, content: Content) -> None:
        """Replace type and content; the binary buffers go."""
        super().replace(msg_type, content)
        self._read = None


def id_of(parent: Any) -> str:
    """Give the id in a parent header, "" if there is none."""
    if isinstance(parent, dict):
        msg_id = cast("dict[str, Any]", parent).get("msg_id")
        if isinstance(msg_id, str):
            return msg_id
    return ""
