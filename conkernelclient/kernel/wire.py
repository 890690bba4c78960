"""
How does the kernel's message look on the wire, and what does a front end's message say?

As `Session` of jupyter_client has it, but quicker: the parent header travels as the bytes that
came, and each part is packed once. What is hard to pack is left to the packer of `Session`.
"""

from __future__ import annotations

import hmac
import itertools
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, cast

import orjson
from jupyter_client.jsonutil import json_default

from .compat import PROTOCOL_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from jupyter_client.session import Session

__all__ = ["DELIMITER", "Incoming", "Wire"]

DELIMITER: Final = b"<IDS|MSG>"
SURROGATES: Final = re.compile("[\ud800-\udfff]")
# As `Session` writes dates, whose own words for it are not public.
DATES: Final = orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z
DIGESTS: Final = 65_536  # signatures remembered, each at most once


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message of a front end; `raw_header` is its header as it came."""

    idents: list[bytes]
    raw_header: bytes
    message: dict[str, Any]

    @property
    def msg_id(self) -> str:
        """The message's id."""
        return self.message["header"]["msg_id"]

    @property
    def msg_type(self) -> str:
        """The message's type."""
        return self.message["header"]["msg_type"]


class Wire:
    """One session's messages, to bytes and back."""

    def __init__(self, session: Session) -> None:
        self._session: Any = session
        auth: Any = session.auth
        self._auth: Callable[[], hmac.HMAC] | None = auth.copy if auth else None
        self._numbers = itertools.count()
        self._prefix = text_of(f"{session.session}_{os.getpid()}_k")[:-1]  # without its quote
        self._is_json = session.packer in ("json", "orjson")
        rest = {
            "username": session.username,
            "session": session.session,
            "version": PROTOCOL_VERSION,
        }
        self._rest = text_of(rest)[1:]  # without its brace
        self._digests: set[bytes] = set()

    def pack(
        self,
        msg_type: str,
        content: Mapping[str, Any],
        parent: bytes = b"{}",
        *,
        idents: Sequence[bytes] = (),
        metadata: bytes = b"{}",
        buffers: Sequence[Any] = (),
    ) -> list[Any]:
        """Give the frames of a new message."""
        if not self._is_json:
            return self._pack_as_session(msg_type, content, parent, idents, metadata, buffers)
        date = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        header = (
            f'{{"msg_id":{self._prefix}{next(self._numbers)}","msg_type":{text_of(msg_type)},'
            f'"date":"{date}",{self._rest}'
        ).encode()
        parts = (header, parent, metadata, self._content(content))
        return [*idents, DELIMITER, self._sign(parts), *parts, *buffers]

    def unpack(self, frames: Sequence[bytes]) -> Incoming:
        """
        Read a message.

        Raises:
            ValueError, TypeError, KeyError: It is no message, or not signed with our key.
        """
        at = frames.index(DELIMITER)
        signature, raw, parent, metadata, content = frames[at + 1 : at + 6]
        if self._auth is not None:
            if signature in self._digests:
                raise ValueError("the same message once more")
            if not hmac.compare_digest(signature, self._sign((raw, parent, metadata, content))):
                raise ValueError("a signature that is not of our key")
            if len(self._digests) >= DIGESTS:
                self._digests.clear()
            self._digests.add(signature)
        header, *others = self._read((raw, parent, metadata, content))
        message: dict[str, Any] = {
            "header": header,
            "msg_id": header["msg_id"],
            "msg_type": header["msg_type"],
            "parent_header": others[0],
            "metadata": others[1],
            "content": others[2],
            "buffers": [memoryview(it) for it in frames[at + 6 :]],
        }
        for name in ("header", "parent_header", "metadata", "content"):
            if not isinstance(message[name], dict):
                raise TypeError(f"{name} is no object")
        if not isinstance(header["msg_id"], str) or not isinstance(header["msg_type"], str):
            raise TypeError("a header's msg_id and msg_type are strings")
        return Incoming(list(frames[:at]), raw, message)

    def msg_id_of(self, frames: Sequence[Any]) -> str:
        """Give the id of a message that `pack` has made."""
        return self._session.unpack(frames[frames.index(DELIMITER) + 2])["msg_id"]

    def _read(self, parts: Sequence[bytes]) -> list[Any]:
        try:
            return [self._session.unpack(part) for part in parts]
        except RecursionError:
            raise ValueError("a part that is nested too deeply") from None

    def _sign(self, parts: Sequence[bytes]) -> bytes:
        if self._auth is None:
            return b""
        digest = self._auth()
        for part in parts:
            digest.update(part)
        return digest.hexdigest().encode()

    def _content(self, content: Mapping[str, Any]) -> bytes:
        try:
            return orjson.dumps(content, default=json_default, option=DATES)
        except (TypeError, ValueError):
            pass
        try:
            return self._session.pack(without_surrogates(content))
        except RecursionError:  # `json` goes deeper than we do
            return self._session.pack(content)

    def _pack_as_session(
        self,
        msg_type: str,
        content: Mapping[str, Any],
        parent: bytes,
        idents: Sequence[bytes],
        metadata: bytes,
        buffers: Sequence[Any],
    ) -> list[Any]:
        session = self._session
        message = session.msg(msg_type, dict(content))
        message["parent_header"] = {} if parent == b"{}" else session.unpack(parent)
        message["metadata"] = orjson.loads(metadata)
        return [*session.serialize(message, list(idents)), *buffers]


def text_of(value: Any) -> str:
    """Give JSON without lone surrogates."""
    return orjson.dumps(without_surrogates(value)).decode()


def without_surrogates(value: Any) -> Any:
    """Put a replacement character in the place of each lone surrogate, which has no UTF-8."""
    if isinstance(value, str):
        return SURROGATES.sub("\ufffd", value)
    if isinstance(value, dict):
        items = cast("dict[Any, Any]", value).items()
        return {without_surrogates(key): without_surrogates(it) for key, it in items}
    if isinstance(value, list | tuple):
        return [without_surrogates(it) for it in cast("list[Any]", value)]
    return value
