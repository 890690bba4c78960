"""A cell's coroutine runs under another loop's runner, and an interrupt reaches it there."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient.kernel.runners import SignalGuard, run_by
from tests.kernel.parts import cell

if TYPE_CHECKING:
    from collections.abc import Coroutine


def driven(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """A runner whose loop resumes at once."""
    while True:
        try:
            coroutine.send(None)
        except StopIteration as ended:
            return ended.value


class Pause:
    """What a coroutine awaits once."""

    def __await__(self) -> Any:
        yield


async def six() -> int:
    await Pause()
    return 6


def test_the_runner_gives_what_the_cell_gives() -> None:
    """And the handler of interrupts is the same as before."""
    before = signal.getsignal(signal.SIGINT)
    one = cell()
    assert run_by(driven, six(), one) == 6
    assert isinstance(one.guard, SignalGuard)
    assert signal.getsignal(signal.SIGINT) == before


def test_what_is_raised_in_the_runner_is_thrown_into_the_cell() -> None:
    """So that the cell shows it where it awaits, and may clean up."""
    cleaned: list[BaseException] = []

    async def code() -> str:
        try:
            await Pause()
        except KeyboardInterrupt as error:
            cleaned.append(error)
            return "shown"
        raise AssertionError("it went on")

    def interrupted(coroutine: Coroutine[Any, Any, Any]) -> Any:
        coroutine.send(None)
        raise KeyboardInterrupt

    assert run_by(interrupted, code(), cell()) == "shown"
    assert len(cleaned) == 1


def test_what_the_cell_raises_is_raised() -> None:
    """Nothing is thrown into a coroutine that has ended."""

    async def code() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_by(driven, code(), cell())


def test_a_stop_raises_the_signal_where_the_loop_handles_it() -> None:
    """Once, and only in the cell's own code."""
    got: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: got.append(number))
    try:
        guard = SignalGuard()
        guard.ask(KeyboardInterrupt())
        guard.strike()
        assert got == []
        guard.level = 1
        guard.strike()
        guard.strike()
        assert got == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, before)
