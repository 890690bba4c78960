"""
Which replies and idles will never come, although the kernel is through with their code?

An interrupt that hits the kernel in its own code, right before or after the user's, may cost a
reply: the kernel goes idle and never sends it, or sends it in pieces that cannot be read; a status
may break in the same way. One message may also just overtake another. So the kernel is asked: a
silent empty request goes to the same shell, and what is not in when that is answered will not come.
A kernel that goes idle after several such questions, and answers none, sends no replies at all.

Rarely an interrupt leaves a lock behind for which ipykernel's publishing thread waits ever after:
such a kernel answers, and publishes nothing. Who waits for its idle fails.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from ..errors import ConKernelError
from ..state.endings import no_idle
from ..state.router import Phase, Request, Takes
from .companion import Companion

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable, Mapping, Sequence

    from ..protocol.incoming import Incoming
    from ..protocol.messages import Channel
    from ..state.router import Owner
    from .connection import Connection

__all__ = ["Overdue", "Probe"]

logger: Final = logging.getLogger(__name__)

TICK: Final = 0.3  # seconds from one look at the open requests to the next
# Seconds that a request may be half through until its shell is asked, and twice as many after each
# question that is lost itself. The answer decides, not the time: most are in before, and nobody
# needs to ask. Replies are few and quick; idle may be behind many outputs that are yet to be read.
PATIENCE: Final[Mapping[Phase, float]] = {Phase.IDLED: 0.25, Phase.REPLIED: 2.0}
DOUBLINGS: Final = 8
ENOUGH: Final = 3  # questions in turn of whose answers the same half is missing
MUTE_AFTER: Final = 5.0  # seconds from a question's reply in which nothing at all is published
NOTHING: Final[dict[str, Any]] = {
    "code": "",
    "silent": True,
    "store_history": False,
    "user_expressions": {},
    "allow_stdin": False,
    "stop_on_error": False,
}


class _Suspect:
    """A request that is half through."""

    __slots__ = ("halves", "phase", "probe", "since", "tries")

    def __init__(self, phase: Phase, since: float) -> None:
        self.phase = phase
        self.since = since  # when it was first seen so, or asked for
        self.probe: Probe | None = None  # the last one that asked for it
        self.tries = 0
        self.halves = 0  # how many questions had the same half of an answer


class Overdue(Companion):
    """
    What the kernel owes to the requests of one connection.

    Attributes:
        is_watching: Whether it looks, as it does while requests are open.
        probes: The questions that are open; the router has them as requests.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._timer: asyncio.TimerHandle | None = None
        self._suspects: dict[Request, _Suspect] = {}
        self.is_watching: bool = False
        self.probes: set[Probe] = set()
        connection.join(self)
        connection.ask_after = self.ask_now

    def sent(self) -> None:
        """Look at the requests from now on: one was sent."""
        self.watch()

    def rebound(self) -> None:
        """Go on in another loop, with another clock."""
        self.unwatch()
        self.watch()

    def suspended(self) -> None:
        """Drop the open questions: the connection that they went over is gone."""
        for probe in tuple(self.probes):
            probe.drop()

    def watch(self) -> None:
        """Look at the requests from now on, until none is open."""
        loop = self._connection.loop
        if loop is not None and not (self.is_watching or loop.is_closed()):
            self.is_watching = self._connection.is_watched = True
            self._timer = loop.call_later(TICK, self._look, loop)

    def unwatch(self) -> None:
        """Let the timer go: another loop is served from now on, with another clock."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.is_watching = self._connection.is_watched = False
        self._suspects.clear()

    def closed(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.is_watching = self._connection.is_watched = False
        self.suspended()
        self._suspects.clear()

    def ask_now(self, request: Request) -> None:
        """Ask for a request that is half through, after an interrupt, which may be why."""
        loop = self._connection.loop
        if loop is not None and request not in self._suspects:
            self._suspects[request] = _Suspect(request.phase, loop.time())
            self._ask([request])

    def note_half(self, owed: Iterable[Request], phase: Phase) -> list[Request]:
        """
        Note that a question has only the half of an answer that `phase` tells.

        Gives those of whom it is clear by now that they share the other half's fate.
        """
        clear: list[Request] = []
        for request in owed:
            suspect = self._suspects.get(request)
            if suspect is not None and suspect.phase is phase:
                suspect.halves += 1
                if suspect.halves >= ENOUGH:
                    clear.append(request)
        return clear

    def _ask(self, requests: Iterable[Request]) -> None:
        """Ask each one's shell, once, what became of it."""
        connection = self._connection
        loop = connection.loop
        if loop is None or loop.is_closed() or not connection.presence.sends:
            return  # whoever looks for the kernel decides; the next look asks what is left
        by_shell: dict[str | None, list[Request]] = {}
        for request in requests:
            owner: Owner = request.owner
            by_shell.setdefault(owner.subshell_id, []).append(request)
        for subshell_id, owed in by_shell.items():
            probe = Probe(self, connection, subshell_id, owed)
            try:
                probe.send()
            except ConKernelError as error:  # such as a full backlog: the next look asks again
                logger.debug("the kernel could not be asked what became of a request: %s", error)
                continue
            self.probes.add(probe)
            for request in owed:
                suspect = self._suspects[request]
                suspect.probe = probe
                suspect.since = loop.time()
                suspect.tries = min(suspect.tries + 1, DOUBLINGS)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._connection.is_open("shell"):  # the client was dropped
            self.closed()
            return
        router = self._connection.router
        runs = (one for one in router.abandoned_requests if one.takes_stdin)
        under_way = (*router.open_requests, *runs)
        if under_way:
            self._timer = loop.call_later(TICK, self._look, loop)
        else:
            self._timer = None
            self.is_watching = self._connection.is_watched = False
        now = loop.time()
        before, self._suspects = self._suspects, {}
        for request in under_way:
            if _is_half_through(request):
                suspect = before.get(request)
                if suspect is None or suspect.phase is not request.phase:
                    suspect = _Suspect(request.phase, now)
                self._suspects[request] = suspect
        late = [
            request
            for request, suspect in self._suspects.items()
            if suspect.probe not in self.probes
            and now - suspect.since >= PATIENCE[suspect.phase] * 2**suspect.tries
        ]
        owed: list[Request] = []
        for request in late:
            if isinstance(request.owner, Probe):
                request.owner.note_late(now)
            elif _is_half_through(request):
                owed.append(request)
        self._ask(owed)


