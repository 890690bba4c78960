"""Each pair of a run's state and its news, and those that cannot happen."""

from __future__ import annotations

import itertools

import pytest

from conkernelclient.state.run_state import TRANSITIONS, RunNews, RunState

# For each state, what follows on FINISHED, TIMEOUT, START_TIMEOUT, PATIENCE_OVER, CANCEL, FAIL and
# RESTARTED; "-" where that cannot come.
TABLE = """
OPEN      ANSWERED  SETTLING TIMED_OUT -         CANCELLED FAILED    -
SETTLING  TIMED_OUT -        -         TIMED_OUT CANCELLED FAILED    TIMED_OUT
ANSWERED  -         -        -         -         ANSWERED  ANSWERED  -
TIMED_OUT TIMED_OUT -        -         -         TIMED_OUT TIMED_OUT TIMED_OUT
CANCELLED CANCELLED -        -         -         CANCELLED CANCELLED -
FAILED    FAILED    -        -         -         FAILED    FAILED    -
"""
ROWS = [
    (RunState[state], news, None if after == "-" else RunState[after])
    for state, *follow in map(str.split, TABLE.strip().splitlines())
    for news, after in zip(RunNews, follow, strict=True)
]


def test_the_table_has_each_pair() -> None:
    """So that none is forgotten when a state or a news is added."""
    assert {row[:2] for row in ROWS} == set(itertools.product(RunState, RunNews))


@pytest.mark.parametrize(
    ("state", "news", "after"), ROWS, ids=lambda value: getattr(value, "name", "-")
)
def test_each_pair(state: RunState, news: RunNews, after: RunState | None) -> None:
    """What follows, or that it cannot come."""
    assert TRANSITIONS.get((state, news)) is after
