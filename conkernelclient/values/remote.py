"""
What does a kernel do when it is asked for a value, or given one?

This module's text runs there, in one namespace with that of `codec`, which has run before it: so it
imports the standard library alone, keeps to what the kernel's Python knows, and takes nothing from
the user's names.
"""

from __future__ import annotations

import binascii
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

if TYPE_CHECKING or "dump" not in globals():  # this is no kernel
    from .codec import Unsendable, dump, load

__all__ = ["IS_READY", "MARK", "PART", "Answer", "answer", "failed", "store", "variables"]

MARK = "conkernel-value:"  # what a value's text begins with in a reply
PART = "application/x-conkernel-part-"  # and a number: the MIME types of large bytes


class Answer:
    """Shows its text as it stands: IPython would look through a long string for line ends."""

    __slots__ = ("sign", "value")

    def __init__(self, value: Any) -> None:
        self.sign: str = "+"
        self.value: Any = value

    def __repr__(self) -> str:
        """Give all as one text to kernels that know no MIME bundles."""
        return MARK + self.sign + dump(self.value)

    def _repr_mimebundle_(self, **_kwargs: Any) -> dict[str, str]:
        """Give large bytes beside the text, where JSON is not written twice."""
        parts: list[bytes] = []
        try:
            bundle = {"text/plain": MARK + self.sign + dump(self.value, parts)}
        except Unsendable as error:
            return {"text/plain": MARK + "-" + dump(str(error))}
        for number, part in enumerate(parts):
            bundle[f"{PART}{number}"] = binascii.b2a_base64(part, newline=False).decode()
        return bundle


def answer(value: Any) -> Answer:
    """Answer `value`, or why it cannot travel."""
    return Answer(value)


def failed(reason: str) -> Answer:
    """Answer why there is no value."""
    new = Answer(reason)
    new.sign = "-"
    return new


def store(names: dict[str, Any], msg_id: str, text: str | None) -> Answer:
    """
    Set the variables that the request's buffer holds, or `text`; all or none.

    Answers False if the kernel keeps no buffers of its requests.
    """
    try:
        if text is None:
            parts = _buffers_of(msg_id)
            if not parts:
                return answer(False)
            values = load(bytes(parts[0]).decode(), parts[1:])
        else:
            values = load(text)
    except ValueError as error:
        return failed(str(error))
    names.update(values)
    return answer(True)


def _buffers_of(msg_id: str) -> Sequence[Any]:
    try:
        parent = sys.modules["IPython"].get_ipython().kernel.get_parent("shell")
        return parent["buffers"] if parent["header"]["msg_id"] == msg_id else ()
    except Exception:
        return ()  # no ipykernel, or one that keeps none


def variables(names: dict[str, Any]) -> Answer:
    """Answer the names of the user's variables and of their types; runs no code of theirs."""
    try:
        hidden = dict(sys.modules["IPython"].get_ipython().user_ns_hidden)
    except Exception:
        hidden = {}
    nothing = object()
    name_of = type.__dict__["__name__"].__get__  # past what a metaclass says
    return answer(
        {
            name: name_of(type(value))
            for name, value in list(names.items())
            if type(name) is str and name[:1] != "_" and value is not hidden.get(name, nothing)
        }
    )


IS_READY = True  # the last line: the kernel keeps what ran to here
