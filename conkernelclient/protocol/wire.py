"""
How does a message become frames, and frames a message?

`Wire.pack` gives what `jupyter_client.session.Session.serialize` gives, `Wire.unpack` what
`deserialize` gives, for the same settings: key and signature scheme, packer and unpacker, protocol
adapters. Two things are faster than there: JSON goes through orjson wherever orjson and `json`
agree, and a replayed signature is found in a ring of fixed size.

Source: Jupyter messaging 5.5, "The wire protocol".
"""

from __future__ import annotations

import re
from collections import deque
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, Self, TypeAlias, cast

import orjson

from ..errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .messages import Content, Message

__all__ = ["DELIMITER", "Digest", "Frame", "Incoming", "Wire", "WireSettings", "parse_date"]

DELIMITER: Final = b"<IDS|MSG>"
Frame: TypeAlias = bytes | bytearray | memoryview
PARENTS_KEPT: Final = 1024  # parsed parent headers; each message of a request repeats the bytes
PARTS: Final = 5  # signature, header, parent header, metadata, content

# A run of 19 digits may be an integer beyond 64 bits, of which orjson would make a float without a
# word. Finding one by translating every digit to "0" takes a tenth of the time of a regular
# expression.
ONE_DIGIT: Final = bytes(ord("0") if chr(i).isdigit() and i < 128 else 1 for i in range(256))
MAY_BE_BIG: Final = b"0" * 19

DATE: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?(?:Z|[+-]\d{2}:?\d{2})?\Z"
)

# What a foreign packer or a protocol adapter raises when it meets a message that it cannot read.
UNREADABLE: Final = (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError)


class Digest(Protocol):
    """The keyed state of a signature, such as `hmac.HMAC`."""

    def copy(self) -> Self:
        """Give a digest of what it has had so far, to go on with apart."""
        ...

    def update(self, data: Frame, /) -> None:
        """Take `data` in."""
        ...

    def hexdigest(self) -> str:
        """Give the digest of all that it has had, in hexadecimal digits."""
        ...


class WireSettings(NamedTuple):
    """What a `Session` decides about the bytes."""

    pack: Callable[[Any], bytes]
    """One part to bytes. With `is_json` it is only asked where orjson would give something else."""
    unpack: Callable[[bytes], Any]
    adapt: Callable[..., dict[str, Any]]
    """Turns a message of another major protocol version, `adapt(message[, to_version])`."""
    default: Callable[[Any], Any] | None = None
    """Makes JSON of an object that is none: dates, bytes, iterables."""
    is_json: bool = True
    auth: Digest | None = None
    """None: an empty key, nothing is signed or checked."""
    adapt_version: int = 0
    """The kernel's major protocol version where it is not ours; 0: as it is."""
    history_size: int = 65536


def parse_date(text: str) -> datetime | str:
    """
    Give the datetime that `text` names in ISO 8601; naive ones are local time.

    Anything else comes back as it is.
    """
    if not DATE.match(text):
        return text
    try:
        if "T24:00:00" in text:  # the end of a day is the start of the next
            date = datetime.fromisoformat(text.replace("T24:", "T00:")) + timedelta(days=1)
        else:
            date = datetime.fromisoformat(text)
    except (ValueError, OverflowError):  # there is no such day
        return text
    if date.tzinfo is not None:
        return date
    try:
        return date.astimezone()
    except (ValueError, OverflowError):  # the local clock does not reach so far
        return date.replace(tzinfo=datetime(2000, 1, 1).astimezone().tzinfo)


def _with_dates(part: Any) -> Any:
    match part:
        case str():
            return parse_date(part)
        case dict():
            return {key: _with_dates(value) for key, value in cast("dict[str, Any]", part).items()}
        case list():
            return [_with_dates(value) for value in cast("list[Any]", part)]
        case _:
            return part


