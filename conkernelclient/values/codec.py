"""
How is a Python value written as text that another Python reads back exactly?

As JSON: atoms as they are, all else as `[tag, ...]`. Reading makes values of known types only and
runs nothing. A kernel runs this module's text as well, to write and read there, and those of
`arrays`, `frames` and `remote`: so it imports the standard library alone, and keeps to what its
Python knows. What other libraries' types are written as, `arrays` and `frames` add to the tables.
"""

from __future__ import annotations

import binascii
import datetime
import json
import pathlib
import sys
from itertools import repeat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TypeAlias

    Parts: TypeAlias = list[Any] | None
    Reader: TypeAlias = Callable[..., Any]
    Writer: TypeAlias = Callable[[Any, int, Parts], Any]

__all__ = ["DEEPEST", "Lacking", "Unsendable", "dump", "load", "raw_bytes"]

LARGE = 1024  # bytes
DEEPEST = 200  # levels; both sides' recursion limits leave room for it
WAY_OUT = (
    "send numbers, strings, bytes, None, lists, tuples, dicts, sets, frozensets, ranges, paths, "
    "dates and times, numpy's arrays, frames and series of pandas and polars, or tables and arrays "
    "of pyarrow, or convert it to one of these first"
)
SMALL = 2**63  # JSON integers from here on travel in hexadecimal: int() limits decimal digits

PATHS = {
    name: getattr(pathlib, name)
    for name in ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath")
}
ATOMS = {int, float, bool, str}
# As the bases have them, whatever a subclass says.
ITEMS: Any = vars(dict)["items"]
REAL: Any = complex.real
IMAG: Any = complex.imag
BASES = (str, int, float, complex, bytes, list, tuple, dict, set, frozenset)


class Unsendable(ValueError):
    """A value cannot travel; the text says which and why."""


class Lacking(ValueError):
    """
    A value cannot be read where a library is missing, or too old.

    Args:
        needed: The library, and the version that is needed.
        found: What is there instead.
    """

    def __init__(self, needed: str, found: str = "is not installed") -> None:
        super().__init__(needed, found)
        self.needed = needed
        self.found = found

    def told(self, where: str) -> str:
        """Tell it, and the way out."""
        return (
            f"the value needs {self.needed}, which {self.found} {where}: install it there, or "
            "convert the value to lists and numbers first"
        )


# Writing


def dump(value: Any, parts: list[Any] | None = None) -> str:
    """
    Write `value` as text; large bytes, and memoryviews of arrays, go to `parts`, if given.

    Raises Unsendable, and nothing else.
    """
    try:
        return json.dumps(_encode(value, 0, parts), separators=(",", ":"))
    except Unsendable:
        raise
    except RecursionError:
        raise Unsendable("the value is nested too deeply") from None
    except Exception as error:
        raise Unsendable(f"the value cannot be read: {type(error).__name__}") from None


def _encode(value: object, depth: int, parts: Parts) -> Any:
    kind = type(value)
    if value is None or kind is bool or kind is float:
        return value
    if depth > DEEPEST:
        raise Unsendable(f"the value is nested over {DEEPEST} levels deep, or holds itself")
    writer = WRITERS.get(kind)
    if writer is None:
        writer, value = _writer_of_other(value)
    return writer(value, depth, parts)


def _writer_of_other(value: object) -> tuple[Writer, Any]:
    """Give how a subclass or a numpy scalar is written, and its plain value."""
    kind = type(value)
    for library, name, writer in OTHERS:
        module = sys.modules.get(library)
        found = None if module is None else getattr(module, name, None)
        if found is value or (found is not None and found in kind.__mro__[: DEPTHS[library]]):
            return writer, value
    numpy = sys.modules.get("numpy")
    scalar: Any = value
    if numpy is not None and issubclass(kind, numpy.generic) and scalar.dtype.kind in "biufcSU":
        plain = scalar.item()
        if type(plain) in WRITERS or type(plain) in (bool, float):
            return _encode, plain
    for base in BASES:
        # A subclass with a repr of its own says that it is more than its base.
        if issubclass(kind, base) and kind.__repr__ is base.__repr__:
            return _encode, _plain(base, value)
    raise Unsendable(f"a value of type {kind.__name__} is no literal: {WAY_OUT}")


def _plain(base: Any, value: Any) -> Any:
    """Give the base's own content of a subclass's instance, past what the subclass overrides."""
    if base is dict:
        return dict(ITEMS(value))
    if base is str:
        return str.__str__(value)
    if base is int:
        return int.__int__(value)
    if base is float:
        return float.__float__(value)
    if base is complex:
        return complex(REAL.__get__(value), IMAG.__get__(value))
    if base is bytes:
        return bytes.__getitem__(value, slice(None))
    return base(base.__iter__(value))


