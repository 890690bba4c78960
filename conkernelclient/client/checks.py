"""Is an argument of the type that it has to have?"""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import ProtocolError

__all__ = ["require_mapping", "require_seconds", "require_text"]


def require_text(name: str, value: object) -> str:
    """Give `value` if it is a str; ProtocolError otherwise."""
    if not isinstance(value, str):
        raise ProtocolError(f"{name} {value!r} must be a string")
    return value


def require_mapping(name: str, value: object, what: str = "a dict") -> None:
    """Raise ProtocolError unless `value` is a mapping."""
    if not isinstance(value, Mapping):
        raise ProtocolError(f"{name} {value!r} must be {what}")


def require_seconds(name: str, value: object) -> float | None:
    """Give `value` if it is a number of seconds or None; ProtocolError otherwise."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:  # NaN
        raise ProtocolError(f"{name} {value!r} must be a number of seconds, or None")
    return float(value)
