"""
Which cells does IPython not transform?

Those without magics, help, shell commands and prompts, which are most. To see that by a pattern
takes a twentieth of what it takes to tokenize them.
"""

from __future__ import annotations

import re
from typing import Any, Final

from .compat import TransformerManager

__all__ = ["has_default_transforms", "transformed"]

# What any of IPython's own transformations looks for, and a little more: signs of magics, help and
# shell commands anywhere; escapes, prompts and white space where a line begins; line ends of which
# `str.splitlines` and Python's tokenizer think differently.
SPECIAL: Final = re.compile(
    r"""
      [%!?\r\v\f\x1c-\x1e\x85\u2028\u2029]
    | >>> | \bIn\b
    | \A\s | \A\Z
    | ^[^\S\n]*(?:[,;/] | \.\.\.)
    | ^[^\S\n]+$
    """,
    re.MULTILINE | re.VERBOSE,
)
DEFAULT: Final[Any] = TransformerManager()


def has_default_transforms(manager: Any) -> bool:
    """Whether nobody has added or taken a transformation."""
    return (
        type(manager) is TransformerManager
        and manager.cleanup_transforms == DEFAULT.cleanup_transforms
        and manager.line_transforms == DEFAULT.line_transforms
        and manager.token_transformers == DEFAULT.token_transformers
    )


def transformed(code: str) -> str | None:
    """Give what IPython's own transformations make of code, if they leave it as it is."""
    if SPECIAL.search(code):
        return None
    return code if code.endswith("\n") else code + "\n"