def _int(value: int, _depth: int, _parts: Parts) -> Any:
    return value if -SMALL <= value < SMALL else ["i", hex(value)]


def _is_clean(text: str) -> bool:
    """Whether JSON gives it back: it would join two lone surrogates to one character."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_text(text: str, count: int) -> bool:
    """Whether `count` strings that were joined with zeros can be told apart again."""
    return text.count("\0") == count - 1 and _is_clean(text)


def _str(value: str, _depth: int, _parts: Parts) -> Any:
    if _is_clean(value):
        return value
    return ["u", binascii.hexlify(value.encode("utf-8", "surrogatepass")).decode()]


def _bytes(value: Any, _depth: int, parts: Parts) -> Any:
    if parts is not None and len(value) > LARGE:
        parts.append(value)
        return ["B", len(parts) - 1]
    return ["b", binascii.b2a_base64(value, newline=False).decode()]


def _items(items: Any, depth: int, parts: Parts) -> Any:
    """Write a list: as it stands if all of it are atoms of one type, which is quick to see."""
    kinds = set(map(type, items))
    if len(kinds) == 1:
        kind = next(iter(kinds))
        is_small = kind is int and min(items) >= -SMALL and max(items) < SMALL
        if kind is str:
            text = "\0".join(items)
            if parts is not None and len(text) > LARGE and _is_text(text, len(items)):
                parts.append(text.encode())
                return ["T", len(parts) - 1]
            is_small = _is_clean(text)
        if is_small or kind in (float, bool):
            return ["p", items]
    # A map adds no frame to the stack of a deep value, as a comprehension may.
    return ["l", list(map(_encode, items, repeat(depth + 1), repeat(parts)))]


def _tuple(value: Any, depth: int, parts: Parts) -> Any:
    return ["t", _items(value, depth, parts)]


def _set(value: Any, depth: int, parts: Parts) -> Any:
    return ["s", _items(list(value), depth, parts)]


def _frozenset(value: Any, depth: int, parts: Parts) -> Any:
    return ["f", _items(list(value), depth, parts)]


def _dict(value: Any, depth: int, parts: Parts) -> Any:
    return ["d", _items(list(value), depth, parts), _items(list(value.values()), depth, parts)]


def _complex(value: complex, _depth: int, _parts: Parts) -> Any:
    return ["c", value.real, value.imag]


def _ellipsis(_value: Any, _depth: int, _parts: Parts) -> Any:
    return ["e"]


def _range(value: range, depth: int, parts: Parts) -> Any:
    return ["r", _items([value.start, value.stop, value.step], depth, parts)]


def _path(value: Any, depth: int, parts: Parts) -> Any:
    return ["path", type(value).__name__, _str(str(value), depth, parts)]


def _zone(zone: Any) -> Any:
    if zone is None:
        return None
    if type(zone) is datetime.timezone:
        offset, name = zone.utcoffset(None), zone.tzname(None)
        is_named = name != datetime.timezone(offset).tzname(None)
        return ["o", *_delta(offset, 0, None)[1:], name if is_named else None]
    zoneinfo = sys.modules.get("zoneinfo")
    if zoneinfo is not None and type(zone) is zoneinfo.ZoneInfo and zone.key:
        return ["z", zone.key]
    raise Unsendable(f"a timezone of type {type(zone).__name__} cannot travel")


def _datetime(value: Any, _depth: int, _parts: Parts) -> Any:
    day = [value.year, value.month, value.day]
    return ["dt", day, _time(value, 0, None)[1], value.fold, _zone(value.tzinfo)]


def _date(value: Any, _depth: int, _parts: Parts) -> Any:
    return ["da", value.year, value.month, value.day]


def _time(value: Any, _depth: int, _parts: Parts) -> Any:
    clock = [value.hour, value.minute, value.second, value.microsecond]
    return ["tm", clock, value.fold, _zone(value.tzinfo)]


def _delta(value: Any, _depth: int, _parts: Parts) -> Any:
    return ["td", value.days, value.seconds, value.microseconds]


WRITERS: dict[type, Writer] = {
    int: _int,
    str: _str,
    bytes: _bytes,
    list: _items,
    tuple: _tuple,
    set: _set,
    frozenset: _frozenset,
    dict: _dict,
    complex: _complex,
    type(...): _ellipsis,
    range: _range,
    datetime.datetime: _datetime,
    datetime.date: _date,
    datetime.time: _time,
    datetime.timedelta: _delta,
    **dict.fromkeys(PATHS.values(), _path),
}

# And those of other libraries' types: the library, the type's name in it, and the writer.
OTHERS: list[tuple[str, str, Writer]] = []
# How far up among a value's classes the one of that name is: pyarrow's arrays are of many types.
DEPTHS = {"numpy": 1, "pandas": 1, "polars": 1, "pyarrow": 4}


# Reading


def load(text: str, parts: Sequence[Any] = ()) -> Any:
    """Read what `dump` wrote. Raises ValueError for whatever else."""
    try:
        # By itself json gives one and the same NaN each time, and a set holds one object once.
        return _decode(json.loads(text, parse_constant=float), parts)
    except Lacking:
        raise
    except Exception as error:
        raise ValueError(f"no value in this text: {type(error).__name__}: {error}") from None


def _decode(node: Any, parts: Sequence[Any]) -> Any:
    if type(node) is not list:
        if type(node) is dict:
            raise ValueError("an object")
        return node
    if node[0] in NESTED:
        return NESTED[node[0]](parts, *node[1:])
    if node[0] == "B":
        return bytes(parts[node[1]])
    return READERS[node[0]](*node[1:])


def raw_bytes(node: Any, parts: Sequence[Any]) -> Any:
    """Give bytes that `_bytes` wrote, as they came."""
    if node[0] == "B":
        return parts[node[1]]
    if node[0] == "b":
        return binascii.a2b_base64(node[1])
    raise ValueError("no bytes")


def _read_str(text: Any) -> str:
    return binascii.unhexlify(text).decode("utf-8", "surrogatepass")


def _read_int(text: str) -> int:
    return int(text, 16)


def _read_items(parts: Sequence[Any], items: Any) -> list[Any]:
    return list(map(_decode, items, repeat(parts)))


def _read_plain(items: list[Any]) -> list[Any]:
    if type(items) is not list or not {*map(type, items)} <= ATOMS:
        raise ValueError("no list of atoms")
    return items


def _read_list(parts: Sequence[Any], node: Any) -> list[Any]:
    """Read what `_items` wrote."""
    tag, items = node
    if tag == "T":
        return _read_texts(parts, items)
    if tag == "p":
        return _read_plain(items)
    if tag == "l":
        return _read_items(parts, items)
    raise ValueError("no list")


def _read_texts(parts: Sequence[Any], number: Any) -> list[str]:
    return str(parts[number], "utf-8").split("\0")


def _read_tuple(parts: Sequence[Any], node: Any) -> tuple[Any, ...]:
    return tuple(_read_list(parts, node))


def _read_set(parts: Sequence[Any], node: Any) -> set[Any]:
    return set(_read_list(parts, node))


def _read_frozenset(parts: Sequence[Any], node: Any) -> frozenset[Any]:
    return frozenset(_read_list(parts, node))


def _read_dict(parts: Sequence[Any], keys: Any, values: Any) -> dict[Any, Any]:
    names, contents = _read_list(parts, keys), _read_list(parts, values)
    if len(names) != len(contents):
        raise ValueError("keys and values differ in number")
    return dict(zip(names, contents))  # noqa: B905  (Python 3.9 kernels)


def _read_range(parts: Sequence[Any], node: Any) -> range:
    return range(*_read_list(parts, node))


def _read_ellipsis() -> Any:
    return ...


def _read_path(name: Any, text: Any) -> Any:
    kind = PATHS[name]
    try:
        return kind(_decode(text, ()))
    except NotImplementedError:  # a path of the other system
        return PATHS["Pure" + name](_decode(text, ()))


def _read_zone(node: Any) -> Any:
    if node is None:
        return None
    if node[0] == "z":
        import zoneinfo

        return zoneinfo.ZoneInfo(node[1])
    offset, name = datetime.timedelta(*node[1:4]), node[4]
    return datetime.timezone(offset) if name is None else datetime.timezone(offset, name)


def _read_datetime(day: Any, clock: Any, fold: Any, zone: Any) -> Any:
    return datetime.datetime(*day, *clock, tzinfo=_read_zone(zone), fold=fold)


def _read_time(clock: Any, fold: Any, zone: Any) -> Any:
    return datetime.time(*clock, tzinfo=_read_zone(zone), fold=fold)


# Those that hold others.
NESTED: dict[str, Reader] = {
    "l": _read_items,
    "t": _read_tuple,
    "s": _read_set,
    "f": _read_frozenset,
    "d": _read_dict,
    "r": _read_range,
    "T": _read_texts,
}

READERS: dict[str, Reader] = {
    "i": _read_int,
    "u": _read_str,
    "b": binascii.a2b_base64,
    "p": _read_plain,
    "c": complex,
    "e": _read_ellipsis,
    "dt": _read_datetime,
    "da": datetime.date,
    "tm": _read_time,
    "td": datetime.timedelta,
    "path": _read_path,
}
