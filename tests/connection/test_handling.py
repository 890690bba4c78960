"""One thing after the other, and whoever waits for the handler learns when it is done."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING

import pytest

from conkernelclient.connection.handling import Handling
from tests.clients import LONG, until

if TYPE_CHECKING:
    from collections.abc import Iterator


class Numbers(Handling[int]):
    """Handles numbers."""

    def put(self, number: int) -> None:
        """Take one more."""
        self._queue.append(number)
        self._go_on()

    def close(self) -> None:
        """Handle none of those that wait."""
        self._close()


class Gated:
    """A handler that is amid each number until the gate lets one go on."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.done: list[int] = []
        self.gate = asyncio.Semaphore(0)

    async def __call__(self, number: int) -> None:
        """Handle one."""
        self.seen.append(number)
        await self.gate.acquire()
        self.done.append(number)


@pytest.fixture
def loops() -> Iterator[list[asyncio.AbstractEventLoop]]:
    """Two loops, which take turns."""
    made = [asyncio.new_event_loop(), asyncio.new_event_loop()]
    yield made
    for loop in made:
        loop.close()


async def test_it_waits_for_what_had_come_and_not_for_what_comes() -> None:
    """What comes meanwhile is somebody else's."""
    gated = Gated()
    numbers = Numbers(gated)
    await asyncio.wait_for(numbers.until_handled(), LONG)  # nothing is open
    numbers.put(1)
    numbers.put(2)
    waiting = [asyncio.ensure_future(numbers.until_handled()) for _ in range(2)]
    await until(lambda: gated.seen)
    numbers.put(3)
    later = asyncio.ensure_future(numbers.until_handled())
    await asyncio.sleep(0)
    assert not any(one.done() for one in waiting)
    gated.gate.release()
    await until(lambda: gated.seen == [1, 2])
    assert not any(one.done() for one in waiting)
    gated.gate.release()
    await asyncio.wait_for(asyncio.gather(*waiting), LONG)
    assert (gated.done, later.done()) == ([1, 2], False)
    gated.gate.release()
    await asyncio.wait_for(later, LONG)
    assert gated.done == [1, 2, 3]
    assert not numbers._waiting.waiters


async def test_closing_lets_those_go_who_wait() -> None:
    """Also while the handler is at the first."""
    gated = Gated()
    numbers = Numbers(gated)
    numbers.put(1)
    numbers.put(2)
    await until(lambda: gated.seen)
    waiting = asyncio.ensure_future(numbers.until_handled())
    await asyncio.sleep(0)
    numbers.close()
    await asyncio.wait_for(waiting, LONG)
    await asyncio.wait_for(numbers.until_handled(), LONG)
    gated.gate.release()
    await until(lambda: gated.done)
    assert gated.seen == [1]


async def test_an_error_and_a_cancel_in_the_handler_cost_one_thing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The next one comes, and nobody waits for ever."""
    seen: list[int] = []

    async def handle(number: int) -> None:
        seen.append(number)
        await asyncio.sleep(0)
        if number == 1:
            raise ValueError("no")
        if number == 2:
            raise asyncio.CancelledError

    numbers = Numbers(handle)
    for number in range(4):
        numbers.put(number)
    await asyncio.wait_for(numbers.until_handled(), LONG)
    assert seen == [0, 1, 2, 3]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    caplog.clear()


async def test_a_wait_that_is_cancelled_harms_nobody() -> None:
    """The handler goes on, and so do those that wait with it."""
    gated = Gated()
    numbers = Numbers(gated)
    numbers.put(1)
    first, second = (asyncio.ensure_future(numbers.until_handled()) for _ in range(2))
    await until(lambda: gated.seen)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert not second.done()
    gated.gate.release()
    await asyncio.wait_for(second, LONG)
    assert gated.done == [1]


async def test_a_handler_that_waits_for_itself_is_told() -> None:
    """It would wait for ever."""
    told: list[str] = []

    async def handle(_number: int) -> None:
        with pytest.raises(RuntimeError) as caught:
            await numbers.until_handled()
        told.append(str(caught.value))

    numbers = Numbers(handle)
    numbers.put(1)
    await asyncio.wait_for(numbers.until_handled(), LONG)
    assert told == ["a handler cannot wait until it has handled what it is called with"]


async def test_a_task_that_begins_at_once_handles_as_well() -> None:
    """As an eager task factory lets it, before its maker knows it."""
    seen: list[int] = []
    loop = asyncio.get_running_loop()
    eager = getattr(asyncio, "eager_task_factory", None)
    loop.set_task_factory(eager)  # Python 3.11 has none
    try:
        numbers = Numbers(seen.append)
        for number in range(3):
            numbers.put(number)
        await asyncio.wait_for(numbers.until_handled(), LONG)
    finally:
        loop.set_task_factory(None)
    assert seen == [0, 1, 2]


def test_what_waits_in_a_loop_at_rest_is_handled_in_the_one_that_runs(
    loops: list[asyncio.AbstractEventLoop],
) -> None:
    """Nobody need put more."""
    seen: list[int] = []
    numbers = Numbers(seen.append)

    loops[0].call_soon(numbers.put, 1)
    loops[0].call_soon(loops[0].stop)  # right behind that, before the handler's task begins
    loops[0].run_forever()
    assert seen == []
    loops[1].run_until_complete(asyncio.wait_for(numbers.until_handled(), LONG))
    assert seen == [1]
    loops[0].run_until_complete(asyncio.sleep(0))  # what was begun there takes nothing more
    assert seen == [1]


@pytest.mark.parametrize("closed_first", [True, False])
def test_what_a_closed_loop_has_in_hand_is_not_waited_for(
    loops: list[asyncio.AbstractEventLoop], closed_first: bool
) -> None:
    """Also if it is closed meanwhile; what waited behind it is handled."""
    seen: list[int] = []

    async def handle(number: int) -> None:
        seen.append(number)
        if number == 1:
            await asyncio.get_running_loop().create_future()

    numbers = Numbers(handle)

    async def begin() -> None:
        numbers.put(1)
        numbers.put(2)
        await until(lambda: seen)

    async def wait() -> None:
        waiting = asyncio.ensure_future(numbers.until_handled())
        await asyncio.sleep(0)
        if not closed_first:
            assert seen == [1]
            loops[0].close()
        await asyncio.wait_for(waiting, LONG)

    loops[0].run_until_complete(begin())
    if closed_first:
        loops[0].close()
    loops[1].run_until_complete(wait())
    assert seen == [1, 2]


def test_it_is_waited_for_in_another_thread(loops: list[asyncio.AbstractEventLoop]) -> None:
    """The handler stays in the loop that runs there, and is never in two at once."""
    threads: set[int] = set()
    ready, done = threading.Event(), threading.Event()

    async def handle(_number: int) -> None:
        threads.add(threading.get_ident())
        ready.set()
        await asyncio.to_thread(done.wait, LONG)

    numbers = Numbers(handle)

    async def work() -> None:
        numbers.put(1)
        numbers.put(2)
        await numbers.until_handled()

    worker = threading.Thread(target=loops[0].run_until_complete, args=(work(),))
    worker.start()
    assert ready.wait(LONG)

    async def wait() -> None:
        waiting = asyncio.ensure_future(numbers.until_handled())
        await asyncio.sleep(0)
        assert not waiting.done()
        done.set()
        await asyncio.wait_for(waiting, LONG)

    loops[1].run_until_complete(wait())
    worker.join(LONG)
    assert threads == {worker.ident}
