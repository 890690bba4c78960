"""What does a JSON document hold, in one line, where there is no room for it?"""

from __future__ import annotations

import json
from typing import Any, Final, cast

from .budget import one_line
from .terminal import fold, visible

__all__ = ["is_document", "summary_of"]

MOST: Final = 300  # characters of what is said of the content
OF_A_VALUE: Final = 40


def is_document(text: str) -> bool:
    """Tell whether the whole of `text` is one JSON object or array."""
    ends = text[:100].lstrip()[:1], text[-100:].rstrip()[-1:]
    if ends not in (("{", "}"), ("[", "]")):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def summary_of(text: str, whereabouts: str = "") -> str:
    """
    Give one line, at most some 400 characters and `whereabouts`, for the JSON document `text`.

    Args:
        text: JSON; what is none, as it was nested too deeply, is told by its size.
        whereabouts: Where the whole of it is.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return f"[JSON, {len(text)} characters{whereabouts}]"
    said = one_line(visible(fold(_described(value))), MOST)
    return f"[JSON, {len(text)} characters{whereabouts}: {said}]"


def _described(value: Any) -> str:
    if isinstance(value, dict):
        keys = cast("dict[str, Any]", value)
        named = [f"{_brief(key)}: {_kind(keys[key])}" for key in list(keys)[:20]]
        return f"an object with {_count(keys, 'key')}: " + ", ".join(named)
    if isinstance(value, list) and value:
        items = cast("list[Any]", value)
        return f"an array of {_count(items, 'item')}, the first is {_kind(items[0], most=200)}"
    return _kind(value)


def _count(things: list[Any] | dict[str, Any], name: str) -> str:
    return f"{len(things)} {name}" + ("" if len(things) == 1 else "s")


def _kind(value: Any, most: int = OF_A_VALUE) -> str:
    if isinstance(value, str):
        shown = _brief(value)
        return shown if len(value) <= OF_A_VALUE else f"{shown} ({len(value)} characters)"
    if isinstance(value, (list, dict)):
        things = cast("list[Any]", value)
        text = json.dumps(value, ensure_ascii=False) if len(things) <= most else ""
        if 0 < len(text) <= most:
            return text
        if isinstance(value, list):
            return f"an array of {_count(things, 'item')}"
        return f"an object with {_count(things, 'key')}"
    return one_line(json.dumps(value), OF_A_VALUE)


def _brief(text: str) -> str:
    return json.dumps(one_line(text, OF_A_VALUE), ensure_ascii=False)
