"""Each guest has a subshell for itself, of which there are as many as are needed, up to a bound."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from conkernelclient.state.housing import Housing


def housed(housing: Housing[str]) -> dict[str, str]:
    """Which guest has which subshell, of those that move in now."""
    return dict(housing.moves())


def test_a_guest_waits_for_a_subshell_that_is_made_and_the_next_one_takes_it_over() -> None:
    """No second one is made meanwhile."""
    housing = Housing[str]()
    housing.enter("a")
    assert (housed(housing), housing.lacking(), housing.lacking()) == ({}, 1, 0)
    housing.made("s")
    assert housed(housing) == {"a": "s"}
    assert housing.withdraw("a") is False
    housing.leave("a")
    housing.leave("a")
    assert housing.surplus() == []
    housing.enter("b")
    assert (housed(housing), housing.lacking()) == ({"b": "s"}, 0)


def test_the_oldest_guest_is_first_and_one_that_withdraws_is_not_waited_for() -> None:
    """What was made for it goes to another one, or is kept."""
    housing = Housing[str](kept=1)
    for guest in "abc":
        housing.enter(guest)
    assert housing.lacking() == 3
    assert housing.withdraw("a")
    housing.made("s")
    assert housed(housing) == {"b": "s"}
    housing.made("t")
    housing.made("u")
    assert housed(housing) == {"c": "u"}
    assert housing.surplus() == []
    assert housing.clear() == ([], ["t"])


def test_more_guests_than_there_may_be_subshells_wait_unless_one_does_not_end() -> None:
    """A guest that is stuck takes no place; its subshell is free when it leaves after all."""
    housing = Housing[str](most=1, kept=0)
    housing.enter("a")
    housing.enter("b")
    assert housing.lacking() == 1
    housing.made("s")
    assert (housed(housing), housing.lacking()) == ({"a": "s"}, 0)
    housing.step_aside("a")
    housing.step_aside("unknown")
    assert housing.lacking() == 1
    housing.made("t")
    assert housed(housing) == {"b": "t"}
    housing.leave("a")
    assert housing.surplus() == ["s"]


def test_where_no_more_can_be_made_those_that_there_are_have_to_do() -> None:
    """And where there is none at all, those that wait go."""
    housing = Housing[str]()
    for guest in "abc":
        housing.enter(guest)
    assert housing.lacking() == 3
    housing.made("s")
    assert housed(housing) == {"a": "s"}
    assert (housing.not_made(), housing.not_made(), housing.lacking()) == ([], [], 0)
    housing.leave("a")
    assert housed(housing) == {"b": "s"}
    none = Housing[str]()
    none.enter("a")
    assert (none.lacking(), none.not_made(), none.not_made()) == (1, ["a"], [])


def test_what_is_cleared_is_as_new_but_for_its_bounds() -> None:
    """Also if the kernel before gave fewer than are allowed."""
    housing = Housing[str](most=2)
    for guest in "abcd":
        housing.enter(guest)
    assert housing.lacking() == 2
    housing.made("s")
    assert housed(housing) == {"a": "s"}
    housing.not_made()
    assert housing.clear() == (["b", "c", "d"], [])
    for guest in "efg":
        housing.enter(guest)
    assert housing.lacking() == 2


@given(st.lists(st.sampled_from("ewlms"), max_size=60), st.integers(1, 4), st.integers(0, 3))
def test_no_subshell_has_two_guests_and_nobody_waits_while_one_is_free(
    steps: list[str], most: int, kept: int
) -> None:
    """In any order of guests that come, wait, leave and stay for ever."""
    housing = Housing[int](most, kept)
    inside: dict[int, str] = {}
    waiting: list[int] = []
    made, making, stuck = 0, 0, set[int]()
    for number, step in enumerate(steps):
        if step == "e":
            housing.enter(number)
            waiting.append(number)
        elif step == "w" and waiting:
            assert housing.withdraw(waiting.pop())
        elif step == "l" and inside:
            guest = next(iter(inside))
            housing.leave(guest)
            del inside[guest]
            stuck.discard(guest)
        elif step == "m" and making:
            making, made = making - 1, made + 1
            housing.made(f"s{made}")
        elif step == "s" and inside:
            stuck.add(next(iter(inside)))
            housing.step_aside(next(iter(inside)))
        for guest, subshell_id in housing.moves():
            assert guest == waiting.pop(0)
            assert subshell_id not in inside.values()
            inside[guest] = subshell_id
        making += housing.lacking()
        housing.surplus()
        # Whoever waits does so for a subshell that is being made, or because there are enough.
        assert len(waiting) <= making or len(inside) - len(stuck) + making >= most


def test_where_one_is_refused_those_that_wait_go_unless_a_guest_will_leave_them_its_place() -> None:
    """One that is stuck will not: asking again and again would help nobody."""
    housing = Housing[str](most=1, kept=1)
    housing.enter("a")
    assert housing.lacking() == 1
    housing.made("s")
    assert housed(housing) == {"a": "s"}
    housing.enter("b")
    housing.step_aside("a")
    assert housing.lacking() == 1
    assert housing.not_made() == ["b"]
    assert housing.lacking() == 0


def test_those_that_are_stuck_count_where_there_is_a_bound_for_all() -> None:
    """More are made when one of them leaves after all."""
    housing = Housing[str](most=1, kept=1, in_all=2)
    for guest, subshell in (("a", "s"), ("b", "t")):
        housing.enter(guest)
        assert housing.lacking() == 1
        housing.made(subshell)
        assert housed(housing) == {guest: subshell}
        housing.step_aside(guest)
    housing.enter("c")
    assert housing.lacking() == 0
    assert housing.ids() == {"s", "t"}
    housing.leave("a")
    assert housed(housing) == {"c": "s"}
