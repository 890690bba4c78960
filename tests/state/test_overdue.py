"""What is half answered is asked for in time, and given up when an answer says so, not before."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient.errors import TransportError
from conkernelclient.state.overdue import (
    DOUBLINGS,
    ENOUGH,
    MUTE_AFTER,
    PATIENCE,
    TICK,
    VERDICTS,
    WILL_NOT_COME,
    Overdue,
    Question,
    Sign,
    Verdict,
    by_shell,
)
from conkernelclient.state.router import Phase, Request, Router, Takes
from tests.messages import incoming, status

if TYPE_CHECKING:
    from conkernelclient.state.router import Owner

NOW = 1000.0  # any moment
AFTER_IDLE, AFTER_REPLY = PATIENCE[Phase.IDLED], PATIENCE[Phase.REPLIED]
HALVES = [Phase.IDLED, Phase.REPLIED]
# For each half of a question's answer, what follows on UNREAD, READ, SILENT, MUTE,
# PUBLISHES_OTHERS and PUBLISHES; "-" where that cannot be.
TABLE = """
IDLED   LOST SHARED -    -       -    -
REPLIED -    -      WAIT CERTAIN LOST SHARED
"""
ROWS = [
    (Phase[phase], sign, None if verdict == "-" else Verdict[verdict])
    for phase, *follow in map(str.split, TABLE.strip().splitlines())
    for sign, verdict in zip(Sign, follow, strict=True)
]


class Asker:
    """An owner that notes what it learns."""

    def __init__(self, subshell_id: str | None = None) -> None:
        self.subshell_id = subshell_id
        self.learned: list[str] = []

    def receive(self, channel: Any, message: Any) -> None:
        self.learned.append(message.msg_type)

    def end(self) -> None:
        self.learned.append("end")

    def fail(self, error: BaseException) -> None:
        self.learned.append(str(error))


class Kernel:
    """A router, and what it is fed; the requests have the ids r0, r1 ..."""

    def __init__(self) -> None:
        self.router = Router()
        self.overdue = Overdue(self.router)
        self._numbers = itertools.count()

    def request(self, *signs: str, takes: Takes = Takes.RUN, owner: Owner | None = None) -> Request:
        """One that was sent, and of which that came."""
        request = Request(f"r{next(self._numbers)}", takes, owner or Asker())
        self.router.open(request)
        self.router.sent(request)
        self.bring(request, *signs)
        return request

    def bring(self, request: Request, *signs: str) -> None:
        """Let that come for `request`."""
        for sign in signs:
            if sign == "reply":
                self.router.feed("shell", incoming("execute_reply", request.msg_id))
            else:
                self.router.feed("iopub", status(sign, request.msg_id))

    def ask(self, *owed: Request, now: float = NOW) -> Question:
        """Send a question about `owed`."""
        request = Request(f"r{next(self._numbers)}", Takes.REPLY_AND_IOPUB, Asker())
        self.router.open(request)
        self.router.sent(request)
        return self.overdue.open(request, owed, now)


def half_answered(kernel: Kernel, phase: Phase, **more: Any) -> Request:
    """A run of which that half of the answer is in."""
    return kernel.request("busy", "idle" if phase is Phase.IDLED else "reply", **more)


# Which requests


@pytest.mark.parametrize("signs", [(), ("busy",), ("idle",), ("reply",), ("reply", "idle")])
@pytest.mark.parametrize("takes", Takes)
def test_half_answered_is_what_has_one_of_reply_and_idle_and_waits_for_the_other(
    takes: Takes, signs: tuple[str, ...]
) -> None:
    """A probe of readiness whose reply is in waits for its idle in its own way."""
    kernel = Kernel()
    request = kernel.request(*signs, takes=takes)
    is_half = signs == ("idle",) or (signs == ("reply",) and takes is Takes.RUN)
    assert kernel.overdue.is_half_answered(request) is is_half
    assert kernel.overdue.due(NOW) == []
    assert kernel.overdue.due(NOW + AFTER_REPLY) == [request] * is_half


def test_what_was_not_sent_is_not_half_answered() -> None:
    """It waits for its turn, however long that takes."""
    kernel = Kernel()
    kernel.router.open(Request("r", Takes.RUN, Asker()))
    kernel.overdue.due(NOW)
    assert kernel.overdue.due(NOW + 3600) == []
    assert kernel.overdue.next_look == NOW + 3600 + TICK


def test_an_idle_that_nobody_owns_is_waited_for_by_nobody() -> None:
    """As of a probe that was given up."""
    kernel = Kernel()
    request = half_answered(kernel, Phase.IDLED)
    request.owner = None
    assert not kernel.overdue.is_half_answered(request)


def test_a_question_is_half_answered_also_when_its_reply_is_in() -> None:
    """Its idle tells that nothing more will be published."""
    kernel = Kernel()
    question = kernel.ask(half_answered(kernel, Phase.REPLIED))
    kernel.bring(question.request, "reply")
    assert kernel.overdue.is_half_answered(question.request)
    kernel.overdue.close(question)
    assert not kernel.overdue.is_half_answered(question.request)


def test_a_run_that_was_given_up_is_looked_after_and_a_reply_is_not() -> None:
    """What waits behind the run has to learn of its end."""
    kernel = Kernel()
    run, reply = (half_answered(kernel, Phase.IDLED, takes=one) for one in (Takes.RUN, Takes.REPLY))
    kernel.router.abandon(run)
    kernel.router.abandon(reply)
    kernel.overdue.due(NOW)
    assert kernel.overdue.due(NOW + AFTER_IDLE) == [run]


# When


@pytest.mark.parametrize("phase", HALVES)
def test_it_is_due_when_it_was_seen_half_answered_for_as_long_as_that_half_may_take(
    phase: Phase,
) -> None:
    """From when it was first seen so; then again at each tick, until it can be asked for."""
    kernel = Kernel()
    request = half_answered(kernel, phase)
    due_at = NOW + PATIENCE[phase]
    assert kernel.overdue.due(NOW) == []
    assert kernel.overdue.next_look == min(due_at, NOW + TICK)
    assert kernel.overdue.due(due_at - 0.01) == []
    assert kernel.overdue.next_look == due_at
    for moment in (due_at, due_at + TICK):
        assert kernel.overdue.due(moment) == [request]
        assert kernel.overdue.next_look == moment + TICK


def test_the_next_look_is_a_tick_off_while_requests_are_under_way_and_nowhere_else() -> None:
    """Nobody tells that one has become half answered."""
    kernel = Kernel()
    kernel.overdue.begin(NOW)
    assert kernel.overdue.next_look == NOW + TICK
    request = kernel.request("busy")
    assert kernel.overdue.due(NOW + TICK) == []
    assert kernel.overdue.next_look == NOW + TICK + TICK
    kernel.router.end(request)
    assert kernel.overdue.due(NOW + 2 * TICK) == []
    assert kernel.overdue.next_look is None


def test_what_came_in_time_is_not_asked_for() -> None:
    """And a later half answer has its own time."""
    kernel = Kernel()
    request = half_answered(kernel, Phase.IDLED)
    kernel.overdue.due(NOW)
    kernel.bring(request, "reply")
    other = half_answered(kernel, Phase.IDLED)
    assert kernel.overdue.due(NOW + 1) == []
    assert kernel.overdue.due(NOW + 1 + AFTER_IDLE) == [other]


def test_one_question_at_a_time_is_asked_about_a_request_and_each_next_one_twice_as_late() -> None:
    """Up to a bound: a kernel that loses everything is asked on, but rarely."""
    kernel = Kernel()
    request = half_answered(kernel, Phase.IDLED)
    now = NOW
    kernel.overdue.due(now)
    now += AFTER_IDLE
    waits: list[float] = []
    for _ in range(DOUBLINGS + 2):
        assert kernel.overdue.due(now) == [request]
        question = kernel.ask(request, now=now)
        assert kernel.overdue.due(now + 1e6) == []
        kernel.overdue.close(question)
        asked = now
        while not kernel.overdue.due(now):
            assert kernel.overdue.next_look is not None
            now = kernel.overdue.next_look
        waits.append((now - asked) / AFTER_IDLE)
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 256, 256]


def test_what_is_suspected_is_asked_for_once() -> None:
    """An interrupt makes it suspect at once, and each message after that says so again."""
    kernel = Kernel()
    request = half_answered(kernel, Phase.IDLED)
    assert kernel.overdue.suspect(request, NOW)
    assert not kernel.overdue.suspect(request, NOW)
    kernel.ask(request)
    assert kernel.overdue.due(NOW + 3600) == []


def test_by_another_clock_everything_is_waited_for_anew() -> None:
    """An open question was mute at once by a clock that is ahead, and never by a late one."""
    kernel = Kernel()
    request, owed = (half_answered(kernel, phase) for phase in HALVES)
    kernel.overdue.due(NOW)
    question = kernel.ask(owed)
    kernel.bring(question.request, "reply")
    question.note_reply(NOW, 7)
    for ahead in (NOW + 3600, NOW - 3600):
        kernel.overdue.count_from(ahead)
        assert question.verdict(ahead, 7, is_unread=False) is Verdict.WAIT
        assert question.verdict(ahead + MUTE_AFTER, 7, is_unread=False) is Verdict.CERTAIN
        assert kernel.overdue.due(ahead) == []
        assert kernel.overdue.due(ahead + AFTER_IDLE) == [request]


def test_a_question_that_was_sent_while_all_was_forgotten_is_about_nobody_any_more() -> None:
    """The channels may be closed by the very send."""
    kernel = Kernel()
    request = half_answered(kernel, Phase.IDLED)
    kernel.overdue.suspect(request, NOW)
    kernel.overdue.forget()
    for _ in range(ENOUGH):
        question = kernel.ask(request)
        kernel.bring(question.request, "idle")
        assert question.alike() == [request]
        assert kernel.overdue.losers(question, Verdict.SHARED) == []


def test_each_shell_is_asked_for_its_own() -> None:
    """The main shell may be busy for hours, and knows nothing of the others."""
    kernel = Kernel()
    main, other = Asker(), Asker("s")
    owed = [kernel.request("idle", owner=owner) for owner in (main, other, main)]
    assert by_shell(owed) == {None: [owed[0], owed[2]], "s": [owed[1]]}


# What an answer says


@pytest.mark.parametrize(
    ("signs", "in_vain"),
    [
        ((), []),
        (("busy",), []),
        (("busy", "idle"), []),
        (("busy", "reply"), [Phase.IDLED]),
        (("busy", "reply", "idle"), HALVES),
        (("busy", "idle", "reply"), HALVES),
    ],
)
def test_an_answer_tells_by_how_far_it_is_in(signs: tuple[str, ...], in_vain: list[Phase]) -> None:
    """Replies keep their order; what is published has another channel, and its own order."""
    kernel = Kernel()
    owed = [half_answered(kernel, phase) for phase in HALVES]
    owed += [kernel.request("busy"), kernel.request("busy", "reply", "idle")]
    question = kernel.ask(*owed)
    kernel.bring(question.request, *signs)
    assert [request.phase for request in question.in_vain()] == in_vain


def test_nothing_is_told_by_less_than_a_reply() -> None:
    """No other phase of a question says what will not come."""
    assert set(WILL_NOT_COME) == {Phase.REPLIED, Phase.DONE}


def test_the_table_has_each_pair() -> None:
    """So that none is forgotten when a sign is added."""
    assert {row[:2] for row in ROWS} == set(itertools.product(HALVES, Sign))
    assert set(VERDICTS) == {row[:2] for row in ROWS if row[2] is not None}


@pytest.mark.parametrize(
    ("phase", "sign", "verdict"), ROWS, ids=lambda value: getattr(value, "name", "-")
)
def test_each_pair(phase: Phase, sign: Sign, verdict: Verdict | None) -> None:
    """What follows, or that it cannot be."""
    assert VERDICTS.get((phase, sign)) is verdict


@pytest.mark.parametrize(
    ("half", "published", "is_for_it", "seconds", "is_unread", "verdict"),
    [
        ("idle", 0, True, 0, False, Verdict.SHARED),
        ("idle", 0, True, 0, True, Verdict.LOST),
        ("reply", 0, False, MUTE_AFTER - 0.1, False, Verdict.WAIT),
        ("reply", 0, False, MUTE_AFTER - 0.1, True, Verdict.WAIT),
        ("reply", 0, False, MUTE_AFTER, False, Verdict.CERTAIN),
        ("reply", 0, True, MUTE_AFTER, False, Verdict.CERTAIN),
        ("reply", 1, False, 0, False, Verdict.LOST),
        ("reply", 1, False, MUTE_AFTER, False, Verdict.LOST),
        ("reply", 1, True, 0, False, Verdict.SHARED),
    ],
)
def test_a_half_of_an_answer_says_what_the_kernel_shows_since(
    half: str,
    published: int,
    is_for_it: bool,
    seconds: float,
    is_unread: bool,
    verdict: Verdict,
) -> None:
    """What was published before the reply says nothing."""
    kernel = Kernel()
    question = kernel.ask(half_answered(kernel, Phase.IDLED))
    kernel.bring(question.request, half)
    question.note_reply(NOW, 7)
    question.is_published_for = is_for_it
    found = question.verdict(NOW + seconds, 7 + published, is_unread=is_unread)
    assert found is verdict


@pytest.mark.parametrize("phase", HALVES)
def test_after_enough_questions_a_request_shares_what_they_all_lost(phase: Phase) -> None:
    """One message may be lost by chance; so many in turn are not."""
    kernel = Kernel()
    request, answered = half_answered(kernel, phase), half_answered(kernel, phase)
    other = half_answered(kernel, HALVES[1 - HALVES.index(phase)])
    for one in (request, answered, other):
        kernel.overdue.suspect(one, NOW)
    kernel.bring(answered, "reply" if phase is Phase.IDLED else "idle")
    for number in range(1, ENOUGH + 1):
        question = kernel.ask(request, answered, other)
        kernel.bring(question.request, "idle" if phase is Phase.IDLED else "reply")
        losers = kernel.overdue.losers(question, Verdict.SHARED)
        assert losers == [request] * (number == ENOUGH)
        kernel.overdue.close(question)


@pytest.mark.parametrize(
    ("verdict", "is_lost"), [(Verdict.WAIT, False), (Verdict.LOST, False), (Verdict.CERTAIN, True)]
)
def test_what_is_certain_needs_no_second_question(verdict: Verdict, is_lost: bool) -> None:
    """And a question that was just lost says nothing of what it is about."""
    kernel = Kernel()
    owed = [half_answered(kernel, phase) for phase in HALVES]
    question = kernel.ask(*owed)
    kernel.bring(question.request, "reply")
    assert kernel.overdue.losers(question, verdict) == owed[1:] * is_lost


@pytest.mark.parametrize("is_published_for", [True, False])
def test_the_error_says_what_was_seen_of_the_kernel(is_published_for: bool) -> None:
    """One that publishes other things is not called mute."""
    kernel = Kernel()
    question = kernel.ask(half_answered(kernel, Phase.REPLIED))
    question.is_published_for = is_published_for
    error = question.no_idle()
    assert isinstance(error, TransportError)
    assert ("never that it is idle" if is_published_for else f"for {MUTE_AFTER:g} s") in str(error)


# The end


def test_what_is_finished_leaves_the_router_and_its_owner_is_told_once() -> None:
    """Also if the end of one ends another one, or it has no owner any more."""
    kernel = Kernel()
    owed = [half_answered(kernel, Phase.IDLED) for _ in range(4)]
    owners: list[Asker] = [request.owner for request in owed]
    owed[3].owner = None
    for owner in kernel.overdue.finish(owed):
        kernel.router.end(owed[1])  # by what the first one does
        owner.end()
    assert [owner.learned for owner in owners] == [["end"], [], ["end"], []]
    assert kernel.router.open_requests == [owed[3]]
    assert list(kernel.overdue.finish(owed[:3])) == []


def test_a_question_that_is_closed_is_forgotten() -> None:
    """Twice is harmless."""
    kernel = Kernel()
    question = kernel.ask(half_answered(kernel, Phase.IDLED))
    assert kernel.overdue.questions == {question.request: question}
    for _ in range(2):
        kernel.overdue.close(question)
        assert not question.is_open
        assert kernel.overdue.questions == {}
        assert not kernel.router.is_under_way(question.request)
        assert question.request.owner is None
