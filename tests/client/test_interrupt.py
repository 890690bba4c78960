"""One ladder of interrupts for all who ask; it hits the run that it is for, and no other code."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import run_kernel
from conkernelclient.client import interrupt
from conkernelclient.client.interrupt import Ladder, interrupt_until_finished
from tests.clients import LONG, client_of, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from conkernelclient import ConKernelManager


class Cell:
    """An execution that the kernel is inside of, until the test ends it."""

    def __init__(self, *, is_inside: bool = True) -> None:
        self.msg_id = "m"
        self.is_interruptible = is_inside
        self.is_finished = False
        self.lacks_reply = False
        self.notes = 0
        self.sent = 0
        self._changes = asyncio.Condition()

    def catch_up(self) -> None:
        """Read nothing."""

    def note_interrupt(self) -> None:
        """Count it."""
        self.notes += 1

    async def changed(self, has_news: Callable[[], object]) -> None:
        """Wait until the test changes something."""
        async with self._changes:
            if not has_news():
                await self._changes.wait()

    async def change(self, **now: bool) -> None:
        """Let the kernel enter or leave the code."""
        async with self._changes:
            vars(self).update(now)
            self._changes.notify_all()

    async def send(self) -> None:
        """Be the interrupt."""
        self.sent += 1

    def ladder(self) -> Ladder:
        """Begin with interrupts."""
        return Ladder(self, self.send, asyncio.get_running_loop())


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the interrupts follow each other at once."""
    monkeypatch.setattr(interrupt, "PAUSES", (0.0, 0.0, 0.0))
    monkeypatch.setattr(interrupt, "PATIENCE", 0.0)


async def test_an_interrupt_waits_until_the_kernel_is_inside_the_code() -> None:
    """The kernel would drop it."""
    cell = Cell(is_inside=False)
    task = asyncio.ensure_future(interrupt_until_finished(cell, cell.send))
    await asyncio.sleep(0)
    await cell.change()
    await asyncio.sleep(0)
    assert cell.sent == 0
    await cell.change(is_interruptible=True)
    await until(lambda: cell.sent)
    await cell.change(is_interruptible=False, is_finished=True)
    assert await asyncio.wait_for(task, LONG)
    assert (cell.sent, cell.notes) == (1, 1)


@pytest.mark.usefixtures("soon")
async def test_a_cell_that_swallows_them_gets_four() -> None:
    """And whoever asked is told that it goes on."""
    cell = Cell()
    assert not await asyncio.wait_for(interrupt_until_finished(cell, cell.send), LONG)
    assert cell.sent == 4


@pytest.mark.usefixtures("soon")
async def test_nothing_is_sent_to_a_kernel_that_has_left_the_code() -> None:
    """It would hit what runs next; the reply that it may have cost is asked for by others."""
    cell = Cell(is_inside=False)
    cell.lacks_reply = True
    assert not await asyncio.wait_for(interrupt_until_finished(cell, cell.send), LONG)
    assert cell.sent == 0


async def test_all_who_climb_one_ladder_send_one_interrupt() -> None:
    """One who is cancelled takes none away from the others."""
    cell = Cell()
    ladder = cell.ladder()
    climbers = [asyncio.ensure_future(ladder.climb()) for _ in range(3)]
    await until(lambda: cell.sent)
    climbers.pop().cancel()
    await asyncio.sleep(0)
    assert not ladder.is_over
    await cell.change(is_interruptible=False, is_finished=True)
    assert await asyncio.wait_for(asyncio.gather(*climbers), LONG) == [True, True]
    assert (cell.sent, ladder.is_over) == (1, True)


async def test_the_last_climber_who_is_cancelled_calls_it_off() -> None:
    """Nobody can join from then on, although its task has not ended yet."""
    cell = Cell(is_inside=False)
    ladder = cell.ladder()
    climber = asyncio.ensure_future(ladder.climb())
    await asyncio.sleep(0)
    assert not ladder.is_over
    climber.cancel()
    await until(climber.done)
    assert ladder.is_over
    await cell.change(is_interruptible=True)
    await asyncio.sleep(0)
    assert cell.sent == 0


async def test_what_nobody_waits_for_goes_to_its_end() -> None:
    """Others come and go meanwhile."""
    cell = Cell(is_inside=False)
    ladder = cell.ladder()
    ladder.climb_unwatched()
    climber = asyncio.ensure_future(ladder.climb())
    await asyncio.sleep(0)
    climber.cancel()
    await until(climber.done)
    assert not ladder.is_over
    await cell.change(is_interruptible=True)
    await until(lambda: cell.sent)
    await cell.change(is_interruptible=False, is_finished=True)
    await until(lambda: ladder.is_over)


async def test_an_error_that_nobody_waits_for_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Such as a process that may not be signalled."""
    cell = Cell()

    async def send() -> None:
        raise PermissionError("not ours")

    ladder = Ladder(cell, send, asyncio.get_running_loop())
    ladder.climb_unwatched()
    await until(lambda: caplog.records)
    told = [(one.levelno, one.getMessage()) for one in caplog.records]
    assert told == [(logging.ERROR, "in run m: PermissionError('not ours')")]
    caplog.clear()


async def test_an_error_reaches_who_waits() -> None:
    """And is not logged besides."""
    cell = Cell()

    async def send() -> None:
        raise PermissionError("not ours")

    ladder = Ladder(cell, send, asyncio.get_running_loop())
    with pytest.raises(PermissionError, match="not ours"):
        await ladder.climb()


@pytest.mark.parametrize("held", ["iopub", "shell"])
async def test_a_run_that_the_kernel_has_left_is_not_interrupted(
    km: ConKernelManager, held: str
) -> None:
    """Reply or idle was in, and the interrupt hit the kernel in its own code, which may end it."""
    async with client_of(km) as kc:
        connection = kc._connection
        received, later, sent = connection.received, list[Any](), list[str]()

        def hold_the_last(channel: str, batch: list[list[bytes]]) -> None:
            for frames in batch:
                is_last = channel == "shell" or b'"idle"' in frames[-1]
                if channel == held and is_last:
                    later.append((channel, [frames]))
                else:
                    received(channel, [frames])

        async def interrupt(_msg_id: str) -> None:
            sent.append("interrupt")

        connection.received, connection.interrupt = hold_the_last, interrupt
        run = kc.run("1")
        await until(lambda: later and run._execution.request.phase.name in ("REPLIED", "IDLED"))
        interrupting = asyncio.ensure_future(run.interrupt())
        await asyncio.sleep(0)
        connection.received = received
        for channel, batch in later:
            received(channel, batch)
        assert await interrupting
        assert (await run).status == "ok"
        assert sent == []


@pytest.mark.parametrize("how", ["interrupt", "cancel"])
async def test_what_waits_in_a_kernel_that_is_told_which_request_is_meant_never_runs(
    how: str,
) -> None:
    """It was interrupted when its turn came, which behind endless code is never."""
    async with run_kernel("conkernel") as kc:
        endless = kc.run("import time\nwhile True: time.sleep(0.01)")
        waiting = kc.run("never = True")
        await until(lambda: endless.started)
        if how == "interrupt":
            assert await asyncio.wait_for(waiting.interrupt(), LONG)
            result = await waiting
            assert (result.status, result.interrupted) == ("error", True)
            assert result.error.ename == "KeyboardInterrupt"
        else:
            waiting.cancel()
            await until(lambda: waiting.is_finished)
        assert (waiting.outcome.started, waiting.outcome.still_running) == (False, False)
        assert not endless.done()
        assert kc.stats()["pending"] == 1
        assert await endless.interrupt()
        assert "never" not in await kc.variables()
