"""
How does a request wait for its place beside the others?

A guest takes its turn in a lane of its own, so that nothing is in its way; when it is to be sent it
asks for a place instead, and is sent when it has one. There is one for `run()` and one for
`execute()`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..protocol.incoming import Incoming
from ..state.window import Call
from .execution import Execution

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..connection.connection import Connection
    from .beside import Identified, Mode, Place
    from .places import Places

__all__ = ["CallGuest", "RunGuest"]


class RunGuest(Execution):
    """
    The execution of a run that is to run beside others.

    Args:
        *parts: Those of an execution; the fourth is its message.
        places: Finds it a place.
        mode: How it is to run.
        after: What is to have ended well before.
        is_aside: It is one of those that share one subshell.
    """

    __slots__ = ("_places", "after", "is_aside", "mode", "place")

    def __init__(
        self,
        *parts: Any,
        places: Places,
        mode: Mode,
        after: Sequence[Identified | str],
        is_aside: bool = False,
    ) -> None:
        super().__init__(*parts)
        self._places = places
        self.is_aside: bool = is_aside
        self.mode: Mode = mode
        self.after: Sequence[Identified | str] = after
        self.place: Place | None = None
        self.lane: str | None = places.lane_of(self)

    @property
    def message(self) -> dict[str, Any]:
        """The `execute_request`, until it is sent."""
        return self._message

    def resumed(self) -> None:
        """Take its turn by what is known of the kernel that is there now."""
        self.lane = self._places.lane_of(self)

    def send(self) -> None:
        """Send it, if it has a place, or ask for one."""
        if self.place is None:
            self._places.place(self)
            return
        super().send()
        if self._shares_subshell() and self._watcher is not None:
            # Nothing of others is before it: a subshell that does not begin does not answer.
            self._watcher.began()

    def abort(self) -> None:
        """End as one that is aborted."""
        self.reply: Incoming | None = _aborted(self._connection, self._message)
        self._finish()

    def replace_subshell(self) -> None:
        """Let another one have a place in addition, as it does not end."""
        if self.place == "subshell":
            self._places.step_aside(self)
            self._connection.step_aside(self)
        else:
            super().replace_subshell()

    def _shares_subshell(self) -> bool:
        return self.is_aside and self.place == "subshell"

    def _withdraw(self, *, is_interrupting: bool) -> None:
        super()._withdraw(is_interrupting=is_interrupting)
        if self._shares_subshell() and not (self.is_in_reach or self.is_finished):
            self._places.step_aside(self)  # nobody knows when it ends

    def _close(self) -> Any:
        watcher = super()._close()
        self._places.leave(self)
        return watcher


class CallGuest(Call):
    """
    The entry of an `execute()` that is to run beside others.

    Args:
        *parts: Those of a call.
        connection: Sends it.
        places: Finds it a place.
        message: The `execute_request`.
        mode: How it is to run.
        after: What is to have ended well before.
        **named: Those of a call.
    """

    __slots__ = ("_connection", "_places", "after", "message", "mode", "place", "subshell_id")

    is_aside: bool = False  # see `RunGuest`

    def __init__(
        self,
        *parts: Any,
        connection: Connection,
        places: Places,
        message: dict[str, Any],
        mode: Mode,
        after: Sequence[Identified | str],
        **named: Any,
    ) -> None:
        super().__init__(*parts, **named)
        self._connection = connection
        self._places = places
        self.message: dict[str, Any] = message
        self.mode: Mode = mode
        self.after: Sequence[Identified | str] = after
        self.subshell_id: str | None = message["header"].get("subshell_id")
        self.place: Place | None = None
        self.lane: str | None = places.lane_of(self)

    def resumed(self) -> None:
        """Take its turn by what is known of the kernel that is there now."""
        self.lane = self._places.lane_of(self)
        super().resumed()

    def send(self) -> None:
        """Send it, if it has a place, or ask for one."""
        if self.place is None:
            self._places.place(self)
            return
        if self.place == "subshell":
            self._places.leave_at_reply(self)
        super().send()

    def fail(self, error: Exception, /) -> None:
        """Tell its caller why it could not be sent."""
        self._places.leave(self)
        super().fail(error)

    def abort(self) -> None:
        """End as one that is aborted."""
        self.answer(_aborted(self._connection, self.message))


def _aborted(connection: Connection, message: dict[str, Any]) -> Incoming:
    """Make the reply to a request that is aborted before it is sent."""
    reply = connection.make("execute_reply", {"status": "aborted"})
    header, content = reply["header"], reply["content"]
    parent = message["header"]
    return Incoming(header, "execute_reply", parent, parent["msg_id"], {}, content, (), 0)
