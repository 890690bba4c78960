"""
How does a message become frames, and frames a message?

`Wire.pack` gives what `jupyter_client.session.Session.serialize` gives, `Wire.unpack` what
`deserialize` gives, for the same settings: key and signature scheme, packer and unpacker, protocol
adapters. Two things are faster than there: JSON goes through orjson wherever orjson and `json`
agree, and a replayed signature is found in a ring of fixed size.

Source: Jupyter messaging 5.5, "The wire protocol".
"""

from __future__ import annotations

import logging
from collections import deque
from datetime import UTC, datetime
from functools import partial
from hmac import compare_digest
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, Self, cast

import orjson

from ..errors import ProtocolError
from .big_ints import MAY_BE_BIG, ONE_DIGIT, may_have_big
from .incoming import Incoming, IncomingLarge, id_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .messages import Content, Frame

__all__ = [
    "DELIMITER",
    "LARGE",
    "PARTS",
    "Check",
    "Digest",
    "Wire",
    "WireSettings",
    "from_last_delimiter",
    "json_of",
]

logger: Final = logging.getLogger(__name__)

DELIMITER: Final = b"<IDS|MSG>"
PARENTS_KEPT: Final = 1024  # parsed parent headers, twice; each message of a request repeats one
LARGE: Final = 64 * 2**10  # bytes from which a message is not copied, and its content read later
PARTS: Final = 5  # signature, header, parent header, metadata, content
CURRENT: Final = frozenset(f"5.{minor}" for minor in range(10))  # versions that need no adapter

# A header as `Session` makes it has one date, which orjson writes as `json_default` does.
HEADER_KEYS: Final = 7  # with `subshell_id`
HEADER_OPTIONS: Final = orjson.OPT_UTC_Z | orjson.OPT_PASSTHROUGH_DATACLASS

LOADS: Final[Callable[[Frame], Any]] = orjson.loads
EMPTY: Final[dict[str, Any]] = {}
OBJECT: Final[Any] = dict  # of JSON; to a type checker any, as `load` may give anything

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


def _no_message(frames: Sequence[Frame]) -> ProtocolError:
    if DELIMITER not in frames:
        return ProtocolError("a message without the delimiter <IDS|MSG>")
    return ProtocolError(
        f"a message of {len(frames) - frames.index(DELIMITER) - 1} parts after the delimiter, "
        f"at least {PARTS} are needed"
    )


def _two() -> ProtocolError:
    return ProtocolError(
        "two messages in one: the kernel was interrupted while it sent the first; restart it if "
        "that goes on"
    )


def _signed(frames: Sequence[Frame]) -> tuple[Frame, Sequence[Frame]]:
    """Give the signature, and header, parent header, metadata and content."""
    try:
        start = frames.index(DELIMITER) + 1
        signature, header, parent, metadata, content = frames[start : start + PARTS]
    except ValueError:
        raise _no_message(frames) from None
    return signature, (header, parent, metadata, content)


def from_last_delimiter(frames: Sequence[Frame]) -> Sequence[Frame]:
    """Give the frames from the last delimiter on, which is to be there."""
    return frames[len(frames) - 1 - frames[::-1].index(DELIMITER) :]


def json_of(frames: Sequence[Frame]) -> Sequence[Frame]:
    """Give the parts of a message that are signed; none if it is no message."""
    try:
        return _signed(frames)[1]
    except ProtocolError:
        return ()


def _no_object(name: str, part: object) -> ProtocolError:
    return ProtocolError(f"its {name} is no object but {type(part).__name__}")


class Check(NamedTuple):
    """What is known of a message's bytes before they are read."""

    is_signed: bool
    """Whether they carry the right signature, or none is needed."""
    has_big: bool
    """Whether there may be an integer in them that orjson would read as a float."""


