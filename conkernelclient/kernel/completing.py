"""
How does a completion disturb no cell, and is quick?

It leaves the warnings' filters alone, which all threads share: a cell that sets its own meanwhile
would lose them. And jedi, which makes most of it, decides each time anew which names of Python's
own stubs this Python has; here it does so once. IPython keeps in the namespace what each cell was
and gave (`_i1`, `_1`), and a completion looks at each name: here at those that can be meant.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import re
import threading
import warnings
from typing import TYPE_CHECKING, Any, Final

from .compat import ProvisionalCompleterWarning, completer_module, ipkernel_module

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["looking", "quicken_jedi", "remembering", "settle", "shown"]

MOST: Final = 10_000  # conditions remembered, before all are forgotten
WORD: Final = re.compile(r"\w+")

_looks: Final = threading.Lock()


class Warnings:
    """The module `warnings`, for IPython's completer: it says nothing of what is provisional."""

    def __getattr__(self, name: str) -> Any:
        return getattr(warnings, name)

    def warn(self, message: Any, category: Any = None, stacklevel: int = 1, **more: Any) -> None:
        """Warn, as `warnings.warn` does."""
        if category is not ProvisionalCompleterWarning:
            warnings.warn(message, category, stacklevel + 1, **more)


@contextlib.contextmanager
def looking(completer: Any, code: str) -> Generator[None]:
    """Let IPython's completer look at what `shown` leaves, for as long as this lasts."""
    with _looks:
        before = completer.namespace, completer.global_namespace
        names = shown(code, before[0])
        completer.namespace = names
        completer.global_namespace = names if before[1] is before[0] else shown(code, before[1])
        try:
            yield
        finally:
            completer.namespace, completer.global_namespace = before


def shown(code: str, namespace: dict[str, Any]) -> dict[str, Any]:
    """Leave out what IPython keeps of each cell, but for what `code` names or begins to name."""
    words = WORD.findall(code)
    if words and words[-1].startswith("_") and code.endswith(words[-1]):
        return namespace
    named = {word for word in words if word.startswith("_")}
    every = namespace.copy()  # at once, as cells may add names meanwhile
    return {
        name: value
        for name, value in every.items()
        if name[:1] != "_" or name in named or not name[1:].lstrip("i").isdigit()
    }


def settle() -> None:
    """See to the warnings, once for the process."""
    if not isinstance(completer_module.warnings, Warnings):
        completer_module.warnings = Warnings()
        ipkernel_module._provisionalcompleter = contextlib.nullcontext


@functools.cache
def quicken_jedi() -> None:
    """See to what jedi decides, once for the process; this loads it, which takes 0.1 s."""
    try:
        flow: Any = importlib.import_module("jedi.inference.flow_analysis")
    except ImportError:  # IPython does without it
        return
    check = getattr(flow, "_check_if", None)
    if check is not None:  # else this jedi is as quick as it is
        flow._check_if = remembering(check, flow.UNSURE)


def remembering(check: Callable[[Any, Any], Any], unsure: object) -> Callable[[Any, Any], Any]:
    """Give what decides a condition as `check` does: that of a stub once, if it is sure."""
    known: dict[int, tuple[Any, Any]] = {}  # by its node, which is kept

    def check_once(context: Any, node: Any) -> Any:
        found = known.get(id(node))
        if found is not None:
            return found[1]
        answer = check(context, node)
        if answer is not unsure and context.is_stub():
            if len(known) >= MOST:
                known.clear()
            known[id(node)] = (node, answer)
        return answer

    return check_once
