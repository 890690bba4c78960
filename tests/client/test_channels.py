"""A channel object closes for itself, and what waits for it is told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from conkernelclient import errors
from tests.clients import client_of

if TYPE_CHECKING:
    from conkernelclient import ConKernelManager


async def test_closing_iopub_alone_ends_what_waits_for_it(km: ConKernelManager) -> None:
    """Runs and records waited for ever; a reply comes all the same."""
    kc = await km.client().start_channels()
    run = kc.run("import time; time.sleep(0.2)")
    record = asyncio.ensure_future(kc.get_pubs(kc.execute("1")))
    reply = kc.kernel_info(reply=True)
    await asyncio.sleep(0)
    kc.iopub_channel.stop()
    outcomes = await asyncio.gather(run, record, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [errors.ChannelsClosedError] * 2
    assert (await reply)["msg_type"] == "kernel_info_reply"
    assert not kc.iopub_channel.is_alive()
    with pytest.raises(errors.ChannelsClosedError):
        kc.run("1")
    kc.stop_channels()


async def test_closing_control_alone_leaves_records_alone(km: ConKernelManager) -> None:
    """They belong to iopub."""
    async with client_of(km) as kc:
        record = asyncio.ensure_future(kc.get_pubs(kc.execute("1")))
        await asyncio.sleep(0)
        kc.control_channel.stop()
        assert (await record)[-1]["content"]["execution_state"] == "idle"
