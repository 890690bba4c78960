"""Each request of the protocol, and any other one, gives what it is to give."""

from __future__ import annotations

import pytest

from conkernelclient import ConKernelManager
from conkernelclient.errors import (
    ProtocolError,
    ReplyTimeout,
)
from conkernelclient.sidecar import models
from conkernelclient.sidecar.actions.handlers import DebugHandler
from tests.sidecar.actions.sidecars import ok, sidecar_of


async def test_each_request_gives_the_model_of_its_reply(km: ConKernelManager) -> None:
    """When idle and the reply are both in; for comms, idle alone."""
    async with sidecar_of(km) as sidecar:
        debug = DebugHandler()
        info = await sidecar.kernel_info_request(handlers=[debug])
        assert isinstance(info, models.KernelInfoReply)
        assert debug.counts == {"status": 2, "kernel_info_reply": 1}
        complete = await sidecar.complete_request("pri")
        assert "print" in ok(complete).matches
        inspected = await sidecar.inspect_request("print")
        assert ok(inspected).found
        whole = await sidecar.is_complete_request("for x in y:")
        assert whole.content.status == "incomplete"
        await sidecar.execute_request("'remember me'")
        history = await sidecar.history_request("tail", n=1)
        assert ok(history).history[0][2] == "'remember me'"
        assert ok(await sidecar.comm_info_request()).comms == {}
        debugging = await sidecar.debug_request("debugInfo")
        assert debugging.content.model_dump()["success"]
        of_comm = DebugHandler()
        opened = sidecar.comm_open_request("nowhere", handlers=[of_comm])
        assert await opened is None
        assert of_comm.counts["comm_close"] == 1


async def test_requests_of_ones_own_are_sent(km: ConKernelManager) -> None:
    """An unknown reply type is found by the request's name; ids are refused twice."""
    async with sidecar_of(km) as sidecar:
        request = models.ExecuteRequest.make(code="5 + 5")
        action = sidecar.send(request)
        with pytest.raises(ProtocolError, match="is under way"):
            sidecar.send(request)
        assert (await action).text.rstrip() == "10"
        with models.register("is_complete_request_of_ones_own", "is_complete_reply") as own:
            waiting = sidecar.send(own.request.make(), timeout=0.3)
            with pytest.raises(ReplyTimeout):
                await waiting  # the kernel knows none
