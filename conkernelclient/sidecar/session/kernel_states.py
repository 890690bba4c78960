"""
How does the kernel stand, for those who look at the notebook?

Whether it is there is told by the client; whether it is busy by the kernel's own messages. Short
questions, as for completions while somebody types, do not make it busy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .session_events import KernelShown

__all__ = ["QUIET", "KernelStanding"]

QUIET: Final = frozenset(
    {
        "comm_info_request",
        "complete_request",
        "create_subshell_request",
        "debug_request",
        "delete_subshell_request",
        "history_request",
        "inspect_request",
        "interrupt_request",
        "is_complete_request",
        "kernel_info_request",
        "list_subshell_request",
        "shutdown_request",
        "usage_request",
    }
)

# By what the client says of the kernel: what is shown, while it runs nothing.
PRESENCE: Final[Mapping[str, KernelShown]] = {
    "starting": "starting",
    "ready": "idle",
    "disconnected": "disconnected",
    "restarting": "restarting",
    "dead": "dead",
}


class KernelStanding:
    """
    How one kernel stands.

    Args:
        presence: What the client says of it: a key of `PRESENCE`.

    Attributes:
        reason: What there is to say of it, in one line.
    """

    def __init__(self, presence: str = "starting") -> None:
        self._presence = presence
        self._busy: set[str] = set()  # requests that it is busy with
        self.reason: str | None = None

    @property
    def state(self) -> KernelShown:
        """What is shown."""
        shown = PRESENCE[self._presence]
        return "busy" if shown == "idle" and self._busy else shown

    def note_presence(self, presence: str, reason: str | None = None) -> bool:
        """Take news of the client; gives whether there is something else to be shown."""
        before = (self.state, self.reason)
        self._presence, self.reason = presence, reason
        if presence not in ("ready", "disconnected"):  # what it was busy with is over
            self._busy.clear()
        return (self.state, self.reason) != before

    def note_status(self, message: Mapping[str, Any]) -> bool:
        """Take a `status` message; gives whether there is something else to be shown."""
        parent: Mapping[str, Any] = message.get("parent_header") or {}
        request, kind = parent.get("msg_id"), parent.get("msg_type")
        if not isinstance(request, str) or kind in QUIET:
            return False
        before = self.state
        match message["content"].get("execution_state"):
            case "busy":
                self._busy.add(request)
            case "idle":
                self._busy.discard(request)
            case _:
                pass
        return self.state != before

    def note_ended(self, request: str) -> bool:
        """
        Take note that a request of ours has ended, whose idle may be lost.

        Returns:
            Whether there is something else to be shown.
        """
        before = self.state
        self._busy.discard(request)
        return self.state != before
