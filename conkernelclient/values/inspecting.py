"""
What can be told of a value in few words, without sending it?

Its type, size, shape, columns, and a look at its content. What its own code raises is told, not
raised. Kernels run this module's text as well; see `codec`.
"""

from __future__ import annotations

import reprlib
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["describe"]

MOST_COLUMNS = 1000
LONGEST_WORD = 200  # characters of a column's name, or of a dtype
ROWS = 5
SIZED = (str, bytes, bytearray, int, float, complex, bool)  # what sys.getsizeof tells all of


def describe(value: Any, max_chars: int, with_text: bool) -> dict[str, Any]:
    """
    Tell what `value` is.

    Args:
        value: It.
        max_chars: How long the look at it may be.
        with_text: Whether there is to be one, which may run code of the value's.
    """
    told: dict[str, Any] = {
        "type": _quietly(_type_name, type(value)) or "a type without a name",
        "size": _number(_quietly(_size, value)),
        "length": _number(_quietly(len, value)),
        "shape": _quietly(_shape, value),
        "dtype": _quietly(_dtype_name, value),
        "columns": _quietly(_columns, value),
        "text": "",
        "characters": 0,
        "error": None,
    }
    if with_text:
        try:
            text = str(_look(value, max_chars))
            told["text"], told["characters"] = text[:max_chars], len(text)
        except Exception as error:
            told["error"] = _told(error)
    return told


def _told(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"[:LONGEST_WORD]
    except Exception:
        return type(error).__name__


def _quietly(function: Any, value: Any) -> Any:
    try:
        return function(value)
    except Exception:
        return None


def _type_name(kind: Any) -> str:
    module, name = str(kind.__module__), str(kind.__qualname__)
    return (name if module == "builtins" else f"{module}.{name}")[:LONGEST_WORD]


def _number(value: Any) -> int | None:
    return int(value) if type(value) is int and value >= 0 else None


def _is(value: Any, library: str, *names: str) -> bool:
    """Whether it is one of a library's, if that is loaded."""
    module = sys.modules.get(library)
    if module is None:
        return False
    kinds = [getattr(module, name, None) for name in names]
    # What the value itself says of its class may be anything.
    return issubclass(type(value), tuple(one for one in kinds if isinstance(one, type)))


def _size(value: Any) -> int | None:
    """Give the bytes of its memory, where they are known."""
    if _is(value, "pandas", "DataFrame"):
        return int(value.memory_usage().sum())
    if _is(value, "pandas", "Series", "Index"):
        return int(value.memory_usage())
    if _is(value, "polars", "DataFrame", "Series"):
        return int(value.estimated_size())
    if type(value) in SIZED:
        return sys.getsizeof(value)
    return int(value.nbytes)


def _shape(value: Any) -> list[int] | None:
    return [int(length) for length in value.shape]


def _dtype_name(value: Any) -> str | None:
    if _is(value, "pandas", "DataFrame") or _is(value, "polars", "DataFrame"):
        return None
    is_arrow = _is(value, "pyarrow", "Array", "ChunkedArray")
    return str(value.type if is_arrow else value.dtype)[:LONGEST_WORD]


def _columns(value: Any) -> list[list[str]] | None:
    """Give the first columns, each as its name and dtype."""
    if _is(value, "pyarrow", "Table", "RecordBatch"):
        pairs = [(field.name, field.type) for field in list(value.schema)[:MOST_COLUMNS]]
    elif _is(value, "pandas", "DataFrame") or _is(value, "polars", "DataFrame"):
        names = list(value.columns[:MOST_COLUMNS])
        pairs = list(zip(names, list(value.dtypes)[:MOST_COLUMNS]))  # noqa: B905
    else:
        return None
    return [[str(one)[:LONGEST_WORD] for one in pair] for pair in pairs]


def _look(value: Any, max_chars: int) -> Any:
    if _is(value, "pandas", "DataFrame"):
        return value.head(ROWS).to_string(max_cols=12, line_width=max(80, min(max_chars, 200)))
    if _is(value, "pandas", "Series"):
        return value.head(ROWS).to_string()
    if _is(value, "polars", "DataFrame", "Series"):
        return value.head(ROWS)
    if _is(value, "pyarrow", "Table", "RecordBatch"):
        return value.slice(0, ROWS).to_pydict()
    short = reprlib.Repr()
    # A little longer than the budget, so that it is seen to be cut.
    short.maxstring = short.maxlong = short.maxother = max_chars + 20
    items = max(6, max_chars // 3 + 1)
    short.maxlist = short.maxtuple = short.maxset = short.maxfrozenset = items
    short.maxdict = short.maxdeque = short.maxarray = items
    if type(value).__repr__ in (list.__repr__, dict.__repr__, tuple.__repr__, set.__repr__):
        return short.repr(value)
    if type(value) in (str, bytes, bytearray):
        return _cut_repr(value, max_chars)
    return repr(value)


def _cut_repr(value: Any, max_chars: int) -> str:
    """Give the repr of as much of a long text as could be shown, and what follows as dots."""
    if len(value) <= max_chars:
        return repr(value)
    return repr(value[:max_chars]) + "..."
