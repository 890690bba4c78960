"""Cells that await trio run beside asyncio, and are stopped there."""

from __future__ import annotations

import asyncio
import contextvars
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
import trio

from conkernelclient.kernel.spec import MissingTrioError
from conkernelclient.kernel.stops import MainGuard
from conkernelclient.kernel.trio_host import (
    TrioEndedError,
    TrioGuard,
    TrioHost,
    TrioTask,
    TrioThreadGuard,
)
from tests.clients import until
from tests.kernel.parts import BOUND, Stepping

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

    tasks = [host.spawn(it(), MainGuard(), contextvars.Context()) for it in (one, two)]
    for task in tasks:
        await ended(task)
    assert seen == ["two", "one"]


async def test_a_coroutine_runs_in_the_context_that_is_given(host: TrioHost) -> None:
    """What it sets stays there for the next."""
    context = contextvars.Context()

    async def set_one() -> None:
        assert VALUE.get() == 0
        VALUE.set(1)

    await ended(host.spawn(set_one(), MainGuard(), context))
    assert (context[VALUE], VALUE.get()) == (1, 0)


async def test_a_task_is_cancelled_where_it_awaits(host: TrioHost) -> None:
    """It may clean up, and what it raises then is its own."""
    waits, cleaned, caught = trio.Event(), [], []

    async def wait() -> None:
        try:
            waits.set()
            await trio.sleep_forever()
        except KeyboardInterrupt as error:
            await trio.sleep(0)
            caught.append(error)
        finally:
            cleaned.append(True)

    guard = MainGuard()
    task = host.spawn(wait(), guard, contextvars.Context())
    await until(waits.is_set)
    assert not task.done()
    guard.why = KeyboardInterrupt("stop")
    task.cancel()
    await ended(task)
    assert (cleaned, caught) == ([True], [guard.why])


async def test_what_goes_wrong_in_a_task_is_logged_and_trio_goes_on(
    host: TrioHost, caplog: pytest.LogCaptureFixture
) -> None:
    """It would end trio, and all other cells."""

    async def fail() -> None:
        raise ZeroDivisionError

    async def work() -> None:
        await trio.sleep(0)

    await ended(host.spawn(fail(), MainGuard(), contextvars.Context()))
    await ended(host.spawn(work(), MainGuard(), contextvars.Context()))
    assert "a cell goes wrong in the kernel" in caplog.text
    caplog.clear()


async def test_coroutines_of_a_lane_run_one_after_the_other_in_one_task(host: TrioHost) -> None:
    """A nursery that one of them opens is closed by another; then the lane may be forgotten."""
    tasks: list[Any] = []
    managers: list[Any] = []
    context = contextvars.Context()

    async def open_one() -> None:
        tasks.append(trio.lowlevel.current_task())
        managers.append(trio.open_nursery())
        await managers[0].__aenter__()

    async def close_it() -> None:
        tasks.append(trio.lowlevel.current_task())
        await managers[0].__aexit__(None, None, None)

    for it in (open_one, close_it):
        await ended(host.spawn(it(), MainGuard(), context, "a lane"))
    assert tasks[0] is tasks[1]
    host.forget("a lane")
    host.forget("a lane")
    await until(lambda: not host._open)


async def test_a_lane_outlives_the_cancellation_of_what_was_left_open(host: TrioHost) -> None:
    """What is cancelled there tells the next coroutine, and not what waits for it."""
    managers: list[Any] = []
    context = contextvars.Context()

    async def open_one() -> None:
        managers.append(trio.open_nursery())
        nursery = await managers[0].__aenter__()
        nursery.cancel_scope.cancel()

    async def close_it() -> None:
        await managers[0].__aexit__(None, None, None)

    first = host.spawn(open_one(), MainGuard(), context, "a lane")
    second = host.spawn(close_it(), MainGuard(), context, "a lane")
    await ended(first)
    await ended(second)


