"""How is a value written as JSON that any program can read?"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

__all__ = ["as_json", "put_json"]


def as_json(value: object, *, indent: int | None = None) -> str:
    """
    Write `value` as JSON.

    Bytes are base64, moments ISO 8601, numbers that are none null, and what else JSON does not know
    is its text. The result is ASCII, so that any terminal's encoding can write it.
    """
    return json.dumps(_plain(value), indent=indent, allow_nan=False)


def put_json(value: object) -> None:
    """Print `value` as one document."""
    print(as_json(value, indent=2), flush=True)


def _plain(value: object) -> Any:
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else None
        case datetime():
            return value.isoformat()
        case bytes() | bytearray():
            return base64.b64encode(value).decode("ascii")
        case memoryview():
            return base64.b64encode(value.tobytes()).decode("ascii")
        case Mapping():
            pairs = cast("Mapping[object, object]", value).items()
            return {str(key): _plain(each) for key, each in pairs}
        case list() | tuple() | set() | frozenset():
            return [_plain(each) for each in cast("list[object]", value)]
        case _:
            return str(value)
