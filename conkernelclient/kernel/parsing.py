"""
How is a cell parsed, while other threads parse?

By IPython's compiler; once more, if Python counts wrongly. Before 3.11.8 it has one counter for all
that is parsed at the same time, also by a finalizer amid another parsing, and then raises a
SystemError for code that is right (CPython gh-106905). To parse changes nothing, so that what the
second time gives is what the first should have given.
"""

from __future__ import annotations

from typing import Any, Final

from .compat import XCachingCompiler

__all__ = ["Compiler"]

WORDS: Final = "AST constructor recursion depth mismatch"
TIMES: Final = 10


class Compiler(XCachingCompiler):
    """IPython's compiler of cells."""

    def ast_parse(self, *args: Any, **kwargs: Any) -> Any:
        """Parse source code."""
        for _ in range(TIMES - 1):
            try:
                return super().ast_parse(*args, **kwargs)
            except SystemError as error:
                if WORDS not in str(error):
                    raise
        return super().ast_parse(*args, **kwargs)
