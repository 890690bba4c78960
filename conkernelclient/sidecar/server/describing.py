"""What does a class's docstring say of it and of each attribute?"""

from __future__ import annotations

import re
from inspect import cleandoc
from typing import Any, Final

__all__ = ["attributes_of", "summary_of"]

SECTION: Final = "\nAttributes:\n"
ENTRY: Final = re.compile(r"^    (\w+): ((?:.*\n?)(?:^      +.*\n?)*)", re.MULTILINE)


def summary_of(kind: type[Any]) -> str:
    """Give what it says of the class, without its sections; lines of a paragraph are joined."""
    return _joined(cleandoc(kind.__doc__ or "").partition(SECTION)[0])


def attributes_of(kind: type[Any]) -> dict[str, str]:
    """Give what it says of each attribute, by name."""
    section = cleandoc(kind.__doc__ or "").partition(SECTION)[2]
    return {name: _joined(text) for name, text in ENTRY.findall(section)}


def _joined(text: str) -> str:
    paragraphs = text.strip().split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
