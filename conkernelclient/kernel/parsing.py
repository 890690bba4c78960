"""
How is a cell parsed, while other threads parse?

By IPython's compiler; once more, if Python counts wrongly. Before 3.11.8 it has one counter for all
that is parsed at the same time, also by a finalizer amid another parsing, and then raises a
SystemError for code that is right (CPython gh-106905). To parse changes nothing, so that what the
second time gives is what the first should have given. What a cell itself parses, or a module that
it imports, can meet the kernel's own parsing, so `ast.parse` does the same there.
"""

from __future__ import annotations

import ast
import functools
import sys
from typing import TYPE_CHECKING, Any, Final

from .compat import XCachingCompiler

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Compiler", "again", "miscounts", "settle"]

WORDS: Final = "AST constructor recursion depth mismatch"
TIMES: Final = 10


class Compiler(XCachingCompiler):
    """IPython's compiler of cells."""

    def ast_parse(self, *args: Any, **kwargs: Any) -> Any:
        """Parse source code."""
        return again(super().ast_parse)(*args, **kwargs)


def again(parse: Callable[..., Any]) -> Callable[..., Any]:
    """Give what parses as `parse` does, and once more where Python has counted wrongly."""

    @functools.wraps(parse)
    def parse_again(*args: Any, **kwargs: Any) -> Any:
        for _ in range(TIMES - 1):
            try:
                return parse(*args, **kwargs)
            except SystemError as error:
                if WORDS not in str(error):
                    raise
        return parse(*args, **kwargs)

    return parse_again


def miscounts(version: tuple[int, ...]) -> bool:
    """Whether that Python has one counter for all."""
    return version < (3, 11, 8) or (3, 12) <= version < (3, 12, 2)


def settle() -> None:
    """See to `ast.parse`, once for the process."""
    if miscounts(sys.version_info[:3]) and not hasattr(ast.parse, "__wrapped__"):
        ast.parse = again(ast.parse)
