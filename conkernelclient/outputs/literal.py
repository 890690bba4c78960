"""
Which Python value does the text of a cell's last value stand for?

Text is parsed, never executed. What is no plain literal stays text, and so does what IPython shows
with "..." in the place of a part: that would be another value.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any, Final

from .display import JSON_TYPE
from .mime import text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["value_of"]

MOST: Final = 1_000_000  # characters that are parsed
# An escape that Python warns of: no repr of Python's has one.
ODD_ESCAPE: Final = re.compile(r"\\(?:[4-7][0-7][0-7]|[^\n\\'\"abfnrtv0-7xNuU])")


def value_of(data: Mapping[str, Any]) -> Any:
    """
    Give the value of a MIME bundle.

    Returns:
        What `application/json` holds, if that is there; else what `text/plain` says, if that is a
        literal of numbers, strings, bytes, booleans, None, and tuples, lists, dicts and sets of
        them, of at most a million characters; else the text itself.
    """
    if data.get(JSON_TYPE) is not None:
        return data[JSON_TYPE]
    text = text_of(data.get("text/plain"))
    if len(text) > MOST or ODD_ESCAPE.search(text.replace("\\\\", "")):
        return text
    try:
        tree = ast.parse(text.strip(), mode="eval")
        if any(isinstance(it, ast.Constant) and it.value is ... for it in ast.walk(tree)):
            return text
        return ast.literal_eval(tree)
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        return text
