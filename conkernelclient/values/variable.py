"""What does a program learn of a variable that it does not fetch?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["LEAST_CHARS", "Variable", "variable_of"]

LEAST_CHARS: Final = 100  # of a text, so that it says something
UNITS: Final = ("bytes", "kB", "MB", "GB", "TB")


@dataclass(frozen=True, slots=True)
class Variable:
    """
    What is known of a variable; `str()` of it is a text for people and models.

    Attributes:
        name: Its name, as it was asked for.
        type: Its type, with the module's name unless that is `builtins`.
        size: Bytes of its memory; None if they are not known, as of what holds other objects.
        length: What `len()` gives; None if it has none.
        shape: Of an array or a table; None for what has none.
        dtype: Of an array or a series; None for what has none.
        columns: The dtypes of a table's columns by their names, at most 1,000; empty for others.
        text: The first rows of a table, or the repr: at most as many characters as were asked for.
        characters: How many characters the whole text has, as far as that is known.
        error: Why there is no text, such as a repr that raised; None if there is one.
        max_chars: The longest that `str()` of this may be.
    """

    name: str
    type: str
    size: int | None = None
    length: int | None = None
    shape: tuple[int, ...] | None = None
    dtype: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    text: str = ""
    characters: int = 0
    error: str | None = None
    max_chars: int = 2000

    def __str__(self) -> str:
        head = self._head()
        if len(self.columns):
            head += "\n" + _cut(self._columns(), max(0, self.max_chars // 2 - len(head) - 1))
        if self.error is not None:
            head += f"\nno text: {self.error}"
        left = self.max_chars - len(head) - 1
        if self.text and left > 0:
            whole = max(self.characters, len(self.text))
            head += "\n" + _cut(self.text, left, whole)
        return _cut(head, self.max_chars)

    def _head(self) -> str:
        return f"{self.name}: " + ", ".join(self._facts())

    def _facts(self) -> Iterator[str]:
        yield self.type
        if self.shape is not None:
            yield f"shape {' x '.join(map(str, self.shape)) or '()'}"
        elif self.length is not None:
            yield f"length {self.length}"
        if self.dtype is not None:
            yield f"dtype {self.dtype}"
        if self.size is not None:
            yield _bytes_told(self.size)

    def _columns(self) -> str:
        named = ", ".join(f"{name} ({dtype})" for name, dtype in self.columns.items())
        whole = self.shape[1] if self.shape is not None and len(self.shape) > 1 else 0
        more = whole - len(self.columns)
        return f"columns: {named}" + (f" and {more} more" if more > 0 else "")


def variable_of(name: str, told: object, max_chars: int) -> Variable:
    """
    Make a variable of what the kernel told.

    Raises TypeError or ValueError if that is none.
    """
    if not isinstance(told, dict):
        raise TypeError("no description of a variable")
    known = cast("dict[str, Any]", told)
    shape: Any = known.get("shape")
    columns: Any = known.get("columns") or []
    return Variable(
        name,
        str(known.get("type"))[:max_chars],
        _number(known.get("size")),
        _number(known.get("length")),
        None if shape is None else tuple(int(length) for length in shape),
        _text(known.get("dtype")),
        {str(column): str(dtype) for column, dtype in columns},
        (_text(known.get("text")) or "")[:max_chars],
        _number(known.get("characters")) or 0,
        _text(known.get("error")),
        max_chars,
    )


def _number(value: object) -> int | None:
    return value if type(value) is int else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _cut(text: str, most: int, whole: int | None = None) -> str:
    """Cut `text` to `most` characters, and say how many of the `whole` are left out."""
    whole = len(text) if whole is None else whole
    if len(text) <= most and whole <= len(text):
        return text
    marker = f"... [{whole} characters in all]"
    return text[: max(0, most - len(marker))] + marker if most > len(marker) else text[:most]


def _bytes_told(size: float) -> str:
    for unit in UNITS[:-1]:
        if size < 1000:
            return f"{size:.3g} {unit}" if unit != UNITS[0] else f"{size} {unit}"
        size /= 1000
    return f"{size:.3g} {UNITS[-1]}"