class Incoming:
    """
    One message as it came in: what routing needs is parsed, the rest when someone looks.

    Attributes:
        msg_type: Type of the message, in the words of protocol 5.
        msg_id: Its own id.
        parent_id: Id of the request that it belongs to, "" if it names none.
        content: Its content.
        buffers: Its binary buffers, as memoryviews.
        size: Bytes of all its frames.
    """

    __slots__ = (
        "_adapted",
        "_header",
        "_metadata",
        "_parent",
        "buffers",
        "content",
        "msg_id",
        "msg_type",
        "parent_id",
        "size",
    )

    def __init__(
        self,
        header: dict[str, Any],
        parent: Any,
        metadata: Any,
        content: Content,
        buffers: list[memoryview],
        size: int,
    ) -> None:
        self._header = header
        self._parent = parent
        self._metadata = metadata
        self._adapted: dict[str, Any] | None = None  # set for messages of another protocol version
        self.msg_type: str = header["msg_type"]
        self.msg_id: str = header["msg_id"]
        self.parent_id: str = _id_of(parent)
        self.content: Content = content
        self.buffers: list[memoryview] = buffers
        self.size: int = size

    def adapt(self, adapt: Callable[..., dict[str, Any]]) -> None:
        """Replace the message by what `adapt` makes of it."""
        adapted = self._adapted = adapt(dict(self.message))
        self.msg_type = adapted["header"]["msg_type"]
        self.content = adapted["content"]

    def replace(self, msg_type: str, content: Content) -> None:
        """Replace type and content; the binary buffers go."""
        self._header = {**self._header, "msg_type": msg_type}
        self.msg_type = msg_type
        self.content = content
        self.buffers = []
        if self._adapted is not None:
            self._adapted = {**self._adapted, "header": self._header, "msg_type": msg_type}
            self._adapted |= {"content": content, "buffers": []}

    @property
    def metadata(self) -> dict[str, Any]:
        """The message's metadata."""
        return cast("dict[str, Any]", self._metadata)

    @property
    def message(self) -> Message:
        """
        The whole message, a new dict each time.

        `content` and `metadata` in it are this object's own.
        """
        whole = self._adapted
        if whole is None:
            header = _with_dates(self._header)
            whole = {
                "header": header,
                "msg_id": self.msg_id,
                "msg_type": self.msg_type,
                "parent_header": _with_dates(self._parent),
                "metadata": self._metadata,
                "content": self.content,
                "buffers": self.buffers,
            }
        return cast("Message", dict(whole))

    def __repr__(self) -> str:
        return f"<Incoming {self.msg_type} {self.msg_id} for {self.parent_id or 'nobody'}>"


def _id_of(parent: Any) -> str:
    if isinstance(parent, dict):
        msg_id = cast("dict[str, Any]", parent).get("msg_id")
        if isinstance(msg_id, str):
            return msg_id
    return ""


