"""A cell is idle, queued, runs, or runs and is queued again; every row of the table."""

from __future__ import annotations

import pytest

from conkernelclient.sidecar.session.cell_states import (
    SHOWN,
    TRANSITIONS,
    CellNews,
    CellState,
    next_state,
)

S, N = CellState, CellNews
ROWS = [
    (S.IDLE, N.QUEUE, S.QUEUED),
    (S.QUEUED, N.BEGIN, S.RUNNING),
    (S.QUEUED, N.DROP, S.IDLE),
    (S.RUNNING, N.QUEUE, S.RUNNING_AND_QUEUED),
    (S.RUNNING, N.END, S.IDLE),
    (S.RUNNING_AND_QUEUED, N.END, S.QUEUED),
    (S.RUNNING_AND_QUEUED, N.DROP, S.RUNNING),
]


@pytest.mark.parametrize(("state", "news", "to"), ROWS)
def test_each_pair_that_can_happen(state: CellState, news: CellNews, to: CellState) -> None:
    """Leads to one state."""
    assert next_state(state, news) is to


def test_no_other_pair_can() -> None:
    """Each of them gives None."""
    assert len(TRANSITIONS) == len(ROWS)
    others = {(state, news) for state in S for news in N} - {row[:2] for row in ROWS}
    assert all(next_state(*pair) is None for pair in others)


def test_front_ends_are_told_three_states() -> None:
    """That one runs comes before that it is queued again."""
    assert [SHOWN[state] for state in S] == ["idle", "queued", "running", "running"]
