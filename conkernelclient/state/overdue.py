"""
Which requests are half answered, and when is the kernel to be asked?

A request has its reply or its idle, and the other half is mostly on its way. But an interrupt that
hits the kernel in its own code, right before or after the user's, may cost a reply: the kernel goes
idle and never sends it, or sends it in pieces that cannot be read; a status may break in the same
way. One message may also just overtake another. So there are questions: a silent empty request goes
to the same shell, and what is not in when the kernel answers that will not come. A kernel that goes
idle after several questions, and answers none, sends no replies at all.

Rarely an interrupt leaves a lock behind for which ipykernel's publishing thread waits ever after:
such a kernel answers, and publishes nothing. Whoever waits for its idle fails.

It is a message that makes a request half answered, and to tell of each would cost each: so the
requests are looked at now and then instead.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from .endings import no_idle
from .router import Phase

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ..errors import TransportError
    from .router import Owner, Request, Router

__all__ = ["VERDICTS", "WILL_NOT_COME", "Overdue", "Question", "Sign", "Verdict"]

TICK: Final = 0.3  # seconds from one look at the requests to the next, at most
# Seconds that a request may be half answered until its shell is asked, and twice as many after each
# question that is lost itself. The answer decides, not the time: most are in before, and nobody
# needs to ask. Replies are few and quick; idle may be behind many outputs that are yet to be read.
PATIENCE: Final[Mapping[Phase, float]] = {Phase.IDLED: 0.25, Phase.REPLIED: 2.0}
DOUBLINGS: Final = 8
ENOUGH: Final = 3  # questions in turn of whose answers the same half is missing
MUTE_AFTER: Final = 5.0  # seconds from a question's reply in which nothing at all is published

IDLED: Final = Phase.IDLED  # looked at for each request, at each look
REPLIED: Final = Phase.REPLIED

# When a question has come so far, the requests in these phases wait for what will not come.
WILL_NOT_COME: Final[Mapping[Phase, frozenset[Phase]]] = {
    REPLIED: frozenset({IDLED}),  # replies keep their order; idle comes over another channel
    Phase.DONE: frozenset({IDLED, REPLIED}),
}


class Sign(Enum):
    """What the kernel shows when the other half of a question's answer is overdue as well."""

    UNREAD = auto()
    """Something has come that is not read yet."""
    READ = auto()
    """All that has come is read."""
    SILENT = auto()
    """Nothing was published since the question's reply."""
    MUTE = auto()
    """The same, for so long that nothing will be."""
    PUBLISHES_OTHERS = auto()
    """Something was published since, and nothing for this question."""
    PUBLISHES = auto()
    """Something was published since, and something for this question."""


class Verdict(Enum):
    """What follows for a question of whose answer a half is overdue."""

    WAIT = auto()
    """That half may come."""
    LOST = auto()
    """That half is lost: what the question is about is asked for anew."""
    SHARED = auto()
    """The same; and after `ENOUGH` questions, what it is about has lost that half as well."""
    CERTAIN = auto()
    """What the question is about has lost that half as well."""


# By the half that is in. A pair that is missing here cannot happen.
VERDICTS: Final[Mapping[tuple[Phase, Sign], Verdict]] = {
    (Phase.IDLED, Sign.UNREAD): Verdict.LOST,
    (Phase.IDLED, Sign.READ): Verdict.SHARED,
    (Phase.REPLIED, Sign.SILENT): Verdict.WAIT,
    (Phase.REPLIED, Sign.MUTE): Verdict.CERTAIN,
    (Phase.REPLIED, Sign.PUBLISHES_OTHERS): Verdict.LOST,
    # What is published is in order: the idles before it are lost.
    (Phase.REPLIED, Sign.PUBLISHES): Verdict.SHARED,
}


class Question:
    """
    What became of some requests?

    Args:
        request: The silent one, by which it is asked.
        owed: The requests that it is about; they are in one shell.

    Attributes:
        request: As given.
        owed: As given.
        is_open: Whether it is asked still.
        is_published_for: Whether anything was published for it.
    """

    __slots__ = ("_published", "_replied_at", "is_open", "is_published_for", "owed", "request")

    def __init__(self, request: Request, owed: Sequence[Request]) -> None:
        self.request: Request = request
        self.owed: Sequence[Request] = owed
        self.is_open: bool = True
        self.is_published_for: bool = False
        self._replied_at = 0.0
        self._published = 0  # how much there was when its reply came

    def note_reply(self, now: float, published: int) -> None:
        """Note that the reply is in, when so many batches of messages had been published."""
        self._replied_at = now
        self._published = published

    def count_from(self, now: float) -> None:
        """Wait from `now` on for what is published, since the clock is another one."""
        self._replied_at = now

    def in_vain(self) -> list[Request]:
        """Give the requests that wait for what will not come, as far as this is answered."""
        phases = WILL_NOT_COME.get(self.request.phase, frozenset())
        return [request for request in self.owed if request.phase in phases]

    def alike(self) -> list[Request]:
        """Give the requests that have the same half of an answer as this one."""
        phase = self.request.phase
        return [request for request in self.owed if request.phase is phase]

    def verdict(self, now: float, published: int, *, is_unread: bool) -> Verdict:
        """
        Decide what follows, if the other half of the answer is overdue.

        Args:
            now: The time.
            published: How many batches of messages were published until now.
            is_unread: Whether something has come that is not read yet.
        """
        phase = self.request.phase
        if phase is IDLED:
            sign = Sign.UNREAD if is_unread else Sign.READ
        elif published > self._published:
            sign = Sign.PUBLISHES if self.is_published_for else Sign.PUBLISHES_OTHERS
        else:
            sign = Sign.MUTE if now - self._replied_at >= MUTE_AFTER else Sign.SILENT
        return VERDICTS[phase, sign]

    def no_idle(self) -> TransportError:
        """Make the error of an owner that waits for an idle which will not come."""
        return no_idle(MUTE_AFTER, publishes=self.is_published_for)