async def test_one_that_never_waits_is_stopped_at_a_checkpoint(host: TrioHost) -> None:
    """Where nothing that it was given is lost."""
    begun = trio.Event()
    guard = MainGuard()
    caught: list[BaseException] = []

    async def spin() -> None:
        begun.set()
        try:
            while True:
                await trio.sleep(0)
        except KeyboardInterrupt as error:
            caught.append(error)

    task = host.spawn(spin(), guard, contextvars.Context())
    await until(begun.is_set)
    guard.why = KeyboardInterrupt()
    task.cancel()
    await ended(task)
    assert caught == [guard.why]
    task.cancel()  # of one that has ended


async def test_trio_begins_anew_when_code_has_torn_it(
    host: TrioHost, caplog: pytest.LogCaptureFixture
) -> None:
    """What ran ends with an error, what comes meanwhile waits."""
    caught: list[BaseException] = []

    async def wait() -> None:
        try:
            with trio.CancelScope(shield=True):
                await trio.sleep(0)
            await trio.sleep_forever()
        except BaseException as error:
            caught.append(error)

    async def tear() -> None:
        trio.lowlevel.spawn_system_task(fail)

    async def fail() -> None:
        raise ZeroDivisionError

    async def work() -> None:
        await trio.sleep(0)

    first = host.spawn(wait(), MainGuard(), contextvars.Context())
    await ended(host.spawn(tear(), MainGuard(), contextvars.Context()))
    await ended(first)
    await ended(host.spawn(work(), MainGuard(), contextvars.Context()))
    await until(lambda: "and begins anew" in caplog.text)
    await ended(host.spawn(work(), MainGuard(), contextvars.Context()))
    assert len(caught) == 1
    caplog.clear()


async def test_what_trio_leaves_behind_ends_with_an_error() -> None:
    """Once it has died and runs nothing."""
    caught: list[BaseException] = []

    async def wait() -> None:
        try:
            await trio.sleep_forever()
        except TrioEndedError as error:
            caught.append(error)
            await trio.sleep(0)  # nobody does

    async def host_of() -> TrioHost:
        return TrioHost(asyncio.get_running_loop())

    host = await host_of()
    task = TrioTask(host, wait(), MainGuard(), contextvars.Context())
    place: Any = None
    steps = task.run(place)
    steps.send(None)
    task.end(TrioEndedError("torn"))
    assert task.done()
    assert len(caught) == 1
    steps.close()
    host.close()
    await until(lambda: host.is_over)


def test_no_stop_arises_amid_trios_own_code() -> None:
    """It waits there; in a `__del__` it arises, although trio would not let Ctrl-C."""
    guard = TrioGuard()
    guard.enter()
    guard.ask(KeyboardInterrupt())
    names: dict[str, Any] = {"__name__": "trio._core", "strike": guard.strike}
    exec("def within(): strike()", names)
    names["within"]()
    assert guard.is_pending
    names["__name__"] = "user"
    with pytest.raises(KeyboardInterrupt):
        names["within"]()


def test_without_trio_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trio is an extra."""
    monkeypatch.setitem(sys.modules, "trio", None)
    loop: Any = None
    with pytest.raises(MissingTrioError, match=r"pip install 'conkernelclient\[trio\]'"):
        TrioHost(loop)


@pytest.mark.parametrize(("module", "is_thrown"), [("trio._core", False), ("user", True)])
def test_nothing_is_thrown_into_trios_own_code_in_a_thread(module: str, is_thrown: bool) -> None:
    """It is pending there, and arrives in the code of the cell."""
    stays, leave = threading.Event(), threading.Event()
    names: dict[str, Any] = {"__name__": module}
    names |= {"stays": stays, "leave": leave.is_set}
    exec("def stay():\n stays.set()\n while not leave(): pass", names)
    made: list[TrioThreadGuard] = []

    def work() -> None:
        made.append(TrioThreadGuard())
        guard = made[0]
        before = guard.enter()
        try:
            names["stay"]()
        finally:
            guard.leave(before)

    thread = Stepping(work)
    assert stays.wait(BOUND)
    why = KeyboardInterrupt()
    made[0].ask(why)
    assert made[0].is_pending is not is_thrown
    leave.set()
    assert thread.joined() is (why if is_thrown else None)
