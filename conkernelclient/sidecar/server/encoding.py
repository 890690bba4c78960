"""
How is what a session tells written as a text, once for all front ends?

Twenty front ends get one event: it is written when the first of them does, and kept until newer
ones have come.
"""

from __future__ import annotations

import json
import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import orjson

if TYPE_CHECKING:
    from ..session.session_events import Told

__all__ = ["KEPT", "KEPT_CHARACTERS", "Encoder", "encoded"]

KEPT: Final = 64  # events
KEPT_CHARACTERS: Final = 16_000_000


def encoded(value: object) -> str:
    """
    Write dataclasses, dicts, lists, texts and numbers as JSON.

    Numbers that JSON has not (NaN, Infinity) are null; half of a character is an escape.
    """
    try:
        return orjson.dumps(value, default=_plain).decode()
    except TypeError:  # half of a character, or a number beyond 64 bits
        return json.dumps(_plain_all(value), allow_nan=False)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, Any]", value))
    raise TypeError(f"{type(value).__name__} is not JSON")


def _plain_all(value: object) -> Any:
    match value:
        case float() if not math.isfinite(value):
            return None
        case Mapping():
            pairs = cast("Mapping[object, object]", value).items()
            return {str(key): _plain_all(each) for key, each in pairs}
        case list() | tuple():
            return [_plain_all(each) for each in cast("list[object]", value)]
        case _ if is_dataclass(value):
            return {field.name: _plain_all(getattr(value, field.name)) for field in fields(value)}
        case _:
            return value


class Encoder:
    """Writes what is told, and keeps the texts of the last events."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, tuple[Told, str]] = OrderedDict()
        self._characters = 0

    def text(self, told: Told) -> str:
        """Give the text of an event."""
        kept = self._kept.get(id(told))
        if kept is not None:  # which holds the event, so that nothing else has its id
            return kept[1]
        text = encoded(told)
        if told.type not in ("snapshot", "missed"):  # those are for one front end
            self._keep(told, text)
        return text

    def _keep(self, told: Told, text: str) -> None:
        self._kept[id(told)] = told, text
        self._characters += len(text)
        while len(self._kept) > KEPT or self._characters > KEPT_CHARACTERS:
            _, (_, old) = self._kept.popitem(last=False)
            self._characters -= len(old)