def _is_half_through(request: Request) -> bool:
    """Tell whether one of reply and idle is in, and whoever owns it waits for the other one."""
    phase, owner = request.phase, request.owner
    if phase is Phase.IDLED:
        return owner is not None
    return phase is Phase.REPLIED and (request.takes_stdin or isinstance(owner, Probe))


class Probe:
    """
    A silent empty request: what its shell still owes when it is answered will not come.

    Args:
        asker: Looks after it.
        connection: Sends it, past the window.
        subshell_id: The shell; None for the main one.
        owed: The requests that it is about.
    """

    is_ours: bool = True  # no caller of the client made this request

    def __init__(
        self,
        asker: Overdue,
        connection: Connection,
        subshell_id: str | None,
        owed: Sequence[Request],
    ) -> None:
        self._asker = asker
        self._connection = connection
        self._subshell_id = subshell_id
        self._owed = owed
        self._replied_at = 0.0
        self._published = -1  # how much there was when its reply came
        self._is_heard = False  # something was published for it

    def send(self) -> None:
        """
        Send it.

        Raises:
            ConKernelError: It cannot be sent; it is registered no more.
        """
        connection = self._connection
        message = connection.outbound.make("execute_request", dict(NOTHING))
        if self._subshell_id is not None:
            message["header"]["subshell_id"] = self._subshell_id
        self._request = Request(message["msg_id"], Takes.REPLY_AND_IOPUB, owner=self)
        connection.router.open(self._request)
        connection.send_request(self._request, message, [])

    def receive(self, channel: Channel, _message: Incoming) -> None:
        """Take one message; the router has advanced its phase."""
        if self._request.phase is Phase.DONE:
            owed = self._owed
            self.drop()
            self._settle(owed, Phase.IDLED, Phase.REPLIED)
        elif channel == "shell":
            loop = self._connection.loop
            self._replied_at = 0.0 if loop is None else loop.time()
            self._published = self._connection.published
            # Outputs, and idle, come over another channel.
            self._settle(self._owed, Phase.IDLED)
        else:
            self._is_heard = True

    def fail(self, _error: BaseException) -> None:
        """Learn that the kernel is gone; whoever it is about learns of that as well."""
        self.drop()

    def note_late(self, now: float) -> None:
        """
        Learn that a half of its answer is overdue as well.

        If that is lost, what this is about is asked for anew, up to a bound: a kernel may send no
        replies, or never say that it is idle. If it publishes nothing, who waits for that fails.
        """
        connection = self._connection
        connection.pump("iopub" if self._request.phase is Phase.REPLIED else "shell")
        phase, owed = self._request.phase, self._owed
        if phase is Phase.IDLED and not connection.inbound.is_behind:
            self.drop()
            self._settle(self._asker.note_half(owed, phase), phase)
        elif phase is not Phase.REPLIED:
            self.drop()
        elif connection.published > self._published:
            self.drop()
            if self._is_heard:  # what is published is in order: the idles before it are lost
                self._fail(self._asker.note_half(owed, phase))
        elif now - self._replied_at >= MUTE_AFTER:
            self.drop()
            self._fail(owed)

    def _fail(self, owed: Sequence[Request]) -> None:
        for request in owed:
            owner: Owner | None = request.owner
            if request.phase is Phase.REPLIED and owner is not None:
                self._connection.router.end(request)
                owner.fail(no_idle(MUTE_AFTER, is_heard=self._is_heard))

    def drop(self) -> None:
        """Ask no more."""
        self._asker.probes.discard(self)
        self._request.owner = None
        self._connection.router.end(self._request)
        self._owed = ()

    def _settle(self, owed: Sequence[Request], *phases: Phase) -> None:
        for request in owed:
            owner: Owner | None = request.owner
            if request.phase in phases and owner is not None:
                self._connection.router.end(request)
                owner.end()
