"""
How is a Python value written as text that another Python reads back exactly?

As JSON: atoms as they are, all else as `[tag, ...]`. Reading makes values of known types only and
runs nothing. A kernel runs this module's source as well, to write and read there: so it imports
the standard library alone, and it takes nothing from the user's names.
"""

from __future__ import annotations

import binascii
import datetime
import json
import pathlib
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["MARK", "answer", "dump", "load", "store", "variables"]

MARK = "conkernel-value:"  # what a value's text begins with in a reply
DEEPEST = 200  # levels; both sides' recursion limits leave room for it
WAY_OUT = (
    "send numbers, strings, bytes, None, lists, tuples, dicts, sets, frozensets, ranges, paths, "
    "dates and times, or convert it to one of these first"
)
SMALL = 2**63  # JSON integers from here on travel in hexadecimal: int() limits decimal digits

PATHS = {
    name: getattr(pathlib, name)
    for name in ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath")
}
BASES = (str, int, float, complex, bytes, list, tuple, dict, set, frozenset)


class Unsendable(ValueError):
    """A value cannot travel; the text says which and why."""


# Writing


def dump(value: Any) -> str:
    """Write `value` as text. Raises Unsendable, and nothing else."""
    try:
        return json.dumps(_encode(value, 0), separators=(",", ":"))
    except Unsendable:
        raise
    except RecursionError:
        raise Unsendable("the value is nested too deeply") from None
    except Exception as error:
        raise Unsendable(f"the value cannot be read: {type(error).__name__}") from None


def _encode(value: Any, depth: int) -> Any:
    kind = type(value)
    if value is None or kind is bool or kind is float:
        return value
    if depth > DEEPEST:
        raise Unsendable(f"the value is nested over {DEEPEST} levels deep, or holds itself")
    writer = WRITERS.get(kind)
    if writer is None:
        writer, value = _writer_of_other(value)
    return writer(value, depth)


def _writer_of_other(value: Any) -> Any:
    """Give how a subclass or a numpy scalar is written, and its plain value."""
    kind = type(value)
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.generic) and value.dtype.kind in "biufcSU":
        plain = value.item()
        if type(plain) in WRITERS or type(plain) in (bool, float):
            return (lambda given, depth: _encode(given, depth)), plain
    for base in BASES:
        # A subclass with a repr of its own says that it is more than its base.
        if issubclass(kind, base) and kind.__repr__ is base.__repr__:
            return (lambda given, depth: _encode(given, depth)), _plain(base, value)
    raise Unsendable(f"a value of type {kind.__name__} cannot travel: {WAY_OUT}")


def _plain(base: Any, value: Any) -> Any:
    """Give the base's own content of a subclass's instance, past what the subclass overrides."""
    if base is dict:
        return dict(zip(dict.keys(value), dict.values(value)))  # noqa: B905  (Python 3.9 kernels)
    if base is str:
        return str.__str__(value)
    if base is int:
        return int.__int__(value)
    if base is float:
        return float.__float__(value)
    if base is complex:
        return complex(complex.__add__(value, 0j)) if value == value else complex(value)
    if base is bytes:
        return bytes.__getitem__(value, slice(None))
    return base(base.__iter__(value))


def _int(value: int, _depth: int) -> Any:
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


def _str(value: str, _depth: int) -> Any:
    if _is_clean(value):
        return value
    return ["u", binascii.hexlify(value.encode("utf-8", "surrogatepass")).decode()]


def _bytes(value: bytes, _depth: int) -> Any:
    return ["b", binascii.b2a_base64(value, newline=False).decode()]


def _items(items: Any, depth: int) -> Any:
    """Write a list: as it stands if all of it are atoms of one type, which is quick to see."""
    kinds = set(map(type, items))
    if len(kinds) == 1:
        kind = next(iter(kinds))
        is_small = kind is int and -SMALL <= min(items) and max(items) < SMALL
        if is_small or kind in (float, bool) or (kind is str and _is_clean("\0".join(items))):
            return ["p", items]
    return ["l", [_encode(item, depth + 1) for item in items]]


def _dict(value: Any, depth: int) -> Any:
    return ["d", _items(list(value), depth), _items(list(value.values()), depth)]


def _zone(zone: Any) -> Any:
    if zone is None:
        return None
    if type(zone) is datetime.timezone:
        offset, name = zone.utcoffset(None), zone.tzname(None)
        is_named = name != datetime.timezone(offset).tzname(None)
        return ["o", *_delta(offset, 0)[1:], name if is_named else None]
    zoneinfo = sys.modules.get("zoneinfo")
    if zoneinfo is not None and type(zone) is zoneinfo.ZoneInfo and zone.key:
        return ["z", zone.key]
    raise Unsendable(f"a timezone of type {type(zone).__name__} cannot travel")


def _datetime(value: Any, _depth: int) -> Any:
    day = [value.year, value.month, value.day]
    return ["dt", day, _time(value, 0)[1], value.fold, _zone(value.tzinfo)]


