"""Each pair of a state and its news, for sessions and calls, and those that cannot happen."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from conkernelclient.agent.states import (
    CALL_TRANSITIONS,
    ENDED,
    SESSION_TRANSITIONS,
    CallNews,
    CallState,
    SessionNews,
    SessionState,
)

# For each state, what follows on START, STARTED, PREPARED, LOSE, CLOSE; "-" where it cannot come.
SESSIONS = """
NEW       STARTING -         -      -    CLOSED
STARTING  -        PREPARING -      LOST CLOSED
PREPARING -        -         READY  LOST CLOSED
READY     -        -         -      LOST CLOSED
LOST      STARTING -         -      LOST CLOSED
CLOSED    -        CLOSED    CLOSED CLOSED CLOSED
"""
# On BEGIN, TIME_OVER, CANCEL, END.
CALLS = """
WAITING    RUNNING WITHDRAWN DROPPED    DROPPED
RUNNING    -       OVERDUE   CANCELLING DONE
OVERDUE    -       -         OVERDUE    TIMED_OUT
CANCELLING -       -         CANCELLING CANCELLED
WITHDRAWN  -       -         WITHDRAWN  WITHDRAWN
DROPPED    -       -         DROPPED    DROPPED
DONE       -       -         DONE       -
TIMED_OUT  -       -         TIMED_OUT  -
CANCELLED  -       -         CANCELLED  -
"""


def rows(table: str, states: Any, news: Any, transitions: Any) -> list[tuple[Any, ...]]:
    """The rows of a table above: the transitions, a state, its news, and what follows."""
    return [
        (transitions, states[state], one, None if after == "-" else states[after])
        for state, *follow in map(str.split, table.strip().splitlines())
        for one, after in zip(news, follow, strict=True)
    ]


ROWS = rows(SESSIONS, SessionState, SessionNews, SESSION_TRANSITIONS)
CALL_ROWS = rows(CALLS, CallState, CallNews, CALL_TRANSITIONS)


def test_the_tables_have_each_pair() -> None:
    """So that none is forgotten when a state or a news is added."""
    assert {row[1:3] for row in ROWS} == set(itertools.product(SessionState, SessionNews))
    assert {row[1:3] for row in CALL_ROWS} == set(itertools.product(CallState, CallNews))


@pytest.mark.parametrize(
    ("transitions", "state", "news", "after"),
    ROWS + CALL_ROWS,
    ids=lambda value: getattr(value, "name", "-"),
)
def test_each_pair(transitions: Any, state: Any, news: Any, after: Any) -> None:
    """What follows, or that it cannot come."""
    assert transitions.get((state, news)) is after


def test_what_has_ended_stays_ended() -> None:
    """No news leads out of these states."""
    for (state, _), after in CALL_TRANSITIONS.items():
        assert state not in ENDED or after is state
