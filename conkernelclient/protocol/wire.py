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
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, Self, TypeAlias, cast

import orjson

from ..errors import ProtocolError
from .incoming import Incoming, id_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .messages import Content

__all__ = [
    "DELIMITER",
    "LARGE",
    "Check",
    "Digest",
    "Frame",
    "Wire",
    "WireSettings",
    "json_of",
]

logger: Final = logging.getLogger(__name__)

DELIMITER: Final = b"<IDS|MSG>"
Frame: TypeAlias = bytes | bytearray | memoryview
PARENTS_KEPT: Final = 1024  # parsed parent headers; each message of a request repeats the bytes
LARGE: Final = 64 * 2**10  # bytes from which a message is not copied, and its content read later
PIECE: Final = 2**20  # bytes
PARTS: Final = 5  # signature, header, parent header, metadata, content

# A run of 19 digits may be an integer beyond 64 bits, of which orjson would make a float without a
# word. Finding one by translating every digit to "0" takes a tenth of the time of a regular
# expression.
ONE_DIGIT: Final = bytes(ord("0") if chr(i).isdigit() and i < 128 else 1 for i in range(256))
MAY_BE_BIG: Final = b"0" * 19

# A header as `Session` makes it has one date, which orjson writes as `json_default` does.
HEADER_KEYS: Final = 7  # with `subshell_id`
HEADER_OPTIONS: Final = orjson.OPT_UTC_Z | orjson.OPT_PASSTHROUGH_DATACLASS

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


def _parts_of(frames: Sequence[Frame]) -> tuple[int, Sequence[Frame]]:
    """Give the place of the signature, and header, parent header, metadata and content."""
    try:
        start = frames.index(DELIMITER) + 1
    except ValueError:
        raise ProtocolError("a message without the delimiter <IDS|MSG>") from None
    if len(frames) < start + PARTS:
        raise ProtocolError(
            f"a message of {len(frames) - start} parts after the delimiter, "
            f"at least {PARTS} are needed"
        )
    return start, frames[start + 1 : start + PARTS]


def json_of(frames: Sequence[Frame]) -> Sequence[Frame]:
    """Give the parts of a message that are signed; none if it is no message."""
    try:
        return _parts_of(frames)[1]
    except ProtocolError:
        return ()


def _may_have_big(part: Frame) -> bool:
    """Look for a run of digits, piece by piece: other threads are to get their turns."""
    overlap = len(MAY_BE_BIG) - 1
    return any(
        MAY_BE_BIG in bytes(part[at : at + PIECE + overlap]).translate(ONE_DIGIT)
        for at in range(0, len(part), PIECE)
    )


def _object(part: Any, name: str) -> dict[str, Any]:
    if isinstance(part, dict):
        return cast("dict[str, Any]", part)
    raise ProtocolError(f"its {name} is no object but {type(part).__name__}")


class Check(NamedTuple):
    """What is known of a message's bytes before they are read."""

    is_signed: bool
    """Whether they carry the right signature, or none is needed."""
    may_have_big: bool
    """Whether there may be an integer in them that orjson would read as a float."""


