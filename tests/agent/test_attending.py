"""A run ends: by itself, by an interrupt, or with its kernel."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import ConKernelManager, Run
from conkernelclient.agent.attending import Outcome, attend
from conkernelclient.errors import DeadKernelError
from tests.clients import client_of, opened, until, until_printed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

HANGS = "import time; time.sleep(100)"
SWALLOWS = (
    "import time\nwhile True:\n  try: time.sleep(100)\n  except KeyboardInterrupt: print('no')"
)


def never() -> asyncio.Future[None]:
    """A caller that does not give up."""
    return asyncio.get_running_loop().create_future()


@asynccontextmanager
async def attended(
    run: Run, timeout: float | None = None
) -> AsyncIterator[tuple[asyncio.Task[Outcome], asyncio.Future[None]]]:
    """The run, seen to, and what its caller gives it up by; it stops when its time is over."""
    stopped = never()
    yield (
        asyncio.create_task(attend(run, timeout, stopped, lambda: stopped.set_result(None))),
        stopped,
    )


async def test_a_run_that_ends_by_itself_gives_its_result(km: ConKernelManager) -> None:
    """Within its time and without."""
    async with client_of(km) as kc:
        for timeout in (None, 30.0):
            async with attended(kc.run("print(1)"), timeout) as (task, _):
                outcome = await task
                assert (outcome.result.text, outcome.error, outcome.is_stuck) == (
                    "1\n",
                    None,
                    False,
                )


@pytest.mark.parametrize("is_given_up", [True, False])
async def test_a_run_is_interrupted_when_its_time_is_over_or_it_is_given_up(
    km: ConKernelManager, is_given_up: bool
) -> None:
    """It ends with what it had shown."""
    async with client_of(km) as kc:
        run = kc.run(HANGS)
        async with attended(run, None if is_given_up else 0.2) as (task, stopped):
            await until(lambda: run.started)
            if is_given_up:
                stopped.set_result(None)
            outcome = await task
            assert outcome.result.error is not None
            assert outcome.result.error.ename == "KeyboardInterrupt"
            assert not outcome.is_stuck


async def test_a_run_whose_time_is_over_may_go_on(km: ConKernelManager) -> None:
    """Who is told decides."""
    async with client_of(km) as kc:
        told: list[bool] = []
        outcome = await attend(
            kc.run("import time; time.sleep(0.4); 5"), 0.1, never(), lambda: told.append(True)
        )
        assert (told, outcome.result.text) == ([True], "5\n")


async def test_a_run_that_nothing_stops_is_told_as_stuck(mortal: ConKernelManager) -> None:
    """Its kernel is to be ended."""
    kc = await opened(mortal.client())
    async with attended(kc.run(SWALLOWS), 0.2) as (task, _):
        outcome = await task
    assert outcome.is_stuck
    assert "no" in outcome.result.text
    await mortal.shutdown_kernel(now=True)
    kc.stop_channels()


async def test_code_that_sees_an_interrupt_late_is_not_stuck(mortal: ConKernelManager) -> None:
    """As code in C does: it costs no variables."""
    async with client_of(mortal) as kc:
        code = (
            "import signal, time; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])\n"
            "time.sleep(3.5); signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])\n"
            "time.sleep(100)"
        )
        async with attended(kc.run(code), 0.2) as (task, _):
            outcome = await task
            assert not outcome.is_stuck
            assert outcome.result.error is not None
            assert outcome.result.error.ename == "KeyboardInterrupt"


async def test_a_run_whose_kernel_ends_gives_what_had_come_and_the_error(
    mortal: ConKernelManager, tmp_path: Path
) -> None:
    """Both."""
    kc = await opened(mortal.client())
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    run = kc.run(f"import os; print('one', flush=True)\nopen({str(gate)!r}).close(); os._exit(2)")
    attending = asyncio.create_task(attend(run, None, never(), lambda: None))
    await until_printed(run)
    gate.open("w").close()
    outcome = await attending
    assert isinstance(outcome.error, DeadKernelError)
    assert (outcome.error.exit_code, outcome.result.text) == (2, "one\n")
    kc.stop_channels()


async def test_a_run_that_is_given_up_before_it_was_sent_has_a_result(
    km: ConKernelManager,
) -> None:
    """It was behind another one."""
    async with client_of(km) as kc:
        first: Any = kc.run(HANGS)
        await until(lambda: first.started)
        async with attended(kc.run("1")) as (task, stopped):
            stopped.set_result(None)
            outcome = await task
            assert (outcome.result.status, outcome.result.started) == ("cancelled", False)
        await first.interrupt()


async def test_cancelling_cancels_the_run(km: ConKernelManager) -> None:
    """As awaiting it would."""
    async with client_of(km) as kc:
        run = kc.run(HANGS)
        async with attended(run) as (task, _):
            await until(lambda: run.started)
            task.cancel()
            await asyncio.wait((task,))
            assert task.cancelled()
        assert run.cancelled()
        await until(lambda: run.is_finished)
