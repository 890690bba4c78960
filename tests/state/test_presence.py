"""The kernel's presence is one table: what a client hears decides what becomes of what it sends."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from conkernelclient import errors
from conkernelclient.state.presence import LOST, PAUSED, SENDING, TRANSITIONS, News, Presence, State

STEPS = 10_000


OWNER = {News.RESTARTS, News.ENDED, News.RETURNS, News.STARTED}


IMPOSSIBLE = {
    # Nothing is waited for there, or nobody could answer.
    *((state, News.SILENT) for state in set(State) - {State.UNSURE, State.SEEKING}),
    *((state, News.READ) for state in set(State) - {State.DYING, State.RETURNING}),
    *(
        (state, News.ANSWERED)
        for state in (State.VANISHED, State.RESTARTING, State.DYING, State.RETURNING, State.GONE)
    ),
}


def lost() -> errors.ConKernelError:
    return errors.DeadKernelError("nobody has said why")


@dataclass
class Model:
    """The same, told as a story: what is true of the kernel, not which state it is in."""

    is_ended: bool = False  # its owner says so
    is_replaced: bool = False  # its owner starts another one
    has_words: bool = False  # it ended, and what it had sent is not read
    is_cut: bool = False  # its connections are lost, and an owner may explain it
    is_sought: bool = False
    is_missing: bool = False  # it did not come back
    is_new: bool = False  # the connection to it

    def hear(self, news: News) -> None:
        match news:
            case News.RESTARTS:
                self.__init__(is_replaced=True)  # type: ignore[misc]
            case News.STARTED:
                self.__init__(is_new=True)  # type: ignore[misc]
            case News.ENDED:
                has_words = self.has_words or not (self.is_ended or self.is_missing)
                self.__init__(is_ended=True, has_words=has_words)  # type: ignore[misc]
            case News.RETURNS:
                self.__init__(is_replaced=True, has_words=True)  # type: ignore[misc]
            case News.READ:
                self.has_words = False
            case News.OPENED:
                self.has_words = False
                if not (self.is_ended or self.is_replaced):
                    self.__init__(is_new=True)  # type: ignore[misc]
            case _:
                if not (self.is_ended or self.is_replaced):
                    self.hear_link(news)

    def hear_link(self, news: News) -> None:
        match news:
            case News.CUT | News.CUT_WATCHED:
                if self.is_new:
                    self.__init__(is_sought=True)  # type: ignore[misc]
                elif not (self.is_cut or self.is_sought or self.is_missing):
                    self.is_cut, self.is_sought = news is News.CUT_WATCHED, news is News.CUT
            case News.SILENT:
                was_cut = self.is_cut
                self.__init__(is_sought=was_cut, is_missing=not was_cut)  # type: ignore[misc]
            case News.CONNECTED:
                if self.is_cut or self.is_missing:
                    self.__init__(is_sought=True)  # type: ignore[misc]
            case _:
                self.is_new = self.is_sought = False

    @property
    def becomes(self) -> str:
        """What becomes of a request that is made now."""
        if self.is_ended or self.is_missing:
            return "fails"
        return "waits" if self.is_replaced or self.is_sought or self.is_new else "leaves"


def becomes(state: State) -> str:
    return "leaves" if state in SENDING else "waits" if state in PAUSED else "fails"


def test_each_state_has_one_answer_to_what_is_sent() -> None:
    """It leaves, waits, or fails."""
    assert sorted([*SENDING, *PAUSED, *LOST], key=lambda state: state.value) == list(State)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("news", News)
def test_each_pair_is_in_the_table_or_cannot_happen(state: State, news: News) -> None:
    """And one that cannot happen changes nothing."""
    presence = Presence(lost)
    presence.state = state
    if (state, news) in IMPOSSIBLE:
        assert (state, news) not in TRANSITIONS
        with pytest.raises(KeyError):
            presence.feed(news)
        assert presence.state is state
        return
    assert presence.feed(news) is state
    assert presence.state is TRANSITIONS[state, news]
    assert presence.sends == (presence.state in SENDING)
    assert presence.pauses == (presence.state in PAUSED)
    assert presence.is_lost == (presence.state in LOST)


@pytest.mark.parametrize("state", State)
def test_what_the_owner_says_counts_wherever_the_kernel_was_thought_to_be(state: State) -> None:
    """He has the process; the client has guesses."""
    assert TRANSITIONS[state, News.RESTARTS] is State.RESTARTING
    assert TRANSITIONS[state, News.RETURNS] is State.RETURNING
    assert TRANSITIONS[state, News.STARTED] is State.GREETING
    assert TRANSITIONS[state, News.ENDED] in LOST


def test_a_random_walk_agrees_with_the_story() -> None:
    """Ten thousand news, each that can happen next."""
    dice = random.Random(7)
    presence, model = Presence(lost), Model()
    seen: set[tuple[State, News]] = set()
    for _ in range(STEPS):
        possible = [news for news in News if (presence.state, news) in TRANSITIONS]
        news = dice.choice(possible)
        seen.add((presence.state, news))
        # Whether a connection is watched does not change from one news to the next.
        before = presence.feed(news)
        model.hear(news)
        assert becomes(presence.state) == model.becomes, (before, news, presence.state, model)
    assert seen == set(TRANSITIONS)


def test_why_it_ended_is_kept_until_there_is_another_one() -> None:
    """Whoever asks afterwards is told as well."""
    presence = Presence(lost)
    presence.feed(News.ENDED, lambda: errors.DeadKernelError("by signal 9"))
    presence.feed(News.READ)
    with pytest.raises(errors.DeadKernelError, match="by signal 9"):
        presence.check()
    presence.feed(News.ENDED, lambda: errors.DeadKernelError("out of memory"))
    assert "out of memory" in str(presence.error())
    presence.feed(News.STARTED)
    presence.check()
    presence.feed(News.ENDED)
    assert "nobody has said why" in str(presence.error())
    assert repr(presence) == "<Presence dying>"