class Wire:
    """
    Packs and unpacks the messages of one connection. Not for several threads at once.

    Attributes:
        unreadable: Large contents that turned out to be no JSON objects when they were read.
    """

    def __init__(self, settings: WireSettings) -> None:
        self._parents: dict[bytes, tuple[Any, str]] = {}
        self._parents_before: dict[bytes, tuple[Any, str]] = {}
        self._seen: set[bytes] = set()
        self._ring: deque[bytes] = deque()
        self.unreadable: int = 0
        self.configure(settings)

    def configure(self, settings: WireSettings) -> None:
        """Go on with other settings; the signatures seen so far stay known."""
        self.settings: WireSettings = settings
        # `hmac.HMAC` wraps an object of C with the same methods, at twice its price.
        self._is_json: bool = settings.is_json
        self._history_size: int = settings.history_size
        self._auth: Digest | None = getattr(settings.auth, "_hmac", None) or settings.auth

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
        parent, metadata = message["parent_header"], message["metadata"]
        parts = [
            self._dump_header(message["header"]),
            b"{}" if parent == EMPTY and settings.is_json else self._dump(parent),
            b"{}" if metadata == EMPTY and settings.is_json else self._dump(metadata),
            packed,
        ]
        if ident is None:
            return [DELIMITER, self.sign(parts), *parts]
        idents = [ident] if isinstance(ident, bytes) else ident
        return [*idents, DELIMITER, self.sign(parts), *parts]

    def sign(self, parts: Sequence[Frame]) -> bytes:
        """Give the signature of header, parent header, metadata and content; b"" without a key."""
        if self._auth is None:
            return b""
        digest = self._auth.copy()
        if len(parts[-1]) < LARGE:  # the content
            digest.update(b"".join(parts))
        else:
            for part in parts:
                digest.update(part)
        return digest.hexdigest().encode("ascii")

    def check(self, frames: Sequence[Frame]) -> Check:
        """
        Do what takes long with a large message: `unpack` is then quick.

        The only method that other threads may call; it changes nothing.

        Raises:
            ProtocolError: It is short.
        """
        signature, parts = _signed(frames)
        is_signed = self._auth is None or compare_digest(bytes(signature), self.sign(parts))
        return Check(is_signed, any(map(may_have_big, parts)))

    def unpack(
        self, frames: Sequence[Frame], check: Check | None = None, size: int | None = None
    ) -> Incoming:
        """
        Make a message of `frames`, identities or a topic first. Its signature is always checked.

        Args:
            frames: What came.
            check: What `check` found; None: it is found now.
            size: Bytes of the frames, if that is known.

        Raises:
            ProtocolError: It is short, unsigned, wrongly signed, a replay, not JSON, or not a
                message. Nothing is remembered of it.
        """
        signature: Any  # bytes, where the content is
        try:
            start = frames.index(DELIMITER) + 1
            signature, header, parent, metadata, content = frames[start : start + PARTS]
        except ValueError:
            raise _no_message(frames) from None
        if size is None:
            size = sum(map(len, frames))
        auth, seen = self._auth, self._seen
        if check is not None or size >= LARGE or auth is None or type(content) is not bytes:
            signature = bytes(signature)
            is_signed, has_big = check or self.check(frames)
        else:
            digest = auth.copy()
            digest.update(b"".join((header, parent, metadata, content)))
            is_signed = compare_digest(signature, digest.hexdigest().encode())
            # The header is read again when someone looks at it, and a parent header only once.
            has_big = MAY_BE_BIG in content.translate(ONE_DIGIT)
            if metadata != b"{}":
                has_big = has_big or may_have_big(metadata)
        if not is_signed or (signature in seen and auth is not None):
            raise self._refuse(signature, frames)
        load = self._load_as_session if has_big or not self._is_json else LOADS
        buffers: Sequence[Frame] = ()
        if len(frames) > start + PARTS:
            buffers = self._buffers(frames, start + PARTS)
        try:
            incoming = self._read(header, parent, metadata, content, buffers, size, load)
        except UNREADABLE as error:
            parts = header, parent, metadata, content
            incoming = self._read_otherwise(error, parts, buffers, size)
        if auth is not None and self._history_size:
            seen.add(signature)
            self._ring.append(signature)
            if len(seen) > self._history_size:
                self._forget()
        return incoming

    def _buffers(self, frames: Sequence[Frame], start: int) -> Sequence[Frame]:
        """Give the binary buffers, unless there is another message in them."""
        buffers = frames[start:]
        if self._auth is not None and DELIMITER in buffers and self._ends_in_message(buffers):
            raise _two()
        return buffers

    def _ends_in_message(self, frames: Sequence[Frame]) -> bool:
        try:
            signature, parts = _signed(from_last_delimiter(frames))
        except ProtocolError:
            return False
        return compare_digest(bytes(signature), self.sign(parts))

    def _refuse(self, signature: bytes, frames: Sequence[Frame]) -> ProtocolError:
        if not signature:
            return ProtocolError(
                "Unsigned Message: the kernel was started without a key, or someone else sends"
            )
        if signature in self._seen:
            return ProtocolError(f"Duplicate Signature: {signature!r}")
        if frames.count(DELIMITER) > 1:
            return _two()
        return ProtocolError(
            f"Invalid Signature: {signature!r}; the key in the connection file is not the kernel's"
        )

    def _forget(self) -> None:
        while len(self._ring) > self._history_size:
            self._seen.discard(self._ring.popleft())

    def _read_otherwise(
        self, error: Exception, parts: Sequence[Frame], buffers: Sequence[Frame], size: int
    ) -> Incoming:
        """Read as the session does what orjson cannot."""
        try:
            if not isinstance(error, orjson.JSONDecodeError):
                raise error
            # NaN, Infinity, lone surrogates, bytes that are no UTF-8: `json` reads them, or says
            # what is wrong.
            header, parent, metadata, content = parts
            load = self._load_as_session
            return self._read(header, parent, metadata, content, buffers, size, load)
        except UNREADABLE as reason:
            raise ProtocolError(f"a message that cannot be read: {reason!r}") from reason

    def _read(
        self,
        header_part: Frame,
        parent_part: Frame,
        metadata_part: Frame,
        content_part: Frame,
        buffers: Sequence[Frame],
        size: int,
        load: Callable[[Frame], Any],
    ) -> Incoming:
        header: dict[str, Any] = load(header_part)
        if not isinstance(header, OBJECT):
            raise _no_object("header", header)
        msg_id, msg_type = header["msg_id"], header["msg_type"]
        if not (isinstance(msg_id, str) and isinstance(msg_type, str)):
            raise ProtocolError(
                f"msg_id and msg_type are to be strings, not {msg_id!r} and {msg_type!r}"
            )
        if type(parent_part) is not bytes:
            parent_part = bytes(parent_part)
        parent, parent_id = self._parents.get(parent_part) or self._parent(parent_part, load)
        kept = bytes(header_part) if load is LOADS else header
        extra = None if metadata_part == b"{}" else load(metadata_part)
        if len(content_part) < LARGE:
            content = load(content_part)
            if not isinstance(content, OBJECT):
                raise _no_object("content", content)
            incoming = Incoming(kept, msg_type, parent, parent_id, extra, content, buffers, size)
        else:
            incoming = IncomingLarge(
                *(kept, msg_type, parent, parent_id, extra, EMPTY, buffers, size),
                read=partial(self._load_content, content_part, load),
            )
        if header.get("version") not in CURRENT or "date" not in header:
            incoming.adapt(self.settings.adapt)
        return incoming

    def _parent(self, part: bytes, load: Callable[[Frame], Any]) -> tuple[Any, str]:
        found = self._parents_before.get(part)
        if found is None:
            if load is LOADS and may_have_big(part):
                load = self._load_as_session
            parent = load(part)
            found = parent, id_of(parent)
        if len(self._parents) >= PARENTS_KEPT:  # those that nobody names any more go
            self._parents_before, self._parents = self._parents, {}
        self._parents[part] = found
        return found

    def _load_as_session(self, part: Frame) -> Any:
        return {} if part == b"{}" else self.settings.unpack(bytes(part))

    def _load_content(self, part: Frame, load: Callable[[Frame], Any]) -> Content:
        """Read a large content when it is asked for; {} if it is not one."""
        content: Any
        try:
            try:
                content = load(part)
            except orjson.JSONDecodeError:
                content = self._load_as_session(part)
        except UNREADABLE as error:
            content = error
        if isinstance(content, dict):
            return cast("Content", content)
        self.unreadable += 1
        logger.warning("a content of %d bytes is no JSON object: %.200r", len(part), content)
        return {}

    def _dump_header(self, header: dict[str, Any]) -> bytes:
        date = header.get("date")
        if self.settings.is_json and type(date) is datetime and date.tzinfo is UTC:
            try:
                packed = orjson.dumps(header, option=HEADER_OPTIONS)
            except orjson.JSONEncodeError:
                pass
            else:
                if len(header) <= HEADER_KEYS and b"null" not in packed:
                    return packed
        return self._dump(header)

    def _dump(self, part: Any) -> bytes:
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
