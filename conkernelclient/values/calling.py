"""
How does a kernel come to call a function of ours, and what did it answer?

It evaluates an expression which begins with literals alone: the user's variables may have any name,
also `__builtins__`. Before the first of them another one teaches the kernel: it brings the text of
the modules that kernels run, and keeps what they define in `sys` under the text's digest.
"""

from __future__ import annotations

import binascii
import functools
import hashlib
import inspect
from typing import TYPE_CHECKING, Any, Final

from . import arrays, codec, frames, inspecting, remote, sharing, sparing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .sharing import Lent

__all__ = [
    "LACKS",
    "TEXTS",
    "USER_NAMES",
    "answering",
    "calling",
    "inspecting_",
    "key_of_texts",
    "listing",
    "storing",
    "teaching",
    "value_in",
]

# In the order in which they run, in one namespace.
TEXTS: Final = (codec, arrays, frames, sharing, inspecting, sparing, remote)
LACKS: Final[Any] = object()  # what the kernel answers, if what it was given has not come
# Importlib's own class knows `sys`, and comes early among the classes.
SYS: Final = (
    "(c for c in ().__class__.__base__.__subclasses__() if c.__name__ == 'BuiltinImporter')"
    ".__next__().find_spec.__func__.__globals__['sys']"
)
USER_NAMES: Final = "(lambda: 0).__globals__"


def answering(expression: str, lent: Lent | None = None, *, is_pickled: bool = False) -> str:
    """
    Give the expression by which a kernel answers the value of `expression`.

    Args:
        expression: Python's.
        lent: Memory in which the value may be laid down, if it is large.
        is_pickled: The value is to be pickled.
    """
    return f"{_function('answer')}((\n{expression}\n), {_address(lent)!r}, {is_pickled!r})"


def storing(brought: remote.Brought) -> str:
    """
    Give the expression by which a kernel sets variables, and answers True.

    Args:
        brought: The id of the request that brings them, and, if they are not in its buffers, their
            text, or the address of the memory with them and the sizes of their parts.
    """
    return f"{_function('store')}({USER_NAMES}, {brought!r})"


def calling(function: str, brought: remote.Brought, lent: Lent | None = None) -> str:
    """
    Give the expression by which a kernel calls a function, and answers what that returns.

    Args:
        function: An expression whose value is the function.
        brought: Its arguments, as with `storing`: a pair of a list and a dict.
        lent: As with `answering`.
    """
    return f"{_function('call')}((\n{function}\n), {brought!r}, {_address(lent)!r})"


def inspecting_(expression: str, max_chars: int, *, with_text: bool) -> str:
    """Give the expression by which a kernel answers what a value is; see `describe`."""
    return f"{_function('inspected')}((\n{expression}\n), {max_chars}, {with_text})"


def listing() -> str:
    """Give the expression by which a kernel answers the user's names and their types."""
    return f"{_function('variables')}({USER_NAMES})"


def value_in(
    data: Mapping[str, Any], lent: Lent | None = None, *, may_unpickle: bool = False
) -> tuple[bool, Any]:
    """
    Read what a kernel answered.

    Args:
        data: A MIME bundle, as the kernel sent it.
        lent: The memory that was lent for it.
        may_unpickle: Whether a pickle was asked for, which is executed.

    Returns:
        True and the value, or False and why there is none: a text, or LACKS.

    Raises:
        Lacking: A library that the value needs is not here.
        KeyError, TypeError, ValueError: It is no answer of ours.
    """
    text = data["text/plain"]
    start = len(remote.MARK)
    if not isinstance(text, str) or text[:start] != remote.MARK:
        raise ValueError("the answer is not ours")
    sign, rest = text[start : start + 1], text[start + 1 :]
    value = codec.load(rest, _parts_in(data, lent))
    if sign == remote.LACKS:
        return False, LACKS
    if sign == remote.PICKLED:
        if not may_unpickle:
            raise ValueError("a pickle, for which nobody asked")
        return True, _unpickled(value)
    return sign == remote.VALUE, value


def _address(lent: Lent | None) -> tuple[str, str] | None:
    return None if lent is None else lent.address


def _parts_in(data: Mapping[str, Any], lent: Lent | None) -> list[Any]:
    sizes = data.get(remote.SIZES)
    if sizes is not None:
        if lent is None:
            raise ValueError("no memory was lent")
        try:
            return [*sharing.take(lent.fd, [int(size) for size in sizes.split()])]
        except (AttributeError, OSError, MemoryError) as error:
            raise ValueError(f"the lent memory cannot be read: {error}") from error
    parts: list[Any] = []
    while (part := data.get(f"{remote.PART}{len(parts)}")) is not None:
        parts.append(binascii.a2b_base64(part))
    return parts


def _unpickled(value: Any) -> Any:
    """Execute a pickle and its buffers."""
    import pickle

    try:
        return pickle.loads(value[0], buffers=value[1:])
    except Exception as error:
        raise ValueError(f"the pickle gives no value: {type(error).__name__}: {error}") from error


def teaching() -> str:
    """Give the expression by which a kernel learns what the others need; the value says nothing."""
    return _teaching()[1]


def key_of_texts() -> str:
    """Give the name under which a kernel keeps the texts; where it has none, that is a KeyError."""
    return _teaching()[0]


def _function(name: str) -> str:
    """Give an expression for the function `name` of `remote` in the kernel."""
    return f"{SYS}.__dict__[{key_of_texts()!r}][{name!r}]"


@functools.cache
def _teaching() -> tuple[str, str]:
    texts = [inspect.getsource(module) for module in TEXTS]
    key = "_conkernel_" + hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]
    runs = ", ".join(f"sys.modules['builtins'].exec({text!r}, kept)" for text in texts)
    # Kept when all of it has run: several threads may be the first.
    new = f"{{'__name__': {key!r}, '__builtins__': sys.modules['builtins']}}"
    last = f"kept['spare'](), sys.__dict__.setdefault({key!r}, kept)"
    keep = f"(lambda kept: ({runs}, {last}))({new})"
    return key, f"(lambda sys: sys.__dict__.get({key!r}) or {keep})({SYS}) and None"