def _time(value: Any, _depth: int) -> Any:
    clock = [value.hour, value.minute, value.second, value.microsecond]
    return ["tm", clock, value.fold, _zone(value.tzinfo)]


def _delta(value: Any, _depth: int) -> Any:
    return ["td", value.days, value.seconds, value.microseconds]


WRITERS = {
    int: _int,
    str: _str,
    bytes: _bytes,
    list: _items,
    tuple: lambda value, depth: ["t", _items(list(value), depth)],
    set: lambda value, depth: ["s", _items(list(value), depth)],
    frozenset: lambda value, depth: ["f", _items(list(value), depth)],
    dict: _dict,
    complex: lambda value, _: ["c", value.real, value.imag],
    type(...): lambda _value, _depth: ["e"],
    range: lambda value, depth: ["r", _items([value.start, value.stop, value.step], depth)],
    datetime.datetime: _datetime,
    datetime.date: lambda value, _: ["da", value.year, value.month, value.day],
    datetime.time: _time,
    datetime.timedelta: _delta,
    **{
        path: lambda value, _: ["path", type(value).__name__, _str(str(value), 0)]
        for path in PATHS.values()
    },
}


# Reading


def load(text: str) -> Any:
    """Read what `dump` wrote. Raises ValueError for whatever else."""
    try:
        return _decode(json.loads(text))
    except Exception as error:
        raise ValueError(f"no value in this text: {type(error).__name__}: {error}") from None


def _decode(node: Any) -> Any:
    if type(node) is not list:
        if type(node) is dict:
            raise ValueError("an object")
        return node
    return READERS[node[0]](*node[1:])


def _read_str(text: Any) -> str:
    return binascii.unhexlify(text).decode("utf-8", "surrogatepass")


def _read_items(items: Any) -> list[Any]:
    return [_decode(item) for item in items]


def _read_plain(items: Any) -> Any:
    if type(items) is not list or not set(map(type, items)) <= {int, float, bool, str}:
        raise ValueError("no list of atoms")
    return items


def _read_dict(keys: Any, values: Any) -> dict[Any, Any]:
    names, contents = _decode(keys), _decode(values)
    if len(names) != len(contents):
        raise ValueError("keys and values differ in number")
    return dict(zip(names, contents))  # noqa: B905  (Python 3.9 kernels)


def _read_path(name: Any, text: Any) -> Any:
    kind = PATHS[name]
    try:
        return kind(_decode(text))
    except NotImplementedError:  # a path of the other system
        return PATHS["Pure" + name](_decode(text))


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


READERS = {
    "i": lambda text: int(text, 16),
    "u": _read_str,
    "b": binascii.a2b_base64,
    "p": _read_plain,
    "l": _read_items,
    "t": lambda node: tuple(_decode(node)),
    "s": lambda node: set(_decode(node)),
    "f": lambda node: frozenset(_decode(node)),
    "d": _read_dict,
    "c": complex,
    "e": lambda: ...,
    "r": lambda node: range(*_decode(node)),
    "dt": _read_datetime,
    "da": datetime.date,
    "tm": lambda clock, fold, zone: datetime.time(*clock, tzinfo=_read_zone(zone), fold=fold),
    "td": datetime.timedelta,
    "path": _read_path,
}


# What the kernel calls


class Answer:
    """Shows its text as it stands: IPython would look through a long string for line ends."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = MARK + text

    def __repr__(self) -> str:
        """Give the text to kernels that know no MIME bundles."""
        return self.text

    def _repr_mimebundle_(self, **_kwargs: Any) -> dict[str, str]:
        return {"text/plain": self.text}


def answer(value: Any) -> Answer:
    """Write `value`, or why it cannot travel."""
    try:
        return Answer("+" + dump(value))
    except Unsendable as error:
        return Answer("-" + dump(str(error)))


def store(names: dict[str, Any], msg_id: str, text: str | None) -> Answer:
    """
    Set the variables that the request's buffer holds, or `text`; all or none.

    Answers False if the kernel keeps no buffers of its requests.
    """
    if text is None:
        text = _buffer_of(msg_id)
        if text is None:
            return answer(False)
    try:
        values = load(text)
    except ValueError as error:
        return Answer("-" + dump(str(error)))
    names.update(values)
    return answer(True)


def _buffer_of(msg_id: str) -> str | None:
    try:
        parent = sys.modules["IPython"].get_ipython().kernel.get_parent("shell")
        if parent["header"]["msg_id"] == msg_id:
            return bytes(parent["buffers"][0]).decode()
    except Exception:
        return None  # no ipykernel, or one that keeps none
    return None


def variables(names: dict[str, Any]) -> Answer:
    """Answer the names of the user's variables and of their types; runs no code of theirs."""
    try:
        hidden = sys.modules["IPython"].get_ipython().user_ns_hidden
    except Exception:
        hidden = ()
    name_of = type.__dict__["__name__"].__get__  # past what a metaclass says
    return answer(
        {
            name: name_of(type(value))
            for name, value in list(names.items())
            if type(name) is str and name[:1] != "_" and name not in hidden
        }
    )


IS_READY = True  # the last line: the kernel keeps what ran to here
