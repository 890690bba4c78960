"""
What of a message may stand in a notebook's output?

Kernels send what they like; what nbformat 4 does not allow is brought into its shape where that is
true to what was sent, and left out where it is not.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, cast

__all__ = ["bundle_of", "count_of", "dict_of", "joined", "lines_of", "text_of"]

JSON: Final = re.compile(r"application/(?:.*\+)?json\Z")  # may be of any type, says nbformat


def dict_of(value: object) -> dict[str, Any]:
    """Give metadata, or another dict, as a dict, whatever a kernel put in its place."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def bundle_of(value: object) -> dict[str, Any]:
    """
    Give a MIME bundle that nbformat allows: the same one if it is.

    A text that is no string, nor a list of them, is its JSON; any other content than text and JSON
    is left out if it is neither. So is null.
    """
    bundle = dict_of(value)
    for content in bundle.values():
        if type(content) is not str:
            break
    else:
        return bundle
    allowed: dict[str, Any] = {}
    for mime, content in bundle.items():
        if _is_text(content) or JSON.match(mime):
            allowed[mime] = content
        elif mime.startswith("text/") and content is not None:
            allowed[mime] = json.dumps(content)
    return allowed


def _is_text(content: Any) -> bool:
    return isinstance(content, str) or (
        isinstance(content, list)
        and all(isinstance(line, str) for line in cast("list[Any]", content))
    )


def text_of(value: Any) -> str:
    """Give text as a string: a list of lines is joined, null is none, others are their JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return joined(value) if _is_text(value) else json.dumps(value, default=str)


def joined(value: Any) -> str:
    """Join a text that may be a list of its lines."""
    return "".join(map(str, cast("list[Any]", value))) if isinstance(value, list) else str(value)


def count_of(value: object) -> int | None:
    """Give an execution count: a whole number from 0 on, or None."""
    return value if type(value) is int and value >= 0 else None


def lines_of(traceback: object) -> list[str]:
    """Give a traceback as a list of strings, whatever a kernel put in its place."""
    if isinstance(traceback, str):
        return [traceback]
    lines = cast("list[object]", traceback) if isinstance(traceback, list) else []
    return [str(line) for line in lines]
