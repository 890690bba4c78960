"""
What does a fake kernel answer by itself?

What a kernel answers that finds nothing and evaluates nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ..protocol.messages import PROTOCOL_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..protocol.messages import Content

__all__ = ["DEFAULTS", "SUBSHELLS"]

Default: TypeAlias = "Callable[[Content], Content]"

SUBSHELLS: Final = "kernel subshells"  # JEP 91

KERNEL_INFO: Final[Mapping[str, Any]] = {
    "protocol_version": PROTOCOL_VERSION,
    "implementation": "fake",
    "implementation_version": "0",
    "language_info": {
        "name": "python",
        "version": "3",
        "mimetype": "text/x-python",
        "file_extension": ".py",
    },
    "banner": "A fake kernel",
    "help_links": [],
    "debugger": False,
}


def _executed(asked: Content) -> Content:
    expressions: dict[str, str] = asked.get("user_expressions") or {}
    values: Content = {
        name: {"status": "ok", "data": {"text/plain": text}, "metadata": {}}
        for name, text in expressions.items()
    }
    return {"user_expressions": values, "payload": []}


def _completed(asked: Content) -> Content:
    position = asked.get("cursor_pos", 0)
    return {"matches": [], "cursor_start": position, "cursor_end": position, "metadata": {}}


# By the type of the request; each reply has the status "ok" as well. A request that is not here
# gets no reply, as from ipykernel.
DEFAULTS: Final[Mapping[str, Default]] = {
    "execute_request": _executed,
    "complete_request": _completed,
    "inspect_request": lambda _: {"found": False, "data": {}, "metadata": {}},
    "history_request": lambda _: {"history": []},
    "is_complete_request": lambda _: {"status": "complete"},
    "comm_info_request": lambda _: {"comms": {}},
    "kernel_info_request": lambda _: dict(KERNEL_INFO),
    "interrupt_request": lambda _: {},
    "shutdown_request": lambda asked: {"restart": asked.get("restart", False)},
    "create_subshell_request": lambda _: {},
    "delete_subshell_request": lambda _: {},
    "list_subshell_request": lambda _: {"subshell_id": []},
}
