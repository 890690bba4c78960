"""What an odd kernel sends, or a connection file holds, costs itself and is told by its name."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import ConKernelClient, errors
from conkernelclient.testing import FakeKernel, Hold, Publish, Reply, Say

from .clients import LONG, until

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("state", [["busy"], {"a": 1}, None, 5, True])
async def test_a_state_that_is_no_string_costs_one_message(state: Any) -> None:
    """A list raised TypeError out of the router."""
    with FakeKernel() as kernel:
        kernel.on_code("odd", [Publish("status", {"execution_state": state}), Say("x")])
        kc = await kernel.client().start_channels()
        try:
            before = kc.stats()["violations"]
            result = await asyncio.wait_for(kc.run("odd"), LONG)
            assert (result.status, result.stdout) == ("ok", "x")
            assert kc.stats()["violations"] == before + 1
        finally:
            kc.stop_channels()


@pytest.mark.parametrize("version", [5, 5.3, None, ["5"], "", "five", "x.3", True])
async def test_a_version_that_cannot_be_read_is_taken_for_5_0(
    version: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """It raised AttributeError out of the start; it is told once."""
    with FakeKernel() as kernel:
        kernel.on("kernel_info_request", [Reply({"protocol_version": version})])
        kc = kernel.client()
        try:
            await asyncio.wait_for(kc.start_channels(), LONG)
            await kc.wait_for_ready(LONG)
            assert (await kc.run("1")).status == "ok"
            told = [one for one in caplog.records if "protocol version" in one.message]
            assert len(told) == 1
        finally:
            kc.stop_channels()


@pytest.mark.parametrize("status", ["abort", "aborted"])
async def test_a_cell_that_was_begun_and_answered_as_aborted_did_run(status: str) -> None:
    """bash_kernel answers an interrupted cell so; it was told as not run."""
    with FakeKernel() as kernel:
        kernel.on_code("begun", [Say("x"), Reply({"status": status})])
        kc = await kernel.client().start_channels()
        try:
            result = await asyncio.wait_for(kc.run("begun"), LONG)
            assert (result.status, result.stdout, result.aborted_by) == ("error", "x", None)
            assert result.error is not None
            assert result.error.ename == "Aborted"
        finally:
            kc.stop_channels()


@pytest.mark.parametrize(
    ("entry", "named"),
    [
        ({"key": 5}, "key"),
        ({"signature_scheme": "hmac-nothing"}, "signature_scheme"),
        ({"signature_scheme": "rot13"}, "signature_scheme"),
        ({"signature_scheme": 5}, "signature_scheme"),
        ({"ip": "no address!"}, "ip"),
        ({"ip": 5}, "ip"),
        ({"transport": "smoke"}, "transport"),
        ({"shell_port": True}, "shell_port"),
        ({"iopub_port": "5"}, "iopub_port"),
        ({"hb_port": 65_536}, "hb_port"),
        ({"stdin_port": -1}, "stdin_port"),
    ],
)
def test_a_wrong_connection_file_is_told_and_changes_nothing(
    tmp_path: Path, entry: dict[str, Any], named: str
) -> None:
    """They were AttributeError and TraitError, or found out when a socket was connected."""
    path = tmp_path / "kernel.json"
    with FakeKernel() as kernel:
        path.write_text(json.dumps(kernel.connection_info | entry))
    kc = ConKernelClient()
    before = kc.get_connection_info(session=False)
    with pytest.raises(errors.ProtocolError, match=named):
        kc.load_connection_file(str(path))
    assert kc.get_connection_info(session=False) == before


async def test_whoever_interrupts_one_run_joins_one_ladder() -> None:
    """Three callers and a cancel sent a signal each, at once."""
    with FakeKernel() as kernel:
        release = threading.Event()
        kernel.on_code("deaf", [Hold(release)])
        kernel.on("interrupt_request", [])  # answered, and interrupts nothing
        kc = await kernel.client().start_channels()
        try:
            run = kc.run("deaf")
            await until(lambda: run.is_interruptible)
            callers = [asyncio.ensure_future(run.interrupt()) for _ in range(3)]
            await until(lambda: run._climbers == 3)
            run.cancel()
            await until(lambda: run._climbers == 4)
            await asyncio.to_thread(kernel.wait_for, "interrupt_request")
            assert len([r for r in kernel.requests if r["msg_type"] == "interrupt_request"]) == 1
            release.set()
            assert await asyncio.wait_for(asyncio.gather(*callers), LONG) == [True] * 3
        finally:
            kc.stop_channels()


async def test_a_run_whose_timeout_settles_is_still_running() -> None:
    """Its outcome said "timeout", and not that the kernel was at it."""
    with FakeKernel() as kernel:
        kernel.on_code("held", [Hold()])
        kernel.on("interrupt_request", [])
        kc = await kernel.client().start_channels()
        try:
            run = kc.run("held", timeout=0.01)
            await until(lambda: run.outcome.status == "timeout")
            assert not run.done()
            assert run.outcome.still_running
        finally:
            kc.stop_channels()
            await asyncio.gather(run, return_exceptions=True)
