"""There is one kernel at a time, and its successor is told of once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from conkernelclient.agent.keeper import Keeper
from conkernelclient.agent.states import SessionNews, SessionState
from conkernelclient.errors import SessionError


class Kernel:
    """A kernel that was never started."""

    def __init__(self) -> None:
        self.ended_for = ""
        self.is_there = True
        self.end_seen = "the kernel is gone"

    async def is_alive(self) -> bool:
        """Whether it is there."""
        return self.is_there

    async def end(self, reason: str) -> None:
        """End it."""
        self.ended_for = self.ended_for or reason
        self.is_there = False


class Starts:
    """Gives such kernels, when it may."""

    has_setup = False

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None
        self.lives: list[Kernel] = []

    async def first(self, on_life: Any) -> None:
        """Give the first one."""
        self.lives.append(Kernel())
        on_life(self.lives[-1])

    async def again(self, on_life: Any) -> list[str]:
        """Give another one."""
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        await self.first(on_life)
        return ["a note"]


class Silent:
    """A journal that nobody reads."""

    async def note(self, _text: str) -> None:
        """Take no note."""


def keeper_of(starts: Any) -> Keeper:
    """A keeper of kernels that were never started."""
    silent: Any = Silent()
    return Keeper(starts, silent)


def never() -> asyncio.Future[None]:
    """A caller that does not give up."""
    return asyncio.get_running_loop().create_future()


async def test_whoever_needs_a_kernel_waits_for_the_one_start_that_is_under_way() -> None:
    """One that gives up meanwhile does not undo it."""
    starts = Starts()
    keeper = keeper_of(starts)
    await keeper.open()
    first: Any = starts.lives[0]
    assert await keeper.get(never()) is first
    await keeper.lose(first, "it broke")
    await keeper.lose(first, "it broke again")
    assert keeper.state is SessionState.LOST
    starts.gate.clear()
    stopped = never()
    gone, waits = (asyncio.create_task(keeper.get(one)) for one in (stopped, never()))
    stopped.set_result(None)
    assert await gone is None
    starts.gate.set()
    assert await waits is starts.lives[1]
    assert len(starts.lives) == 2
    second: Any = starts.lives[1]
    assert keeper.take_news(first) == []  # by what ran in it, and ends now
    (fresh, note) = keeper.take_news(second)
    assert ("it broke:" in fresh, note) == (True, "a note")
    assert keeper.take_news(second) == []


async def test_a_kernel_that_is_found_dead_is_replaced() -> None:
    """Its end was told by nobody."""
    starts = Starts()
    keeper = keeper_of(starts)
    await keeper.open()
    starts.lives[0].is_there = False
    assert await keeper.get(never()) is starts.lives[1]
    life: Any = starts.lives[1]
    assert "the kernel is gone" in keeper.take_news(life)[0]


async def test_a_start_that_fails_is_told_to_each_that_waits_and_tried_again_by_the_next() -> None:
    """No loop of its own."""
    starts = Starts()
    keeper = keeper_of(starts)
    await keeper.open()
    starts.error = SessionError("no luck")
    with pytest.raises(SessionError, match="no luck"):
        await keeper.renew("so")
    assert keeper.state is SessionState.LOST
    starts.error = None
    await keeper.renew("again")
    assert keeper.state is SessionState.READY


async def test_closing_ends_a_start_that_is_under_way() -> None:
    """Who waits for it is told."""
    starts = Starts()
    keeper = keeper_of(starts)
    await keeper.open()
    starts.gate.clear()
    waits = asyncio.create_task(keeper.renew("so"))
    for _ in range(5):
        await asyncio.sleep(0)
    assert keeper.state is SessionState.STARTING
    await keeper.close()
    with pytest.raises(SessionError, match="closed"):
        await waits
    assert starts.lives[0].ended_for == "so"
    with pytest.raises(SessionError, match="not open"):
        keeper.check_open()


async def test_what_cannot_come_and_what_fails_unheard_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As an error, each once."""
    starts = Starts()
    keeper = keeper_of(starts)
    keeper._note(SessionNews.PREPARED)
    await keeper.open()
    starts.error = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        await keeper.renew("so")
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        "the session is NEW: PREPARED",
        "a kernel could not be started: ZeroDivisionError()",
    ]
    caplog.clear()
