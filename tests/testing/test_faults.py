"""Faults hit what their seed says, keep what they promise, and can be mended."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import pytest

from conkernelclient import errors
from conkernelclient.testing import FakeKernel, Faults, echo
from conkernelclient.testing.route import Fate, Route
from tests.clients import LONG, opened

FROM_SHELL = ("shell", False)
FROM_IOPUB = ("iopub", False)


def test_what_is_not_selected_is_not_hit() -> None:
    """By channel, by type, and by direction."""
    got: list[str] = []

    def put(line: Route, way: Any, msg_type: str, name: str) -> None:
        line.put(way, msg_type, "r", lambda: got.append(name))

    line = Faults(drop=1, channels=["iopub"], msg_types=["stream"]).line()
    put(line, FROM_IOPUB, "stream", "dropped")
    put(line, FROM_IOPUB, "status", "other type")
    put(line, FROM_SHELL, "stream", "other channel")
    put(line, ("iopub", True), "stream", "outgoing")
    assert got == ["other type", "other channel", "outgoing"]
    put(Faults(drop=1, outgoing=True).line(), ("shell", True), "execute_request", "dropped")
    assert len(got) == 3


def test_impossible_faults_are_refused() -> None:
    """A probability is one."""
    with pytest.raises(ValueError, match=r"drop=1\.5"):
        Faults(drop=1.5)
    assert "seed=7" in repr(Faults(7))
    assert Faults(drop=0.5).fate(Random(1)) in (Fate(0), Fate(1))


async def test_a_faulty_kernel_s_messages_reach_their_requests() -> None:
    """Late, doubled and overtaken: each answer carries its request's mark; doubles are rejected."""
    faults = Faults(5, delay=0.005, duplicate=0.2, reorder=0.2)
    with FakeKernel(echo, faults=faults) as kernel:
        kc = await kernel.client(window=None).start_channels()
        try:
            async with asyncio.timeout(LONG):
                results = await asyncio.gather(*(kc.run(f"mark {n}") for n in range(100)))
            assert [result.stdout for result in results] == [f"mark {n}" for n in range(100)]
            assert {result.status for result in results} == {"ok"}
            stats = kc.stats()
            assert stats["rejected"] > 50
            assert stats["pending"] == 0
        finally:
            kc.stop_channels()


async def test_a_reply_that_is_dropped_times_out_and_the_next_does_not() -> None:
    """Selected by its type, so that everything else works."""
    faults = Faults(drop=1, channels=["shell"], msg_types=["execute_reply"])
    with FakeKernel(faults=faults) as kernel:
        kc = await kernel.client().start_channels()
        try:
            with pytest.raises(errors.ReplyTimeout):
                await kc.execute("x", reply=True, timeout=0.01)
            assert (await kc.kernel_info(reply=True))["content"]["status"] == "ok"
        finally:
            kc.stop_channels()


async def test_a_kernel_that_is_cut_off_answers_when_it_is_mended() -> None:
    """`cut` and `mend` work from the test's thread while the kernel works in its own."""
    faults = Faults()
    with FakeKernel(echo, faults=faults) as kernel:
        kc = await opened(kernel.client())
        try:
            faults.cut()
            runs = [kc.run(f"{n}") for n in range(3)]
            await asyncio.to_thread(kernel.wait_for, "execute_request")
            assert not any(run.done() for run in runs)
            faults.mend()
            async with asyncio.timeout(LONG):
                assert [(await run).stdout for run in runs] == ["0", "1", "2"]
        finally:
            kc.stop_channels()
