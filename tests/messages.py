"""Messages as a kernel would send them, made without one."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
from typing import Any

from jupyter_client.adapter import adapt
from jupyter_client.jsonutil import json_default
from jupyter_client.session import json_packer, json_unpacker

from conkernelclient import errors
from conkernelclient.protocol.incoming import Incoming
from conkernelclient.protocol.wire import DELIMITER, WireSettings

KEY = b"key"
DATE = "2026-01-02T03:04:05.678901Z"
_numbers = itertools.count()


def settings(**changes: Any) -> WireSettings:
    """Settings as a `Session` with the default packer has them."""
    chosen: dict[str, Any] = {
        "pack": json_packer,
        "unpack": json_unpacker,
        "adapt": adapt,
        "default": json_default,
        "auth": hmac.HMAC(KEY, digestmod=hashlib.sha256),
        **changes,
    }
    return WireSettings(**chosen)


def header(msg_type: str, **more: Any) -> dict[str, Any]:
    """A header with an id of its own."""
    return {
        "msg_id": f"k_{next(_numbers)}",
        "msg_type": msg_type,
        "username": "kernel",
        "session": "k",
        "date": DATE,
        "version": "5.3",
        **more,
    }


def frames(
    parts: list[bytes], *, key: bytes = KEY, idents: tuple[bytes, ...] = (b"topic",)
) -> list[bytes]:
    """Frames of a message whose parts are header, parent, metadata, content and buffers."""
    signature = hmac.new(key, b"".join(parts[:4]), hashlib.sha256).hexdigest().encode()
    return [*idents, DELIMITER, signature, *parts]


def packed(msg_type: str, content: Any, parent: Any = None, **more: Any) -> list[bytes]:
    """Frames of a whole message."""
    return frames(
        [json.dumps(p).encode() for p in (header(msg_type, **more), parent or {}, {}, content)]
    )


def incoming(msg_type: str, parent_id: str = "", **content: Any) -> Incoming:
    """A message as the router gets it."""
    parent = {"msg_id": parent_id} if parent_id else {}
    whole = header(msg_type)
    return Incoming(whole, msg_type, parent, parent_id, {}, content, [], 100)


def status(state: str, parent_id: str) -> Incoming:
    """A status message."""
    return incoming("status", parent_id, execution_state=state)


def kind(error: BaseException) -> type[BaseException]:
    """The class of ours, also where one of nbclient's, which may be loaded, stands beside it."""
    ours: type[BaseException] = getattr(errors, type(error).__name__)
    assert isinstance(error, ours)
    return ours
