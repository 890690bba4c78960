"""Whoever waits is woken by what came before he waited, and in his own loop."""

from __future__ import annotations

import asyncio
import gc
import threading

import pytest

from conkernelclient.connection import threads
from conkernelclient.connection.waiting import Parking, Tasks
from tests.clients import LONG, until


def not_yet() -> bool:
    return False


async def test_one_is_woken_the_one_that_came_first() -> None:
    parking = Parking()
    woken: list[int] = []

    async def wait(number: int) -> None:
        await parking.park(not_yet)
        woken.append(number)

    tasks = [asyncio.create_task(wait(number)) for number in range(3)]
    await until(lambda: len(parking.waiters) == 3)
    parking.wake_one()
    await until(lambda: woken)
    await asyncio.sleep(0)
    assert woken == [0]
    parking.wake_all()
    await asyncio.gather(*tasks)
    assert sorted(woken) == [0, 1, 2]
    assert not parking.waiters


async def test_what_is_so_already_is_not_waited_for() -> None:
    """Each look comes after the registration: news between the two wake."""
    parking = Parking()
    seen: list[int] = []

    def is_so() -> bool:
        seen.append(len(parking.waiters))
        return True

    await asyncio.wait_for(parking.park(is_so), LONG)
    await asyncio.wait_for(parking.until(is_so), LONG)
    assert seen == [1, 1]


async def test_until_looks_again_after_each_news() -> None:
    parking = Parking()
    news: list[int] = []
    waiting = asyncio.create_task(parking.until(lambda: len(news) == 2))
    await until(lambda: parking.waiters)
    for number in range(2):
        assert not waiting.done()
        news.append(number)
        parking.wake_all()
        await asyncio.sleep(0)
    await asyncio.wait_for(waiting, LONG)


async def test_those_who_are_cancelled_are_gone_and_those_who_fail_say_why() -> None:
    parking = Parking()
    cancelled = asyncio.create_task(parking.park(not_yet))
    failing = asyncio.create_task(parking.park(not_yet))
    await until(lambda: len(parking.waiters) == 2)
    cancelled.cancel()
    await until(cancelled.done)
    assert len(parking.waiters) == 1
    parking.fail_all(lambda: ValueError("why"))
    with pytest.raises(ValueError, match="why"):
        await failing


async def test_a_waiter_of_another_loop_is_woken_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one whose loop is at rest now: with it the next one that can look."""
    monkeypatch.setattr(threads._Known, "are_several", True)
    parking = Parking()
    woken_in: list[int] = []

    async def wait() -> None:
        await parking.park(not_yet)
        woken_in.append(threading.get_ident())

    thread = threading.Thread(target=lambda: asyncio.run(wait()))
    thread.start()
    await until(lambda: parking.waiters)
    resting = asyncio.new_event_loop()
    task = resting.create_task(wait())
    await asyncio.to_thread(resting.run_until_complete, asyncio.sleep(0))
    here = asyncio.create_task(wait())
    await until(lambda: len(parking.waiters) == 3)
    parking.wake_one()  # the thread's
    await asyncio.to_thread(thread.join, LONG)
    assert len(woken_in) == 1
    parking.wake_one()  # the resting one, which cannot look, and ours
    await asyncio.wait_for(here, LONG)
    await asyncio.to_thread(resting.run_until_complete, task)
    assert len(woken_in) == 3
    resting.close()


async def test_closed_loops_are_forgotten() -> None:
    parking = Parking()
    closed = asyncio.new_event_loop()

    async def enter() -> None:
        parking.add()

    await asyncio.to_thread(closed.run_until_complete, enter())
    closed.close()
    kept = parking.add()
    parking.wake_one()  # passes it over
    assert kept.done()
    parking.waiters[kept] = None
    parking.forget_closed()
    assert list(parking.waiters) == [kept]


async def test_tasks_are_kept_to_their_end_and_what_fails_is_said() -> None:
    errors: list[BaseException] = []
    tasks = Tasks(errors.append)
    gate = asyncio.Event()

    async def work(*, fails: bool = False) -> str:
        await gate.wait()
        if fails:
            raise ValueError("no")
        return "done"

    good = tasks.spawn(work())
    tasks.spawn(work(fails=True), asyncio.get_running_loop())
    cancelled = tasks.spawn(work())
    gc.collect()
    assert len(tasks.all) == 3
    cancelled.cancel()
    gate.set()
    assert await good == "done"
    await until(lambda: not tasks.all)
    assert [str(error) for error in errors] == ["no"]
