"""
What does a kernel do when it is asked for a value, or given one?

This module's text runs there, in one namespace with those of `codec`, `arrays`, `frames`, `sharing`
and `inspecting`, which have run before it: so it imports the standard library alone, keeps to what
the kernel's Python knows, and takes nothing from the user's names.
"""

from __future__ import annotations

import binascii
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TypeAlias

    Address: TypeAlias = tuple[str, str]
    # What a request brings: a text, the memory that holds it, or neither: then its own buffers do.
    Brought: TypeAlias = tuple[str, str | None, tuple[Address, list[int]] | None]

if TYPE_CHECKING or "dump" not in globals():  # this is no kernel
    from .codec import Lacking, Unsendable, dump, load
    from .inspecting import describe
    from .sharing import LEAST_SHARED, open_lent, put, take

__all__ = [
    "MARK",
    "PART",
    "SIZES",
    "Answer",
    "answer",
    "call",
    "failed",
    "inspected",
    "store",
    "variables",
]

MARK = "conkernel-value:"  # what a value's text begins with in a reply
# And then how it stands: a value; why there is none; a value that was pickled; what the request was
# to bring has not come with it.
VALUE, REASON, PICKLED, LACKS = "+", "-", "&", "?"
PICKLE = "; or, if you trust the kernel, ask for the value with pickle=True"
PART = "application/x-conkernel-part-"  # and a number: the MIME types of large bytes
SIZES = "application/x-conkernel-sizes"  # the MIME type of the sizes of those in lent memory


class Answer:
    """
    Shows its text as it stands: IPython would look through a long string for line ends.

    Args:
        value: What is answered.
        lent: The address of memory that the client lends for it.
        is_pickled: The client asked for a pickle.
        sign: How it stands.
    """

    __slots__ = ("is_pickled", "lent", "sign", "value")

    def __init__(
        self,
        value: Any,
        lent: Address | None = None,
        is_pickled: bool = False,
        sign: str = VALUE,
    ) -> None:
        self.sign: str = sign
        self.value: Any = value
        self.lent: Address | None = lent
        self.is_pickled: bool = is_pickled

    def __repr__(self) -> str:
        """Give all as one text to kernels that know no MIME bundles."""
        return self._text(None)

    def _repr_mimebundle_(self, **_kwargs: Any) -> dict[str, str]:
        """Give large bytes beside the text, where JSON is not written twice."""
        parts: list[Any] = []
        try:
            bundle = {"text/plain": self._text(parts)}
        except Unsendable as error:
            way_out = "" if self.is_pickled else PICKLE
            return {"text/plain": MARK + REASON + dump(f"{error}{way_out}")}
        sizes = _lay_down(parts, self.lent)
        if sizes is not None:
            bundle[SIZES] = " ".join(map(str, sizes))
            return bundle
        for number, part in enumerate(parts):
            bundle[f"{PART}{number}"] = binascii.b2a_base64(part, newline=False).decode()
        return bundle

    def _text(self, parts: list[Any] | None) -> str:
        if not self.is_pickled:
            return MARK + self.sign + dump(self.value, parts)
        return MARK + PICKLED + dump(_pickled(self.value), parts)


def _pickled(value: Any) -> list[Any]:
    """Give a pickle, and the memory that belongs to it."""
    import pickle

    buffers: list[Any] = []
    try:
        text = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
        return [text, *(bytes(buffer.raw()) for buffer in buffers)]
    except Exception as error:
        reason = f"it cannot be pickled: {type(error).__name__}: {error}"
        raise Unsendable(reason[:1000]) from None


def _lay_down(parts: list[Any], lent: Address | None) -> list[int] | None:
    """Write `parts` into memory that the client lends, if they are large and it is here."""
    if lent is None or sum(map(len, parts)) < LEAST_SHARED:
        return None
    fd = open_lent(*lent)
    if fd is None:
        return None
    try:
        return put(fd, parts)
    except OSError:  # no memory is left
        return None
    finally:
        os.close(fd)


def answer(value: Any, lent: Address | None = None, is_pickled: bool = False) -> Answer:
    """Answer `value`, or why it cannot travel."""
    return Answer(value, lent, is_pickled)


def failed(reason: str) -> Answer:
    """Answer why there is no value."""
    return Answer(reason, sign=REASON)


def store(names: dict[str, Any], brought: Brought) -> Answer:
    """Set the variables that the request brings; all or none."""
    values = _unpacked(brought)
    if isinstance(values, Answer):
        return values
    names.update(values)
    return answer(True)


def call(function: Callable[..., Any], brought: Brought, lent: Address | None) -> Answer:
    """Call `function` with what the request brings; a coroutine of its is run to its end."""
    arguments = _unpacked(brought)
    if isinstance(arguments, Answer):
        return arguments
    positional, named = arguments
    return answer(_ended(function(*positional, **named)), lent)


def inspected(value: Any, max_chars: int, with_text: bool) -> Answer:
    """Answer what `value` is."""
    return answer(describe(value, max_chars, with_text))


def _ended(value: Any) -> Any:
    """
    Run a coroutine to its end, in an event loop of its own in this thread; give its result.

    The loop of this thread, which called us, stands still meanwhile.
    """
    asyncio: Any = sys.modules.get("asyncio")
    if asyncio is None or not asyncio.iscoroutine(value):
        return value
    before = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(value)
    finally:
        try:
            _end_tasks(asyncio, loop)
        finally:
            loop.close()
            asyncio._set_running_loop(before)


def _end_tasks(asyncio: Any, loop: Any) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.wait(tasks) if tasks else loop.shutdown_asyncgens())


def _unpacked(brought: Brought) -> Any:
    """Give what a request brings; an answer, if that cannot be read, or has not come."""
    msg_id, text, shared = brought
    try:
        if text is not None:
            return load(text)
        parts = _buffers_of(msg_id) if shared is None else _taken(*shared)
        if not parts:
            return Answer(None, sign=LACKS)
        return load(str(parts[0], "utf-8"), parts[1:])
    except Lacking as error:
        return failed(error.told("in the kernel"))
    except ValueError as error:
        return failed(str(error))


def _taken(address: Address, sizes: list[int]) -> Sequence[Any]:
    fd = open_lent(*address)
    if fd is None:
        return ()
    try:
        return take(fd, sizes)
    except OSError:
        return ()
    finally:
        os.close(fd)


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
