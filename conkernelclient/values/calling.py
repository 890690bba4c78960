"""
How does a kernel come to call a function of ours, and what did it answer?

It evaluates an expression which begins with literals alone: the user's variables may have any name,
also `__builtins__`. The first of them brings the text of `codec` and `remote`, which the kernel
compiles once, and keeps in `sys` under the text's digest.
"""

from __future__ import annotations

import binascii
import functools
import hashlib
import inspect
from typing import TYPE_CHECKING, Any, Final

from . import codec, remote

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["USER_NAMES", "answering", "listing", "storing", "value_in"]

# Importlib's own class knows `sys`, and comes early among the classes.
SYS: Final = (
    "(c for c in ().__class__.__base__.__subclasses__() if c.__name__ == 'BuiltinImporter')"
    ".__next__().find_spec.__func__.__globals__['sys']"
)
USER_NAMES: Final = "(lambda: 0).__globals__"


def answering(expression: str) -> str:
    """Give the expression by which a kernel answers the value of `expression`."""
    return f"{_function('answer')}((\n{expression}\n))"


def storing(msg_id: str, text: str | None = None) -> str:
    """
    Give the expression by which a kernel sets variables, and answers whether it could.

    Args:
        msg_id: The request that brings it, and brings the variables in its buffers.
        text: The variables, if they are not in buffers.
    """
    return f"{_function('store')}({USER_NAMES}, {msg_id!r}, {text!r})"


def listing() -> str:
    """Give the expression by which a kernel answers the user's names and their types."""
    return f"{_function('variables')}({USER_NAMES})"


def value_in(data: Mapping[str, Any]) -> tuple[bool, Any]:
    """
    Read what a kernel answered.

    Args:
        data: A MIME bundle, as the kernel sent it.

    Returns:
        True and the value, or False and why there is none.

    Raises:
        KeyError, TypeError, ValueError: It is no answer of ours.
    """
    text = data["text/plain"]
    start = len(remote.MARK)
    if not isinstance(text, str) or text[:start] != remote.MARK:
        raise ValueError("the answer is not ours")
    parts: list[bytes] = []
    while (part := data.get(f"{remote.PART}{len(parts)}")) is not None:
        parts.append(binascii.a2b_base64(part))
    return text[start : start + 1] == "+", codec.load(text[start + 1 :], parts)


@functools.cache
def _function(name: str) -> str:
    """Give an expression for the function `name` of `remote` in the kernel."""
    first, second = map(inspect.getsource, (codec, remote))
    key = "_conkernel_" + hashlib.sha256(f"{first}\0{second}".encode()).hexdigest()[:16]
    run = "sys.modules['builtins'].exec"
    return (
        f"(lambda sys: (lambda kept: (kept.get('IS_READY') or "
        f"({run}({first!r}, kept), {run}({second!r}, kept)), kept[{name!r}])[1])"
        f"(sys.__dict__.setdefault({key!r}, {{'__name__': {key!r}, "
        f"'__builtins__': sys.modules['builtins']}})))({SYS})"
    )
