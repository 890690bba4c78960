"""
What may a request for a value not set off in the kernel?

IPython's events at the end of a cell, where for example matplotlib shows and closes all figures,
also those at which the cell beside the request still draws. So these are left out for our requests:
silent ones without code. Those of the kernel's very first one, which brings this, are not.

Kernels run this module's text; see `codec`.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Callbacks = list[Any]
else:
    Callbacks = list

__all__ = ["EVENTS", "Sparing", "spare"]

ITEM: Any = vars(list)["__getitem__"]

EVENTS = ("post_execute",)  # the others are not for silent requests, or not for those without code


class Sparing(Callbacks):
    """The callbacks of an event, of which a request of ours sees none."""

    def __getitem__(self, key: Any) -> Any:
        """Give none of them as a slice, of which IPython calls each."""
        if type(key) is slice and _is_ours():
            return []
        return ITEM(self, key)


def spare() -> None:
    """Let the events of this kernel pass by our requests, from now on."""
    try:
        callbacks: Any = sys.modules["IPython"].get_ipython().events.callbacks
        for event in EVENTS:
            if type(callbacks[event]) is list:
                callbacks[event] = Sparing(callbacks[event])
    except Exception:
        return  # no IPython, or one without such events


def _is_ours() -> bool:
    try:
        kernel: Any = sys.modules["IPython"].get_ipython().kernel
        content = kernel.get_parent("shell")["content"]
        return bool(content["silent"]) and not content["code"] and bool(content["user_expressions"])
    except Exception:
        return False
