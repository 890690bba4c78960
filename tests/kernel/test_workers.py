"""A worker runs a cell in a loop of its own, outlives what it raises, and leaves nothing."""

from __future__ import annotations

import asyncio
import contextvars
import random
import threading
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient.kernel import workers as module
from conkernelclient.kernel.cells import CURRENT
from conkernelclient.kernel.stops import ThreadGuard
from conkernelclient.kernel.workers import KEPT, Worker, Workers
from tests.kernel.parts import BOUND, cell, until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from conkernelclient.kernel.cells import Cell

VALUE: contextvars.ContextVar[int] = contextvars.ContextVar("value", default=0)


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker("a worker")
    made.start()
    yield made
    made.end()
    made.join(BOUND)
    assert not made.is_alive()
    assert made.loop.is_closed()


class Ran:
    """A cell whose code is a function of a test, which is awaited if it has to be."""

    def __init__(self, code: Callable[[], Any]) -> None:
        self.cell = cell()
        self.code = code
        self.result: Any = None
        self.done = threading.Event()

    async def run(self, one: Cell) -> None:
        CURRENT.set(one)
        assert isinstance(one.guard, ThreadGuard)
        try:
            one.guard.enter()
            self.result = self.code()
            if asyncio.iscoroutine(self.result):
                self.result = await self.result
        except (KeyboardInterrupt, asyncio.CancelledError) as error:
            self.result = error
        finally:
            one.guard.leave(0)
            self.done.set()

    def on(self, worker: Worker, *, is_fresh: bool = True) -> Any:
        worker.begin(self.cell, self.run, is_fresh=is_fresh)
        assert self.done.wait(BOUND)
        return self.result


def test_a_cell_runs_in_the_thread_and_knows_it(worker: Worker) -> None:
    """It has a guard of that thread, its task, and its loop."""
    ran = Ran(lambda: (threading.current_thread(), asyncio.get_running_loop(), CURRENT.get()))
    assert ran.on(worker) == (worker, worker.loop, ran.cell)
    assert ran.cell.worker is worker
    assert ran.cell.task is not None
    assert ran.cell.guard is not None
    assert ran.cell.guard.thread == worker.ident


def test_variables_live_on_in_a_subshell_and_not_in_a_lent_thread(worker: Worker) -> None:
    """A lent thread's cell begins with none."""
    token = VALUE.set(7)
    Ran(lambda: VALUE.set(1)).on(worker, is_fresh=False)
    assert Ran(VALUE.get).on(worker, is_fresh=False) == 1
    assert Ran(VALUE.get).on(worker, is_fresh=True) == 0
    VALUE.reset(token)


def test_the_tasks_of_a_cell_are_its_own(worker: Worker) -> None:
    """And its own task is not one of the cell's whose end let it begin."""
    one = cell()
    token = CURRENT.set(one)

    async def code() -> int:
        children = [asyncio.ensure_future(asyncio.sleep(0)) for _ in range(3)]
        count = len(ran.cell.kept["children"])
        await asyncio.gather(*children)
        return count

    ran = Ran(code)
    assert ran.on(worker) == 3
    assert not one.kept
    CURRENT.reset(token)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_a_background_task_raises_does_not_end_the_thread(
    worker: Worker, error: type[BaseException]
) -> None:
    """Its loop goes on."""

    def fail() -> None:
        raise error

    Ran(lambda: asyncio.get_running_loop().call_soon(fail)).on(worker)
    assert Ran(lambda: 2).on(worker) == 2


def spin() -> None:
    while True:
        pass


async def wait() -> None:
    await asyncio.get_running_loop().create_future()


@pytest.mark.parametrize("code", [spin, wait])
def test_a_stop_reaches_code_that_runs_and_code_that_awaits(
    worker: Worker, code: Callable[[], Awaitable[None] | None]
) -> None:
    """The first by what is thrown, the second by its loop; the next cell is not hit."""
    ran = Ran(code)
    worker.begin(ran.cell, ran.run, is_fresh=True)
    until(lambda: ran.cell.guard is not None and ran.cell.guard.level)
    stop(worker, ran.cell)
    assert ran.done.wait(BOUND)
    assert isinstance(ran.result, KeyboardInterrupt | asyncio.CancelledError)
    assert Ran(lambda: sum(range(10_000))).on(worker) == sum(range(10_000))


def stop(worker: Worker, one: Cell) -> None:
    """Stop it as the kernel does."""
    guard, task = one.guard, one.task
    assert guard is not None
    assert task is not None

    def cancel() -> None:
        if not task.done() and guard.take():
            task.cancel()

    guard.ask(KeyboardInterrupt())
    worker.loop.call_soon_threadsafe(cancel)


def test_stops_at_any_moment_hit_their_cell_or_nobody(worker: Worker) -> None:
    """Two hundred cells that compute and await by turns; the thread serves all of them."""
    luck = random.Random(3)

    async def code() -> int:
        for _ in range(20):
            sum(range(500))
            await asyncio.sleep(0)
        return 1

    stopped = 0
    for _ in range(200):
        ran = Ran(code)
        worker.begin(ran.cell, ran.run, is_fresh=True)
        until(lambda one=ran.cell: one.task is not None)
        for _ in range(luck.randrange(3_000)):
            pass
        stop(worker, ran.cell)
        assert ran.done.wait(BOUND)
        stopped += ran.result != 1
    assert 0 < stopped <= 200
    assert Ran(lambda: 1).on(worker) == 1


def test_its_tasks_are_cancelled_at_its_end() -> None:
    """Those that cells left behind; and its loop is closed."""
    worker = Worker("a worker")
    worker.start()
    left: list[Any] = []
    Ran(lambda: left.append(asyncio.ensure_future(wait()))).on(worker)
    for _ in range(3):
        worker.end()
    worker.join(BOUND)
    assert left[0].cancelled()
    assert worker.loop.is_closed()


def test_threads_are_lent_and_a_few_are_kept() -> None:
    """Each to one at a time; none is left after `close`."""
    workers = Workers()
    lent = [workers.lend() for _ in range(KEPT + 2)]
    assert len({it.ident for it in lent}) == KEPT + 2
    for worker in lent:
        workers.take_back(worker)
    for worker in lent[KEPT:]:
        worker.join(BOUND)
        assert not worker.is_alive()
    again = workers.lend()
    assert again in lent[:KEPT]
    workers.take_back(again)
    workers.close()
    for worker in lent:
        worker.join(BOUND)
        assert not worker.is_alive()
    workers.close()


def test_a_thread_that_cannot_start_leaves_no_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is the caller's."""
    made: list[Worker] = []

    class Unable(Worker):
        def start(self) -> None:
            made.append(self)
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(module, "Worker", Unable)
    with pytest.raises(RuntimeError, match="can't start"):
        Workers().lend()
    assert made[0].loop.is_closed()
