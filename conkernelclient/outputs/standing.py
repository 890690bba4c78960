"""How does a thing say in one line what it is and how it stands?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["short", "standing"]


def standing(thing: object, tell: Callable[[], Iterable[str]]) -> str:
    """
    Give the repr of `thing`: the name of its class and what `tell` gives, on one line.

    It never raises: what cannot be told, as of a thing that is half constructed, is left out.
    """
    told: list[str] = []
    try:
        told.extend(tell())
    except Exception:  # a repr stands in logs and tracebacks, where a second error hides the first
        told.append("not to be told more")
    return f"<{type(thing).__name__} {', '.join(told)}>"


def short(text: str, max_chars: int) -> str:
    """Give the start of `text` on one line, without controls."""
    from .budget import one_line  # with the first repr: importing us should be quick
    from .terminal import fold, visible

    return one_line(visible(fold(text[: 4 * max_chars])), max_chars)
