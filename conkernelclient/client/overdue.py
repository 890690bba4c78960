"""
Which replies and idles will never come, although the kernel is through with their code?

An interrupt that hits the kernel in its own code, right before or after the user's, may cost a
reply: the kernel goes idle and never sends it, or sends it in pieces that cannot be read; a status
may break in the same way. One message may also just overtake another. So the kernel is asked: a
silent empty request goes to the same shell, and what is not in when that is answered will not come.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, Protocol

from ..errors import ConKernelError, ReplyTimeout
from ..protocol.router import Claim, Phase, Request

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping, Sequence

    from ..protocol.incoming import Incoming
    from ..protocol.messages import Channel
    from .connection import Connection

__all__ = ["Overdue", "Owner", "Probe", "lost_reply"]

logger: Final = logging.getLogger(__name__)

TICK: Final = 0.3  # seconds from one look at the open requests to the next
# Seconds that a request may be half through until its shell is asked. The answer decides, not the
# time: most are in before, and nobody needs to ask. Replies are few and quick; idle may be behind
# many outputs that the client has yet to read.
PATIENCE: Final[Mapping[Phase, float]] = {Phase.IDLED: 0.25, Phase.REPLIED: 2.0}
NOTHING: Final[dict[str, Any]] = {
    "code": "",
    "silent": True,
    "store_history": False,
    "user_expressions": {},
    "allow_stdin": False,
    "stop_on_error": False,
}


def lost_reply(msg_id: str) -> ReplyTimeout:
    """Make the error of who was promised a reply that will not come."""
    return ReplyTimeout(
        f"the kernel is idle, and its reply to {msg_id} will not come: an interrupt hit the kernel "
        "before it had sent it; what the code did until then is done, and run() would give what it "
        "had shown",
        msg_id=msg_id,
    )


class Owner(Protocol):
    """
    An owner of a request, to whom the kernel may owe its end.

    Attributes:
        subshell_id: The subshell that has the request; None for the main shell.
    """

    subshell_id: str | None

    def end(self) -> None:
        """Learn that there will be no more than has come; the request has left the router."""
        ...


class Overdue:
    """
    What the kernel owes to the requests of one connection.

    Attributes:
        is_watching: Whether it looks, as it does while requests are open.
        probes: The questions that are open; the router has them as requests.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._timer: asyncio.TimerHandle | None = None
        self._since: dict[tuple[Request, Phase], float] = {}  # when it was first seen
        self._asked: dict[Request, Probe] = {}
        self.is_watching: bool = False
        self.probes: set[Probe] = set()

    def watch(self) -> None:
        """Look at the requests from now on, until none is open."""
        loop = self._connection.loop
        if loop is not None and not (self.is_watching or loop.is_closed()):
            self.is_watching = True
            self._timer = loop.call_later(TICK, self._look, loop)

    def clear(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.is_watching = False
        self._since.clear()
        self._asked.clear()
        self.probes.clear()

    def ask(self, *requests: Request) -> None:
        """Ask each one's shell, once, what became of it."""
        by_shell: dict[str | None, list[Request]] = {}
        for request in requests:
            owner: Owner | None = request.owner
            if owner is not None and self._asked.get(request) not in self.probes:
                by_shell.setdefault(owner.subshell_id, []).append(request)
        for subshell_id, owed in by_shell.items():
            probe = Probe(self._connection, subshell_id, owed)
            try:
                probe.send()
            except ConKernelError as error:  # such as a full backlog: the next look asks again
                logger.debug("the kernel could not be asked what became of a request: %s", error)
            else:
                self.probes.add(probe)
                self._asked.update(dict.fromkeys(owed, probe))

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._connection.is_open("shell"):  # the client was dropped
            self.clear()
            return
        router = self._connection.router
        runs = (request for request in router.abandoned_requests if request.takes_iopub)
        under_way = (*router.open_requests, *runs)
        half_through = [(request, request.phase) for request in under_way if _is_half(request)]
        now = loop.time()
        self._since = {key: self._since.get(key, now) for key in half_through}
        overdue = (
            request
            for (request, phase), since in self._since.items()
            if now - since >= PATIENCE[phase]
        )
        self._asked = {
            request: self._asked[request] for request, _ in half_through if request in self._asked
        }
        if under_way:
            self._timer = loop.call_later(TICK, self._look, loop)
        else:
            self._timer = None
            self.is_watching = False
        self.ask(*overdue)


def _is_half(request: Request) -> bool:
    phase = request.phase
    return phase is Phase.IDLED or (phase is Phase.REPLIED and request.takes_iopub)


class Probe:
    """
    A silent empty request: what its shell still owes when it is answered will not come.

    Args:
        connection: Sends it, past the window.
        subshell_id: The shell; None for the main one.
        owed: The requests that it is about.

    Attributes:
        subshell_id: As given.
    """

    def __init__(
        self, connection: Connection, subshell_id: str | None, owed: Sequence[Request]
    ) -> None:
        self._connection = connection
        self._owed = owed
        self.subshell_id: str | None = subshell_id

    def send(self) -> None:
        """
        Send it.

        Raises:
            ConKernelError: It cannot be sent; it is registered no more.
        """
        connection = self._connection
        message = connection.outbound.make("execute_request", dict(NOTHING))
        if self.subshell_id is not None:
            message["header"]["subshell_id"] = self.subshell_id
        self._request = Request(message["msg_id"], Claim.REPLY_AND_IOPUB, owner=self)
        connection.router.open(self._request)
        connection.send_request(self._request, message, [])

    def receive(self, _channel: Channel, _message: Incoming) -> None:
        """Take one message; the router has advanced its phase."""
        if self._request.phase is Phase.DONE:
            self.end()
        elif self._request.phase is Phase.REPLIED:
            self._settle(Phase.IDLED)  # outputs, and idle, come over another channel

    def fail(self, _error: BaseException) -> None:
        """Learn that the kernel is gone; whoever it is about learns of that as well."""
        self._connection.overdue.probes.discard(self)

    def end(self) -> None:
        """Learn that it is answered, or that a later one is."""
        self._connection.overdue.probes.discard(self)
        self._connection.router.end(self._request)
        self._settle(Phase.IDLED, Phase.REPLIED)

    def _settle(self, *phases: Phase) -> None:
        for request in self._owed:
            owner: Owner | None = request.owner
            if request.phase in phases and owner is not None:
                self._connection.router.end(request)
                owner.end()
