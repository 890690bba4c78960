"""
What does a program have of a request whose reply it did not ask for?

Its msg_id, a str in everything but that awaiting it says what to do. Programs look whether what a
verb returned can be awaited (nbclient does: `inspect.isawaitable`), so it is no
`collections.abc.Awaitable`, to which it would be enough to have an `__await__`: see `_PlainStr`.
"""

from __future__ import annotations

from typing import NoReturn

__all__ = ["MsgId"]


class _PlainStr(type):
    """
    The type of a class that is like str for code that looks through its bases.

    `isinstance(..., Awaitable)` looks for `__await__` in the `__mro__`, and `await` does not.
    """

    @property
    def __mro__(cls) -> tuple[type, ...]:
        return (str, object)


class MsgId(str, metaclass=_PlainStr):
    """The id of a request that was made with `reply=False`. Copied or pickled, it is a str."""

    __slots__ = ()

    def __await__(self) -> NoReturn:
        raise TypeError(
            f"{str(self)!r} is the msg_id of a request, and its reply was not asked for: pass "
            "reply=True and await that, or run() to have the outputs"
        )

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (str(self),)