class Wire:
    """Packs and unpacks the messages of one connection. Not for several threads at once."""

    def __init__(self, settings: WireSettings) -> None:
        self.settings: WireSettings = settings
        self._parents: dict[bytes, Any] = {}
        self._seen: set[bytes] = set()
        self._ring: deque[bytes] = deque()

    def configure(self, settings: WireSettings) -> None:
        """Go on with other settings; the signatures seen so far stay known."""
        self.settings = settings

    def pack(
        self, message: Mapping[str, Any], ident: bytes | Sequence[bytes] | None = None
    ) -> list[Frame]:
        """
        Make the frames of `message`, without its buffers.

        They are [ident ..., delimiter, signature, header, parent header, metadata, content].

        Raises:
            TypeError: The content is neither dict, bytes, str nor None, or JSON cannot hold it.
            ValueError: JSON cannot hold it.
        """
        settings = self.settings
        if settings.adapt_version:
            message = settings.adapt(dict(message), settings.adapt_version)
        content = message.get("content", {})
        match content:
            case None:
                packed = b"{}" if settings.is_json else settings.pack({})
            case dict():
                packed = self._dump(content)
            case bytes():
                packed = content
            case str():
                packed = content.encode()
            case _:
                raise TypeError(f"Content incorrect type: {type(content)}")
        parts = [
            self._dump(message["header"]),
            self._dump(message["parent_header"]),
            self._dump(message["metadata"]),
            packed,
        ]
        idents = [ident] if isinstance(ident, bytes) else list(ident or ())
        return [*idents, DELIMITER, self.sign(parts), *parts]

    def sign(self, parts: Sequence[Frame]) -> bytes:
        """Give the signature of header, parent header, metadata and content; b"" without a key."""
        if self.settings.auth is None:
            return b""
        digest = self.settings.auth.copy()
        for part in parts:
            digest.update(part)
        return digest.hexdigest().encode("ascii")

    def unpack(self, frames: Sequence[bytes]) -> Incoming:
        """
        Make a message of `frames`, identities or a topic first. Its signature is always checked.

        Raises:
            ProtocolError: It is short, unsigned, wrongly signed, a replay, not JSON, or not a
                message. Nothing is remembered of it.
        """
        try:
            start = frames.index(DELIMITER) + 1
        except ValueError:
            raise ProtocolError("a message without the delimiter <IDS|MSG>") from None
        if len(frames) < start + PARTS:
            raise ProtocolError(
                f"a message of {len(frames) - start} parts after the delimiter, "
                f"at least {PARTS} are needed"
            )
        signature = frames[start]
        parts = frames[start + 1 : start + PARTS]
        self._verify(signature, parts)
        buffers = [memoryview(frame) for frame in frames[start + PARTS :]]
        try:
            incoming = self._read(parts, buffers, sum(map(len, frames)))
        except UNREADABLE as error:
            raise ProtocolError(f"a message that cannot be read: {error!r}") from error
        self._remember(signature)
        return incoming

    def _verify(self, signature: bytes, parts: Sequence[bytes]) -> None:
        if self.settings.auth is None:
            return
        if not signature:
            raise ProtocolError(
                "Unsigned Message: the kernel was started without a key, or someone else sends"
            )
        if signature in self._seen:
            raise ProtocolError(f"Duplicate Signature: {signature!r}")
        if not compare_digest(signature, self.sign(parts)):
            raise ProtocolError(
                f"Invalid Signature: {signature!r}; "
                "the key in the connection file is not the kernel's"
            )

    def _remember(self, signature: bytes) -> None:
        size = self.settings.history_size
        if self.settings.auth is None or not size:
            return
        self._seen.add(signature)
        self._ring.append(signature)
        while len(self._ring) > size:
            self._seen.discard(self._ring.popleft())

    def _read(self, parts: Sequence[bytes], buffers: list[memoryview], size: int) -> Incoming:
        header = self._load(parts[0])
        content = self._load(parts[3])
        for name, part in (("header", header), ("content", content)):
            if not isinstance(part, dict):
                raise ProtocolError(f"its {name} is no object but {type(part).__name__}")
        msg_id, msg_type = header["msg_id"], header["msg_type"]
        if not (isinstance(msg_id, str) and isinstance(msg_type, str)):
            raise ProtocolError(
                f"msg_id and msg_type are to be strings, not {msg_id!r} and {msg_type!r}"
            )
        incoming = Incoming(
            header, self._parent(parts[1]), self._load(parts[2]), content, buffers, size
        )
        version = header.get("version")
        if not (isinstance(version, str) and version.startswith("5.") and "date" in header):
            incoming.adapt(self.settings.adapt)
        return incoming

    def _parent(self, part: bytes) -> Any:
        parents = self._parents
        parent = parents.get(part)
        if parent is None:
            parent = self._load(part)
            if len(parents) >= PARENTS_KEPT:
                parents.clear()
            parents[part] = parent
        return parent

    def _load(self, part: bytes) -> Any:
        if part == b"{}":
            return {}
        if self.settings.is_json and MAY_BE_BIG not in part.translate(ONE_DIGIT):
            try:
                return orjson.loads(part)
            except orjson.JSONDecodeError:
                # NaN, Infinity, lone surrogates, bytes that are no UTF-8: `json` reads them, or
                # says what is wrong.
                pass
        return self.settings.unpack(part)

    def _dump(self, part: Any) -> bytes:
        if not part and isinstance(part, dict) and self.settings.is_json:
            return b"{}"
        if self.settings.is_json:
            try:
                packed = orjson.dumps(
                    part,
                    self.settings.default,
                    orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS,
                )
            except orjson.JSONEncodeError:
                pass  # integers over 64 bits, lone surrogates, keys that are no strings
            else:
                if b"null" not in packed:  # which may stand for a NaN
                    return packed
        return self.settings.pack(part)
