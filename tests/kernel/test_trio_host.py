"""Cells that await trio run beside asyncio, and are stopped there."""

from __future__ import annotations

import asyncio
import contextvars
import sys
from typing import TYPE_CHECKING, Any

import pytest
import trio

from conkernelclient.kernel.trio_host import MissingTrioError, TrioHost, TrioTask
from tests.clients import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

VALUE: contextvars.ContextVar[int] = contextvars.ContextVar("value", default=0)


@pytest.fixture
async def host() -> AsyncIterator[TrioHost]:
    """Trio, as a guest of the test's loop."""
    guest = TrioHost(asyncio.get_running_loop())
    yield guest
    guest.close()
    await until(lambda: guest.is_over)


async def ended(task: TrioTask) -> None:
    await until(task.done)


async def test_coroutines_that_await_trio_run_at_the_same_time(host: TrioHost) -> None:
    """Those that were spawned before trio has begun as well."""
    first, second = trio.Event(), trio.Event()
    seen: list[str] = []

    async def one() -> None:
        first.set()
        await second.wait()
        seen.append("one")

    async def two() -> None:
        await first.wait()
        seen.append("two")
        second.set()

    tasks = [host.spawn(it(), contextvars.Context()) for it in (one, two)]
    for task in tasks:
        await ended(task)
    assert seen == ["two", "one"]


async def test_a_coroutine_runs_in_the_context_that_is_given(host: TrioHost) -> None:
    """What it sets stays there for the next."""
    context = contextvars.Context()

    async def set_one() -> None:
        assert VALUE.get() == 0
        VALUE.set(1)

    await ended(host.spawn(set_one(), context))
    assert (context[VALUE], VALUE.get()) == (1, 0)


async def test_a_task_is_cancelled_where_it_awaits(host: TrioHost) -> None:
    """It may clean up, and what it raises then is its own."""
    waits, cleaned = trio.Event(), []

    async def wait() -> None:
        try:
            waits.set()
            await trio.sleep_forever()
        finally:
            cleaned.append(True)

    task = host.spawn(wait(), contextvars.Context())
    await until(waits.is_set)
    assert not task.done()
    task.cancel()
    await ended(task)
    assert cleaned == [True]


async def test_what_goes_wrong_in_a_task_is_logged_and_trio_goes_on(
    host: TrioHost, caplog: pytest.LogCaptureFixture
) -> None:
    """It would end trio, and all other cells."""

    async def fail() -> None:
        raise ZeroDivisionError

    async def work() -> None:
        await trio.sleep(0)

    await ended(host.spawn(fail(), contextvars.Context()))
    await ended(host.spawn(work(), contextvars.Context()))
    assert "a cell goes wrong in the kernel" in caplog.text
    caplog.clear()


def test_without_trio_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trio is an extra."""
    monkeypatch.setitem(sys.modules, "trio", None)
    loop: Any = None
    with pytest.raises(MissingTrioError, match=r"pip install 'conkernelclient\[trio\]'"):
        TrioHost(loop)
