"""What waits for its place ends as any request does, whatever becomes of it."""

from __future__ import annotations

import asyncio

import pytest

from conkernelclient import errors
from conkernelclient.testing import FakeKernel, Hold
from tests.clients import opened, until


async def test_what_cannot_be_sent_fails_for_its_caller_and_its_place_is_another_s() -> None:
    """A run and an `execute` alike."""
    async with FakeKernel(in_memory=True) as kernel:
        kc = await opened(kernel.client())
        torn = {"no JSON": object()}
        for bad in (
            kc.run("1", mode="task", metadata=torn),
            kc.execute("1", reply=True, mode="task", metadata=torn),
        ):
            with pytest.raises(ValueError, match="JSON"):
                await bad
        assert (await kc.run("1", mode="task")).status == "ok"
        await until(lambda: not kc.stats()["pending"])
        assert len(await kc.list_subshell()) <= 2
        kc.stop_channels()


async def test_a_client_of_a_busy_kernel_learns_on_control_what_it_has() -> None:
    """On shell it would learn that when the other client's cell has ended."""
    async with FakeKernel(in_memory=True) as kernel:
        kernel.on_code("held", [Hold()])
        other = await opened(kernel.client())
        busy = other.run("held")
        await until(lambda: busy.started)
        kc = await kernel.client().start_channels()
        runs = [kc.run("1", mode="task"), kc.run("1", mode="task")]
        results = await asyncio.gather(*runs)
        assert [result.status for result in results] == ["ok", "ok"]
        assert {run.mode for run in runs} == {"subshell"}
        kc.stop_channels()
        other.stop_channels()


async def test_what_waits_for_a_place_in_a_kernel_that_restarts_has_one_in_the_next() -> None:
    """It was never sent."""
    async with FakeKernel(in_memory=True) as kernel:
        kernel.on("create_subshell_request", [Hold()])
        kc = await opened(kernel.client())
        run = kc.run("1", mode="task")
        reply = kc.execute("1", reply=True, mode="task")
        await asyncio.to_thread(kernel.wait_for, "create_subshell_request")
        kernel.features = ()
        kernel.restart()
        assert ((await run).status, run.mode) == ("ok", "queue")
        assert (await reply)["content"]["status"] == "ok"
        kc.stop_channels()


async def test_a_client_that_is_stopped_ends_what_waits_for_a_place() -> None:
    """As everything else."""
    async with FakeKernel(in_memory=True) as kernel:
        kernel.on("create_subshell_request", [Hold()])
        kc = await opened(kernel.client())
        run = kc.run("1", mode="task")
        reply = kc.execute("1", reply=True, mode="task")
        late = kc.run("1", after=[run])
        kc.stop_channels()
        for one in (run, reply, late):
            with pytest.raises(errors.ChannelsClosedError):
                await one
        assert kc.stats()["pending"] == 0


async def test_a_request_that_its_caller_gave_up_holds_its_place_until_the_kernel_replies() -> None:
    """It is at it still."""
    async with FakeKernel(in_memory=True) as kernel:
        kernel.on_code("held", [Hold()])
        kc = await opened(kernel.client())
        with pytest.raises(errors.ReplyTimeout):
            await kc.execute("held", reply=True, mode="task", timeout=0.05)
        quiet = kc.execute("1", mode="task")
        assert (await kc.get_shell_msg(timeout=10))["parent_header"]["msg_id"] == quiet
        sent = [it for it in kernel.requests if it["msg_type"] == "execute_request"]
        ids = {it["header"].get("subshell_id") for it in sent}
        assert len(ids - {None}) == 2
        kc.stop_channels()
