"""
What does a `Session` decide about the bytes?

Its traits are read once, and again when they change: each of them costs more than it should.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from jupyter_client.adapter import adapt
from jupyter_client.jsonutil import json_default
from jupyter_client.session import json_packer, json_unpacker, orjson_packer, orjson_unpacker

from ..protocol.wire import WireSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_client.session import Session

    from ..protocol.wire import Digest

__all__ = ["observe_settings", "wire_settings"]

JSON_PACKERS: Final = (json_packer, orjson_packer)
JSON_UNPACKERS: Final = (json_unpacker, orjson_unpacker)
# Traits of a session that are read once, and again when they change.
SESSION_TRAITS: Final = [
    "auth",
    "pack",
    "unpack",
    "adapt_version",
    "digest_history_size",
    "username",
    "session",
    "metadata",
    "copy_threshold",
]


def wire_settings(session: Session) -> WireSettings:
    """Read what `session` decides about the bytes."""
    is_json = session.pack in JSON_PACKERS and session.unpack in JSON_UNPACKERS
    return WireSettings(
        pack=json_packer if is_json else cast("Callable[[Any], bytes]", session.pack),
        unpack=json_unpacker if is_json else cast("Callable[[bytes], Any]", session.unpack),
        adapt=adapt,
        default=json_default,
        is_json=is_json,
        auth=cast("Digest | None", session.auth),  # traitlets gives the trait no type
        adapt_version=session.adapt_version,
        history_size=session.digest_history_size,
    )


def observe_settings(session: Session, configure: Callable[[], None]) -> Callable[[], None]:
    """
    Have `configure` called when one of these traits changes.

    Returns:
        What ends that.
    """

    def changed(_change: Any) -> None:
        configure()

    session.observe(changed, SESSION_TRAITS)
    return lambda: session.unobserve(changed, SESSION_TRAITS)
