"""Each pair of a request's state and its news, and those that cannot be."""

from __future__ import annotations

import itertools

import pytest

from conkernelclient.kernel.modes import Options, RunMode
from conkernelclient.kernel.request import TRANSITIONS, News, Request, State

# For each state, what follows on HOLD, QUEUE, START, STOP, END and DROP; "-" where that cannot be.
TABLE = """
NEW      HELD QUEUED -       -        -     ENDED
HELD     -    QUEUED -       -        -     ENDED
QUEUED   -    -      RUNNING -        -     ENDED
RUNNING  -    -      -       STOPPING ENDED -
STOPPING -    -      -       STOPPING ENDED -
ENDED    -    -      -       ENDED    -     -
"""
ROWS = [
    (State[state], news, None if after == "-" else State[after])
    for state, *follow in map(str.split, TABLE.strip().splitlines())
    for news, after in zip(News, follow, strict=True)
]


def test_the_table_has_each_pair() -> None:
    """So that none is forgotten when a state or a news is added."""
    assert {row[:2] for row in ROWS} == set(itertools.product(State, News))
    assert len(TRANSITIONS) == sum(after is not None for *_pair, after in ROWS)


@pytest.mark.parametrize(
    ("state", "news", "after"), ROWS, ids=lambda value: getattr(value, "name", "-")
)
def test_each_pair(state: State, news: News, after: State | None) -> None:
    """What follows; what cannot be raises, and changes nothing."""
    request = Request("r", state=state)
    if after is None:
        with pytest.raises(KeyError):
            request.note(news)
        assert request.state is state
    else:
        request.note(news)
        assert request.state is after


def made(mode: RunMode = RunMode.QUEUE, lane: str = "", place: str | None = None) -> Request:
    return Request("r", Options(mode, lane), place)


@pytest.mark.parametrize(
    ("failed", "other", "aborts"),
    [
        (made(), made(), True),
        (made(lane="a"), made(lane="a"), True),
        (made(lane="a"), made(), False),
        (made(place="s"), made(), False),
        (made(place="s"), made(place="s"), True),
        (made(RunMode.TASK), made(), False),
        (made(), made(RunMode.TASK), False),
        (made(), made(RunMode.THREAD), False),
    ],
)
def test_an_error_aborts_what_queues_in_the_same_lane(
    failed: Request, other: Request, aborts: bool
) -> None:
    """Tasks and threads have no lane: they abort nobody, and nobody aborts them."""
    assert failed.aborts(other) is aborts


def test_a_higher_priority_is_first_and_then_who_came_first() -> None:
    """A rank is smaller for who is first."""
    requests = [
        Request(str(number), Options(priority=priority), number=number)
        for number, priority in enumerate([0, 5, -1, 5, 0])
    ]
    assert [it.msg_id for it in sorted(requests, key=lambda it: it.rank)] == list("13042")


def test_two_requests_are_the_same_only_if_they_are_one() -> None:
    """They are keys, and one message may come twice."""
    assert made() != made()
    assert len({made(), made()}) == 2
    assert made().waits_for is not made().waits_for
