"""A kernel is ready when it answered, its iopub is heard, and it knows our stdin."""

from __future__ import annotations

import asyncio

from conkernelclient.testing import FakeKernel, Faults, Silence


async def test_a_first_question_is_asked_again_of_which_nothing_was_heard() -> None:
    """Its reply was swallowed, and its idle published before we were subscribed."""
    faults = Faults(drop=1.0, msg_types={"status"})
    with FakeKernel(faults=faults) as kernel:
        silences = [Silence()]
        kernel.on("kernel_info_request", lambda _: [silences.pop()] if silences else [])
        faults.cut(msg_types={"iopub_welcome"})
        kc = await kernel.client().start_channels()
        try:
            await asyncio.to_thread(kernel.wait_for, "kernel_info_request")
            faults.mend()
            await kc.wait_for_ready(10)
            asked = [one for one in kernel.requests if one["msg_type"] == "kernel_info_request"]
            assert len(asked) == 2
        finally:
            kc.stop_channels()
