"""Cells take turns; what waits can be taken out, and an error aborts it."""

from __future__ import annotations

import asyncio

import pytest

from conkernelclient import ConKernelManager
from tests.sidecar.actions.sidecars import SLEEP, Shouts, error_of, sidecar_of


async def test_cells_take_turns_and_an_error_aborts_those_behind_it(km: ConKernelManager) -> None:
    """The aborted ones were never sent; what is asked for afterwards runs."""
    async with sidecar_of(km) as sidecar:
        first = sidecar.execute_request("order = [1]")
        second = sidecar.execute_request("order.append(2); order.nothing")
        behind = sidecar.execute_request("order.append(3)")
        assert (await first).status == "ok"
        assert error_of(await second).ename == "AttributeError"
        aborted = await behind
        assert (aborted.status, aborted.started, behind.is_sent) == ("aborted", False, False)
        assert "AttributeError" in str(aborted.aborted_by)
        tolerant = sidecar.execute_request("1 / 0", stop_on_error=False)
        after = sidecar.execute_request("order")
        assert (await tolerant).status == "error"
        assert (await after).text.rstrip() == "[1, 2]"


async def test_what_was_not_sent_can_be_taken_out_and_what_runs_is_interrupted(
    km: ConKernelManager,
) -> None:
    """A cancel is no error: what is behind it runs."""
    async with sidecar_of(km) as sidecar:
        shouts = Shouts()
        running = sidecar.execute_request(SLEEP, handlers=[shouts])
        queued = sidecar.execute_request("never = 1")
        last = sidecar.execute_request("'never' in globals()")
        await shouts.heard.wait()
        assert sidecar.running_action is running
        assert [one.status for one in sidecar.actions] == ["running", "waiting", "waiting"]
        assert queued.cancel()
        assert not queued.cancel()
        assert running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await queued
        with pytest.raises(asyncio.CancelledError):
            await running
        assert running.outcome is not None
        assert running.outcome.stdout == "on\n"
        assert (await last).text.rstrip() == "False"


async def test_an_interrupt_aborts_what_is_queued(km: ConKernelManager) -> None:
    """As an error of the code does."""
    async with sidecar_of(km) as sidecar:
        shouts = Shouts()
        running = sidecar.execute_request(SLEEP, handlers=[shouts])
        queued = sidecar.execute_request("1")
        await shouts.heard.wait()
        await sidecar.interrupt()
        assert error_of(await running).ename == "KeyboardInterrupt"
        assert (await queued).status == "aborted"
        await sidecar.interrupt()  # nothing runs
