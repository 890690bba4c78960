"""Who came first has the first turn."""

from __future__ import annotations

from conkernelclient.agent.turns import Turns


async def test_turns_come_in_the_order_of_the_calls() -> None:
    """Also when one that waits goes."""
    turns: Turns[str] = Turns()
    first, second, third = (turns.join(name) for name in "abc")
    assert (first.done(), second.done(), third.done()) == (True, False, False)
    assert (turns.holder, turns.waiting) == ("a", ["b", "c"])
    turns.leave("b")
    turns.leave("a")
    assert (turns.holder, turns.waiting) == ("c", [])
    assert third.done()
    turns.leave("c")
    turns.leave("c")
    assert turns.holder is None


async def test_one_that_is_gone_without_leaving_does_not_fail_the_others() -> None:
    """Its future was cancelled; it leaves later."""
    turns: Turns[str] = Turns()
    turns.join("a")
    turns.join("b").cancel()
    third = turns.join("c")
    turns.leave("a")
    assert turns.holder == "b"
    turns.leave("b")
    assert third.done()
