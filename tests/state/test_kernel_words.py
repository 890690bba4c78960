"""Each state of the kernel has its word, with open channels and with closed ones."""

from __future__ import annotations

from typing import get_args

import pytest

from conkernelclient.state.kernel_words import WORDS, KernelState, word_of
from conkernelclient.state.presence import LOST, PAUSED, SENDING, State

ROWS = [
    ("HERE", "ready", "disconnected"),
    ("UNSURE", "ready", "disconnected"),
    ("SEEKING", "disconnected", "disconnected"),
    ("VANISHED", "dead", "dead"),
    ("RESTARTING", "restarting", "restarting"),
    ("DYING", None, None),
    ("RETURNING", "restarting", "restarting"),
    ("GREETING", "starting", "disconnected"),
    ("GONE", "dead", "dead"),
]


@pytest.mark.parametrize(("name", "opened", "closed"), ROWS, ids=[row[0] for row in ROWS])
@pytest.mark.parametrize("before", get_args(KernelState))
def test_each_state_has_its_word(
    name: str, opened: KernelState | None, closed: KernelState | None, before: KernelState
) -> None:
    """Where another state follows soon, the word of before stands."""
    state = State[name]
    assert word_of(state, before, is_open=True) == (opened or before)
    assert word_of(state, before, is_open=False) == (closed or before)


def test_each_state_is_in_the_table() -> None:
    """And each word is some state's."""
    assert [row[0] for row in ROWS] == [state.name for state in State]
    assert WORDS.keys() == set(State)
    assert {word for row in WORDS.values() for word in row} == {*get_args(KernelState), None}


def test_a_word_says_what_becomes_of_what_is_sent() -> None:
    """Of a ready kernel it is sent, of a dead one it fails, of the others it waits."""
    means = {"ready": SENDING, "dead": LOST}
    for state, (word, _) in WORDS.items():
        if word is not None:
            assert state in means.get(word, PAUSED)
