"""
How does the client ask the kernel for what is overdue, and what follows from its answers?

`Overdue` decides when that is, and what an answer says; here is what acts: one timer, and the
questions, which are silent empty requests.

The timer runs while requests are open, and is set for the moment that `Overdue.next_look` names. A
message makes a request half answered, and the watchdog is not called for messages: that would cost
each of them, and a look at all requests, some three times a second, costs next to nothing.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from ..errors import ConKernelError
from ..state.overdue import Overdue, Verdict, by_shell
from ..state.router import Phase, Takes
from .companion import Companion

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable, Sequence

    from ..protocol.incoming import Incoming
    from ..protocol.messages import Channel
    from ..state.overdue import Question
    from ..state.router import Request
    from .connection import Connection

__all__ = ["Probe", "Watchdog"]

logger: Final = logging.getLogger(__name__)

NOTHING: Final[dict[str, Any]] = {
    "code": "",
    "silent": True,
    "store_history": False,
    "user_expressions": {},
    "allow_stdin": False,
    "stop_on_error": False,
}


class Watchdog(Companion):
    """
    Asks the kernel of one connection for what it owes.

    Attributes:
        is_watching: Whether it looks at the requests, as it does while any is open.
        overdue: What is owed, and the questions that are open.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._timer: asyncio.TimerHandle | None = None
        self.is_watching: bool = False
        self.overdue: Overdue = connection.overdue
        connection.join(self)
        connection.ask_after = self.ask_now

    def sent(self) -> None:
        """Look at the requests from now on: one was sent."""
        self.watch()

    def rebound(self) -> None:
        """Go on in another loop, with another clock."""
        self._disarm()
        loop = self._connection.loop
        if loop is not None:
            self.overdue.count_from(loop.time())
        self.watch()

    def suspended(self) -> None:
        """Drop the open questions: the connection that they went over is gone."""
        for question in tuple(self.overdue.questions.values()):
            self.overdue.close(question)

    def closed(self) -> None:
        """Look no more."""
        self._disarm()
        self.overdue.forget()
        self.suspended()

    def watch(self) -> None:
        """Look at the requests from now on, until none is open."""
        loop = self._connection.loop
        if loop is not None and not (self.is_watching or loop.is_closed()):
            self.overdue.begin(loop.time())
            self._arm(loop)

    def ask_now(self, request: Request) -> None:
        """Ask for a request that is half answered, after an interrupt, which may be why."""
        loop = self._connection.loop
        if loop is not None and self.overdue.suspect(request, loop.time()):
            self._ask([request])

    def answered(self, question: Question, channel: Channel) -> None:
        """Take a part of the answer to `question`; owners for whom nothing more will come end."""
        connection = self._connection
        if channel != "shell":
            question.is_published_for = True
        elif connection.loop is not None:
            question.note_reply(connection.loop.time(), connection.published)
        in_vain = question.in_vain()
        if question.request.phase is Phase.DONE:
            self.overdue.close(question)
        for owner in self.overdue.finish(in_vain):
            owner.end()

    # Inside

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        """Set the timer for the next look, if there is to be one."""
        moment = self.overdue.next_look
        self._timer = None if moment is None else loop.call_at(moment, self._look, loop)
        self.is_watching = self._connection.is_watched = self._timer is not None

    def _disarm(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        self.is_watching = self._connection.is_watched = False

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._connection.is_open("shell"):  # the client was dropped
            self.closed()
            return
        overdue, now = self.overdue, loop.time()
        due = overdue.due(now)
        self._arm(loop)
        owed: list[Request] = []
        for request in due:
            question = overdue.questions.get(request)
            if question is not None:
                self._judge(question, now)
            elif overdue.is_half_answered(request):
                owed.append(request)
        self._ask(owed)

    def _ask(self, requests: Iterable[Request]) -> None:
        """Ask each one's shell, once, what became of it."""
        connection = self._connection
        loop = connection.loop
        if loop is None or loop.is_closed() or not connection.presence.sends:
            return  # the peer looks for the kernel; the next look asks for what remains
        for subshell_id, owed in by_shell(requests).items():
            self._send(subshell_id, owed, loop)

    def _send(
        self, subshell_id: str | None, owed: Sequence[Request], loop: asyncio.AbstractEventLoop
    ) -> None:
        probe = Probe(self)
        try:
            request = self._connection.open_request(
                probe,
                "execute_request",
                dict(NOTHING),
                Takes.REPLY_AND_IOPUB,
                subshell_id=subshell_id,
            )
        except ConKernelError as error:  # such as a full backlog: the next look asks again
            logger.debug("the kernel could not be asked what became of a request: %s", error)
            return
        probe.question = self.overdue.open(request, owed, loop.time())

    def _judge(self, question: Question, now: float) -> None:
        """Do what follows for a question of whose answer a half is overdue as well."""
        connection = self._connection
        is_replied = question.request.phase is Phase.REPLIED
        connection.pump("iopub" if is_replied else "shell")
        if not question.is_open:
            return  # that was it
        is_unread = connection.is_behind
        verdict = question.verdict(now, connection.published, is_unread=is_unread)
        if verdict is Verdict.WAIT:
            return
        losers = self.overdue.losers(question, verdict)
        self.overdue.close(question)
        for owner in self.overdue.finish(losers):
            if is_replied:
                owner.fail(question.no_idle())
            else:
                owner.end()


class Probe:
    """
    The owner of a silent request.

    Args:
        watchdog: Learns how far it is answered.

    Attributes:
        question: What it asks; set when it was sent.
    """

    __slots__ = ("_watchdog", "question")

    question: Question
    is_ours: bool = True  # no caller of the client made this request
    subshell_id: str | None = None  # the main shell; no question asks what became of it

    def __init__(self, watchdog: Watchdog) -> None:
        self._watchdog = watchdog

    def receive(self, channel: Channel, message: Incoming) -> None:
        """Take one message; the router has advanced the request's phase."""
        self._watchdog.answered(self.question, channel)

    def end(self) -> None:
        """Learn that no more of it will come; of a question this is never told."""

    def fail(self, error: BaseException) -> None:
        """Learn that the kernel is gone; the requests that it is about fail as well."""
        self._watchdog.overdue.close(self.question)
