"""An action's states, row by row; a pair that is missing cannot happen."""

from __future__ import annotations

import pytest

from conkernelclient.sidecar.actions.action_states import (
    STATUSES,
    TRANSITIONS,
    ActionNews,
    ActionState,
    next_state,
)

S, N = ActionState, ActionNews
# fmt: off
ROWS = {
    (S.WAITING, N.SEND): S.SENT,          (S.WAITING, N.ANSWER): S.ANSWERED,
    (S.SENT, N.BUSY): S.RUNNING,          (S.SENT, N.ANSWER): S.ANSWERED,
    (S.RUNNING, N.BUSY): S.RUNNING,       (S.RUNNING, N.ANSWER): S.ANSWERED,
    (S.ANSWERED, N.BUSY): S.ANSWERED,     (S.ANSWERED, N.SEEN): S.DONE,
    (S.DONE, N.BUSY): S.DONE,
}
# fmt: on


@pytest.mark.parametrize("state", S)
@pytest.mark.parametrize("news", N)
def test_each_pair(state: ActionState, news: ActionNews) -> None:
    """What is not in the rows is told as impossible."""
    assert next_state(state, news) == ROWS.get((state, news))


def test_the_rows_are_all() -> None:
    """And each state has a word for programs."""
    assert TRANSITIONS.keys() == ROWS.keys()
    assert STATUSES.keys() == set(S)


def test_every_way_ends_in_done() -> None:
    """From each state, the answer and its being seen lead there."""
    for state in S:
        after = next_state(state, N.ANSWER) or state
        assert (next_state(after, N.SEEN) or after) is S.DONE
