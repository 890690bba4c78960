"""An action gives what came of it, once its handlers have seen all of that."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Any

import pytest

from conkernelclient import ConKernelManager
from conkernelclient.sidecar.actions.handlers import DebugHandler, Handler
from tests.sidecar.actions.sidecars import Shouts, ok, sidecar_of


async def test_a_cell_gives_its_result_and_its_handlers_see_every_message(
    km: ConKernelManager,
) -> None:
    """Busy, input, output, reply, idle; then that it is complete."""
    debug = DebugHandler()
    async with sidecar_of(km) as sidecar:
        action = sidecar.execute_request("print('a'); 6 * 7", handlers=[debug])
        assert action.status == "waiting"
        result = await action
        assert (result.status, result.stdout) == ("ok", "a\n")
        assert result.outputs[-1]["data"]["text/plain"] == "42"
        assert action.reply is not None
        assert action.reply["content"]["status"] == "ok"
    assert action.status == "done"
    assert debug.counts == {
        "status": 2,
        "execute_input": 1,
        "stream": 1,
        "execute_result": 1,
        "execute_reply": 1,
    }
    assert debug.is_complete
    assert await action is result


async def _waits(action: Any) -> Any:
    return await action


async def test_who_is_cancelled_while_he_waits_cancels_unless_another_waits(
    km: ConKernelManager,
) -> None:
    """Or the action was detached."""
    async with sidecar_of(km) as sidecar:
        for detached in (False, True):
            shouts = Shouts()
            action = sidecar.execute_request(
                "import time; print(flush=True); time.sleep(0.5)", handlers=[shouts]
            )
            if detached:
                action.detach()
            waiters = [asyncio.ensure_future(_waits(action)) for _ in range(2)]
            await shouts.heard.wait()
            for waiter in waiters:
                waiter.cancel()
                await asyncio.wait((waiter,))
            await action.until_ended()
            assert (action.error is None) is detached


async def test_one_slow_handler_delays_no_other_action(km: ConKernelManager) -> None:
    """A request beside it is answered, and its own cell's end waits for it."""
    release = asyncio.Event()

    async def slow(message: Any) -> None:
        await release.wait()

    async with sidecar_of(km) as sidecar:
        action = sidecar.execute_request("1", handlers=[slow])
        assert (await sidecar.execute_request("2")).text.rstrip() == "2"
        assert ok(await sidecar.complete_request("pri")).matches
        assert not action.done()
        release.set()
        assert (await action).text.rstrip() == "1"


async def test_a_handler_that_waits_for_its_own_action_is_told_so(
    km: ConKernelManager, caplog: pytest.LogCaptureFixture
) -> None:
    """It would wait for itself."""

    class Waits(Handler):
        async def handle_stream(self, message: Any) -> None:
            await action

    async with sidecar_of(km) as sidecar:
        action = sidecar.execute_request("print()", handlers=[Waits()])
        await action
    assert "waits for its own action" in str(action.failures[0].error)
    caplog.clear()


PLACE: ContextVar[str] = ContextVar("PLACE")


async def test_handlers_run_in_the_context_of_who_asked(km: ConKernelManager) -> None:
    """So what they print in a notebook is shown by the right cell; also of those that waited."""

    class Places(Handler):
        def unhandled_message(self, message: Any) -> None:
            seen.add(PLACE.get())

        async def action_complete(self, action: Any) -> None:
            seen.add(PLACE.get())

    seen: set[str] = set()
    async with sidecar_of(km) as sidecar:
        PLACE.set("first")
        first = sidecar.execute_request("1")
        PLACE.set("second")
        second = sidecar.execute_request("2", handlers=[Places()])
        third = sidecar.kernel_info_request(handlers=[Places()])
        PLACE.set("third")
        for action in (first, second, third):
            await action
    assert seen == {"second"}
