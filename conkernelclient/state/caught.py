"""
Which errors of their own do programs look for when a kernel ends, and when do they look?

Some were written for clients that never tell of a death: they ask now and then whether the process
lives, and raise an error of their own. Their `except` clauses catch what we raise as well, and a
reader gets it only after their next look. None of these programs is imported here.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

if TYPE_CHECKING:
    from ..errors import DeadKernelError

__all__ = ["LOOK_WITHIN", "caught_class", "somebody_looks"]

E = TypeVar("E", bound="DeadKernelError")

# The module that raises an error for a dead kernel, and the error's name in it.
LOOKERS: Final = (("nbclient.exceptions", "DeadKernelError"),)
LOOK_WITHIN: Final = 1.5  # seconds; nbclient looks once in each second


def somebody_looks() -> bool:
    """Tell whether a program is loaded that looks at the process by itself."""
    return bool(_foreign_classes())


def caught_class(base: type[E]) -> type[E]:
    """Give the class to raise for `base`: itself, or one that the programs loaded catch as well."""
    foreign = _foreign_classes()
    return _combined(base, foreign) if foreign else base


def _foreign_classes() -> tuple[type[Exception], ...]:
    found: list[type[Exception]] = []
    for module, name in LOOKERS:
        candidate: object = getattr(sys.modules.get(module), name, None)
        if isinstance(candidate, type) and issubclass(candidate, Exception):
            found.append(candidate)
    return tuple(found)


@cache
def _combined(base: type[E], foreign: tuple[type[Exception], ...]) -> type[E]:
    def reduce(error: DeadKernelError) -> tuple[Any, ...]:
        return _again, (base, error.args), vars(error)

    namespace = {
        "__doc__": base.__doc__,
        "__module__": base.__module__,
        "__qualname__": base.__qualname__,
        "__reduce__": reduce,
    }
    try:
        return cast("type[E]", type(base.__name__, (base, *foreign), namespace))
    except TypeError:  # their class cannot stand beside ours: better ours alone than none
        return base


def _again(base: type[E], args: tuple[str, ...]) -> E:
    """Make a pickled error again, for the programs that are loaded where it arrives."""
    return caught_class(base)(*args)