class _Suspect:
    """A request that is half answered."""

    __slots__ = ("_patience", "halves", "question", "since", "tries")

    def __init__(self, phase: Phase, since: float) -> None:
        self._patience = PATIENCE[phase]
        self.since = since  # when it was first seen so, or asked for
        self.question: Question | None = None  # the last one that was about it
        self.tries = 0
        self.halves = 0  # how many questions had the same half of an answer

    @property
    def is_asked_for(self) -> bool:
        return self.question is not None and self.question.is_open

    @property
    def due_at(self) -> float:
        return self.since + self._patience * 2**self.tries


class Overdue:
    """
    What the kernel owes to the requests of one client.

    Args:
        router: Knows the requests, and the questions among them.

    Attributes:
        questions: Those that are open, by their requests.
        next_look: When `due` is to be asked, as `begin` and itself set it; None: no request is
            under way.
    """

    __slots__ = ("_router", "_suspects", "next_look", "questions")

    def __init__(self, router: Router) -> None:
        self._router = router
        self._suspects: dict[Request, _Suspect] = {}
        self.questions: dict[Request, Question] = {}
        self.next_look: float | None = None

    def begin(self, now: float) -> None:
        """Name the moment of the first look: a request was sent, and none was under way."""
        self.next_look = now + TICK

    def due(self, now: float) -> list[Request]:
        """Look at the requests: give those that are half answered for too long, also questions."""
        runs = (one for one in self._router.abandoned_requests if one.takes_stdin)
        under_way = (*self._router.open_requests, *runs)
        before, self._suspects = self._suspects, {}
        due: list[Request] = []
        next_look = now + TICK
        for request in under_way:
            if not self.is_half_answered(request):
                continue
            # One that is half answered stays so until the other half is in, or nobody waits for it.
            suspect = before.get(request) or _Suspect(request.phase, now)
            self._suspects[request] = suspect
            if suspect.is_asked_for:
                continue
            if suspect.due_at <= now:
                due.append(request)  # and again after a tick, if it cannot be asked for
            else:
                next_look = min(next_look, suspect.due_at)
        self.next_look = next_look if under_way else None
        return due

    def is_half_answered(self, request: Request) -> bool:
        """Tell whether one of reply and idle is in, and whoever owns it waits for the other one."""
        phase = request.phase
        if phase is IDLED:
            return request.owner is not None
        return phase is REPLIED and (request.takes_stdin or request in self.questions)

    def suspect(self, request: Request, now: float) -> bool:
        """Take it that half an answer to `request` is lost; False if that was known."""
        if request in self._suspects:
            return False
        self._suspects[request] = _Suspect(request.phase, now)
        return True

    def open(self, request: Request, owed: Sequence[Request], now: float) -> Question:
        """Note that the silent `request` was sent, as a question about the `owed`."""
        question = self.questions[request] = Question(request, owed)
        for one in owed:
            suspect = self._suspects.get(one)
            if suspect is not None:
                suspect.question = question
                suspect.since = now
                suspect.tries = min(suspect.tries + 1, DOUBLINGS)
        return question

    def close(self, question: Question) -> None:
        """Ask it no more; harmless the second time."""
        question.is_open = False
        question.request.owner = None
        self.questions.pop(question.request, None)
        self._router.end(question.request)

    def losers(self, question: Question, verdict: Verdict) -> list[Request]:
        """Give the requests of which it is clear, by a `verdict`, that they share its loss."""
        if verdict is Verdict.CERTAIN:
            return question.alike()
        return self._count(question) if verdict is Verdict.SHARED else []

    def finish(self, requests: Iterable[Request]) -> Iterator[Owner]:
        """
        Let `requests` go as finished; gives their owners one by one, to be told of it.

        What one of them does may end another one, which is then passed over.
        """
        for request in requests:
            owner: Owner | None = request.owner
            if owner is not None and self._router.is_under_way(request):
                self._router.end(request)
                yield owner

    def forget(self) -> None:
        """Forget how long each request was half answered: the watchdog looks no more."""
        self._suspects.clear()
        self.next_look = None

    def count_from(self, now: float) -> None:
        """Wait from `now` on for what is not there yet, since the clock is another one."""
        for suspect in self._suspects.values():
            suspect.since = now
        for question in self.questions.values():
            question.count_from(now)

    def _count(self, question: Question) -> list[Request]:
        clear: list[Request] = []
        for request in question.alike():
            suspect = self._suspects.get(request)
            if suspect is not None:
                suspect.halves += 1
                if suspect.halves >= ENOUGH:
                    clear.append(request)
        return clear


def by_shell(requests: Iterable[Request]) -> dict[str | None, list[Request]]:
    """Sort `requests` by the shells that are to be asked what became of them."""
    shells: dict[str | None, list[Request]] = {}
    for request in requests:
        owner: Owner = request.owner
        shells.setdefault(owner.subshell_id, []).append(request)
    return shells
