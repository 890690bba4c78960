"""A cell is sent as a run of the client, with what its caller wants."""

from __future__ import annotations

import pytest

from conkernelclient import ConKernelManager
from conkernelclient.errors import (
    ReplyTimeout,
)
from conkernelclient.sidecar import models
from conkernelclient.sidecar.actions.handlers import Handler
from tests.sidecar.actions.sidecars import SLEEP, Shouts, error_of, sidecar_of


async def test_a_timeout_interrupts_and_gives_what_was_printed(km: ConKernelManager) -> None:
    """Of a request that is no cell it is an error."""
    async with sidecar_of(km) as sidecar:
        result = await sidecar.execute_request(SLEEP, timeout=0.2)
        assert (result.status, result.stdout) == ("timeout", "on\n")
        shouts = Shouts()
        busy = sidecar.execute_request(SLEEP, handlers=[shouts])
        await shouts.heard.wait()
        with pytest.raises(ReplyTimeout):
            await sidecar.complete_request("pri", timeout=0.1)
        with pytest.raises(ReplyTimeout):
            await sidecar.comm_msg_request("nowhere", timeout=0.1)
        await sidecar.interrupt()
        assert (await busy).status == "error"


async def test_input_is_answered_by_a_handler_or_by_the_caller(km: ConKernelManager) -> None:
    """Without either, the code cannot ask."""

    class Answers(Handler):
        def handle_input_request(self, message: models.InputRequest) -> None:
            sidecar.send_stdin(message.content.prompt + "!")

    async with sidecar_of(km) as sidecar:
        asked = await sidecar.execute_request("input('a')", handlers=[Answers()])
        assert asked.text.rstrip() == "'a!'"
        given = await sidecar.execute_request("input('b')", on_stdin=lambda one: one.prompt * 2)
        assert given.text.rstrip() == "'bb'"
        refused = await sidecar.execute_request("input('c')")
        assert error_of(refused).ename == "StdinNotImplementedError"
