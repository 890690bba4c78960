"""A comm's life is one table: each row of it, and that what has ended stays ended."""

from __future__ import annotations

import pytest

from conkernelclient.state.comm_life import IS_OPEN, TRANSITIONS, CommNews, CommState

ROWS = [
    (CommState.OPENING, CommNews.HANDLED, CommState.OPEN),
    (CommState.OPENING, CommNews.CLOSED_THERE, CommState.REFUSED),
    (CommState.OPENING, CommNews.CLOSED_HERE, CommState.CLOSED),
    (CommState.OPENING, CommNews.LOST, CommState.LOST),
    (CommState.OPEN, CommNews.HANDLED, CommState.OPEN),
    (CommState.OPEN, CommNews.CLOSED_THERE, CommState.CLOSED),
    (CommState.OPEN, CommNews.CLOSED_HERE, CommState.CLOSED),
    (CommState.OPEN, CommNews.LOST, CommState.LOST),
]


@pytest.mark.parametrize(("state", "news", "to"), ROWS)
def test_an_open_comm_goes_where_its_row_says(
    state: CommState, news: CommNews, to: CommState
) -> None:
    """Only one that is on its way can be refused."""
    assert TRANSITIONS[state, news] is to


@pytest.mark.parametrize("state", sorted(set(CommState) - IS_OPEN, key=lambda state: state.name))
@pytest.mark.parametrize("news", CommNews)
def test_what_has_ended_stays_as_it_ended(state: CommState, news: CommNews) -> None:
    """Late news change nothing."""
    assert TRANSITIONS[state, news] is state


def test_the_table_has_each_pair_once() -> None:
    """So nothing that happens to a comm is an error."""
    assert set(TRANSITIONS) == {(state, news) for state in CommState for news in CommNews}
    assert {CommState.OPENING, CommState.OPEN} == IS_OPEN