class Wire:
    """
    Packs and unpacks the messages of one connection. Not for several threads at once.

    Attributes:
        unreadable: Large contents that turned out to be no JSON objects when they were read.
    """

    def __init__(self, settings: WireSettings) -> None:
        self._parents: dict[bytes, tuple[Any, str]] = {}
        self._seen: set[bytes] = set()
        self._ring: deque[bytes] = deque()
        self.unreadable: int = 0
        self.configure(settings)

    def configure(self, settings: WireSettings) -> None:
        """Go on with other settings; the signatures seen so far stay known."""
        self.settings: WireSettings = settings
        # `hmac.HMAC` wraps an object of C with the same methods, at twice its price.
        self._is_json: bool = settings.is_json
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
        parts = [
            self._dump_header(message["header"]),
            self._dump(message["parent_header"]),
            self._dump(message["metadata"]),
            packed,
        ]
        idents = [ident] if isinstance(ident, bytes) else list(ident or ())
        return [*idents, DELIMITER, self.sign(parts), *parts]

    def sign(self, parts: Sequence[Frame]) -> bytes:
        """Give the signature of header, parent header, metadata and content; b"" without a key."""
        if self._auth is None:
            return b""
        digest = self._auth.copy()
        if sum(map(len, parts)) < LARGE:
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
        start, parts = _parts_of(frames)
        auth = self._auth
        is_signed = auth is None or compare_digest(bytes(frames[start]), self.sign(parts))
        return Check(is_signed, any(map(_may_have_big, parts)))

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
        start, parts = _parts_of(frames)
        signature = bytes(frames[start])
        if size is None:
            size = sum(map(len, frames))
        if check is not None or size >= LARGE:
            is_signed, may_have_big = check or self.check(frames)
        else:
            whole = b"".join(parts)
            is_signed = may_have_big = MAY_BE_BIG in whole.translate(ONE_DIGIT)
            if self._auth is not None:
                digest = self._auth.copy()
                digest.update(whole)
                is_signed = compare_digest(signature, digest.hexdigest().encode("ascii"))
        if self._auth is not None and (not is_signed or signature in self._seen):
            raise self._refuse(signature)
        try:
            incoming = self._read(parts, frames[start + PARTS :], size, may_have_big)
        except UNREADABLE as error:
            raise ProtocolError(f"a message that cannot be read: {error!r}") from error
        if self._auth is not None:
            self._remember(signature)
        return incoming

    def _refuse(self, signature: bytes) -> ProtocolError:
        if not signature:
            return ProtocolError(
                "Unsigned Message: the kernel was started without a key, or someone else sends"
            )
        if signature in self._seen:
            return ProtocolError(f"Duplicate Signature: {signature!r}")
        return ProtocolError(
            f"Invalid Signature: {signature!r}; the key in the connection file is not the kernel's"
        )

    def _remember(self, signature: bytes) -> None:
        size = self.settings.history_size
        if not size:
            return
        self._seen.add(signature)
        self._ring.append(signature)
        while len(self._ring) > size:
            self._seen.discard(self._ring.popleft())

    def _read(
        self, parts: Sequence[Frame], buffers: Sequence[Frame], size: int, may_have_big: bool
    ) -> Incoming:
        if self._is_json and not may_have_big:
            try:
                return self._build(parts, buffers, size, orjson.loads)
            except orjson.JSONDecodeError:
                # NaN, Infinity, lone surrogates, bytes that are no UTF-8: `json` reads them, or
                # says what is wrong.
                pass
        return self._build(parts, buffers, size, self._load_as_session)

    def _build(
        self,
        parts: Sequence[Frame],
        buffers: Sequence[Frame],
        size: int,
        load: Callable[[Frame], Any],
    ) -> Incoming:
        header = _object(load(parts[0]), "header")
        content: Content | Callable[[], Content]
        if len(parts[3]) < LARGE:
            content = _object(load(parts[3]), "content")
        else:
            content = partial(self._load_content, parts[3], load)
        msg_id, msg_type = header["msg_id"], header["msg_type"]
        if not (isinstance(msg_id, str) and isinstance(msg_type, str)):
            raise ProtocolError(
                f"msg_id and msg_type are to be strings, not {msg_id!r} and {msg_type!r}"
            )
        part = parts[1] if isinstance(parts[1], bytes) else bytes(parts[1])
        parent, parent_id = self._parents.get(part) or self._parent(part, load)
        incoming = Incoming(
            header,
            parent,
            None if parts[2] == b"{}" else load(parts[2]),
            content,
            [memoryview(buffer) for buffer in buffers] if buffers else (),
            size,
            parent_id,
        )
        version = header.get("version")
        if not (isinstance(version, str) and version.startswith("5.") and "date" in header):
            incoming.adapt(self.settings.adapt)
        return incoming

    def _parent(self, part: bytes, load: Callable[[Frame], Any]) -> tuple[Any, str]:
        parent = load(part)
        found = parent, id_of(parent)
        if len(self._parents) >= PARENTS_KEPT:
            self._parents.clear()
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
