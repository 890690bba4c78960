"""A comm's handlers are called one after the other, and hold up no other comm."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from conkernelclient.client import comm_calls
from conkernelclient.client.comm_calls import Calls
from tests.clients import until

if TYPE_CHECKING:
    import pytest


async def test_a_sync_call_is_made_at_once() -> None:
    """Before `put` returns."""
    made: list[int] = []
    calls = Calls("comm")
    for number in range(3):
        calls.put(partial(made.append, number))
    assert made == [0, 1, 2]


async def test_what_comes_while_one_is_awaited_waits_in_order() -> None:
    """Sync and async ones alike; another comm's are made meanwhile."""
    made: list[Any] = []
    gate = asyncio.Event()

    async def slow(number: int) -> None:
        await gate.wait()
        made.append(number)

    calls, others = Calls("comm"), Calls("another comm")
    calls.put(partial(slow, 0))
    calls.put(partial(made.append, 1))
    calls.put(partial(slow, 2))
    calls.put(partial(made.append, 3))
    others.put(partial(made.append, "other"))
    assert made == ["other"]
    gate.set()
    await until(lambda: len(made) == 5)
    assert made == ["other", 0, 1, 2, 3]
    calls.put(partial(made.append, 4))
    assert made[-1] == 4


async def test_one_that_fails_is_logged_and_the_next_is_made(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Sync, async, and after an async one."""
    made: list[int] = []

    def fail() -> None:
        raise ValueError("sync")

    async def fail_later() -> None:
        await asyncio.sleep(0)
        raise ValueError("async")

    calls = Calls("comm")
    for call in (fail, fail_later, fail, partial(made.append, 1)):
        calls.put(call)
    await until(lambda: made)
    texts = [str(record.exc_info[1]) for record in caplog.records if record.exc_info]
    assert texts == ["sync", "async", "sync"]
    caplog.clear()


async def test_a_slow_one_misses_what_goes_beyond_the_bound_but_not_the_last_call(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is counted, and told once."""
    monkeypatch.setattr(comm_calls, "QUEUED", 2)
    made: list[int] = []
    gate = asyncio.Event()

    async def slow() -> None:
        await gate.wait()

    calls = Calls("comm")
    calls.put(slow)
    with caplog.at_level(logging.WARNING):
        for number in range(5):
            calls.put(partial(made.append, number))
    assert calls.dropped == 3
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    calls.put(partial(made.append, 9), is_last=True)
    gate.set()
    await until(lambda: 9 in made)
    assert made == [0, 1, 9]
