"""What an odd kernel sends, or a connection file holds, costs itself and is told by its name."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import ConKernelClient, errors
from conkernelclient.state import overdue
from conkernelclient.state.router import Phase
from conkernelclient.testing import FakeKernel, Hold, Publish, Reply, Say, Silence
from tests.clients import LONG, client_of, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conkernelclient import ConKernelManager


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
            await until(lambda: getattr(run._execution._ladder, "_climbers", 0) == 3)
            run.cancel()
            await until(lambda: getattr(run._execution._ladder, "_climbers", 0) == 4)
            await asyncio.to_thread(kernel.wait_for, "interrupt_request")
            assert len([r for r in kernel.requests if r["msg_type"] == "interrupt_request"]) == 1
            release.set()
            assert await asyncio.wait_for(asyncio.gather(*callers), LONG) == [True] * 3
        finally:
            kc.stop_channels()


@pytest.mark.parametrize("answer", [Silence(), Silence(is_idle=False)])
async def test_an_interrupt_that_is_never_answered_is_given_up(
    answer: Silence, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By whoever asked for it: the code goes on, and he is told so."""
    monkeypatch.setattr("conkernelclient.client.client.ANSWERED_WITHIN", 0.01)
    monkeypatch.setattr("conkernelclient.client.interrupt.PAUSES", (0.0, 0.0, 0.0))
    monkeypatch.setattr("conkernelclient.client.interrupt.PATIENCE", 0.0)
    with FakeKernel() as kernel:
        release = threading.Event()
        kernel.on_code("deaf", [Hold(release)])
        kernel.on("interrupt_request", [answer])
        kc = await kernel.client().start_channels()
        try:
            run = kc.run("deaf")
            await until(lambda: run.is_interruptible)
            assert not await asyncio.wait_for(run.interrupt(), LONG)
            assert not run.done()
            release.set()
            assert (await asyncio.wait_for(run, LONG)).status == "ok"
            assert kc.stats()["pending"] == 0
        finally:
            kc.stop_channels()


@pytest.mark.parametrize("is_killed", [False, True])
async def test_a_run_that_is_cancelled_amid_the_end_of_all_is_no_error(
    is_killed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """There is nothing left to interrupt, and nobody to be told."""
    with FakeKernel() as kernel:
        kernel.on_code("held", [Hold()])
        kernel.on("interrupt_request", [Silence(is_idle=False)])
        kc = await kernel.client().start_channels()
        try:
            run = kc.run("held")
            await until(lambda: run.is_interruptible)
            run.cancel()
            await until(lambda: run._execution._ladder is not None)
            ladder = run._execution._ladder
            assert ladder is not None
            await asyncio.to_thread(kernel.wait_for, "interrupt_request")
            if is_killed:
                kernel.kill()
            else:
                kc.stop_channels()
            await until(lambda: ladder.is_over)
        finally:
            kc.stop_channels()
    assert caplog.records == []


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


@pytest.mark.parametrize("is_deaf", [False, True])
async def test_nobody_waits_for_ever_behind_a_reply_that_never_comes(is_deaf: bool) -> None:
    """Nor where the question that is to settle it gets no reply either: idles are told of all."""
    with FakeKernel() as kernel:
        if is_deaf:
            kernel.on("execute_request", [Say("x"), Silence()])
        else:
            kernel.on_code("mute", [Say("x"), Silence()])
        kc = await kernel.client().start_channels()
        try:
            first, behind = kc.run("mute"), kc.run("2")
            given_up = kc.run("mute", timeout=0.01, on_timeout="leave")
            reply = kc.execute("mute", reply=True)
            result = await asyncio.wait_for(first, LONG)
            assert (result.status, result.stdout, result.reply) == ("error", "x", None)
            assert (await asyncio.wait_for(behind, LONG)).status == ("error" if is_deaf else "ok")
            await asyncio.wait_for(given_up, LONG)
            with pytest.raises(errors.ReplyTimeout, match="will not come"):
                await asyncio.wait_for(reply, LONG)
            assert kc.stats()["pending"] == 0
        finally:
            kc.stop_channels()


@pytest.mark.parametrize("is_always", [False, True])
async def test_nobody_waits_for_ever_behind_a_reply_that_names_another_parent(
    is_always: bool,
) -> None:
    """It is nobody's reply; the run ends as one that has none, and the window opens."""
    with FakeKernel() as kernel:
        script = [Say("x"), Reply(parent_id="another")]
        kernel.on_code("odd", script)
        if is_always:
            kernel.on("execute_request", script)
        kc = await kernel.client().start_channels()
        try:
            first, behind = kc.run("odd"), kc.run("2")
            result = await asyncio.wait_for(first, LONG)
            assert (result.status, result.stdout, result.reply) == ("error", "x", None)
            await asyncio.wait_for(behind, LONG)
            assert kc.stats()["pending"] == 0
        finally:
            kc.stop_channels()


def deafen(kc: ConKernelClient, is_lost: Callable[[bytes], bool]) -> None:
    """Let `kc` not hear the iopub messages for whose frames, joined, `is_lost` is true."""
    connection = kc._connection
    received = connection.received

    def hear(channel: Any, batch: list[list[Any]]) -> None:
        if channel == "iopub":
            batch = [frames for frames in batch if not is_lost(b"".join(frames))]
        if batch:
            received(channel, batch)

    connection.received = hear


async def test_a_kernel_that_never_says_idle_is_told_as_it_is_seen_with_its_outputs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It was told that an interrupt had left it mute; the next run leaves."""
    monkeypatch.setattr(overdue, "MUTE_AFTER", 0.1)
    with FakeKernel() as kernel:
        kernel.on("execute_request", [Say("x"), Reply(), Silence(is_idle=False)])
        kc = await kernel.client().start_channels()
        try:
            first, behind = kc.run("1"), kc.run("2")
            for run in (first, behind):
                with pytest.raises(errors.TransportError, match="never that it is idle") as caught:
                    await asyncio.wait_for(run, LONG)
                assert caught.value.result is not None
                assert caught.value.result.stdout == "x"
                assert "interrupt" not in str(caught.value)
        finally:
            kc.stop_channels()


async def test_a_kernel_that_never_says_idle_and_prints_on_is_told_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It was asked for ever, since something came after each question's reply."""
    monkeypatch.setattr(overdue, "TICK", 0.01)
    monkeypatch.setattr(overdue, "PATIENCE", dict.fromkeys(Phase, 0.01))
    with FakeKernel() as kernel:
        script = [Reply(), Say("x"), Silence(is_idle=False)]
        kernel.on("execute_request", script)
        kc = await kernel.client().start_channels()
        try:
            run = kc.run("1")
            printing = asyncio.create_task(print_on(kernel))
            with pytest.raises(errors.TransportError, match="never that it is idle"):
                await asyncio.wait_for(run, LONG)
            printing.cancel()
        finally:
            kc.stop_channels()


async def print_on(kernel: FakeKernel) -> None:
    """Let a thread of the kernel print, again and again."""
    while True:
        kernel.publish("stream", {"name": "stdout", "text": "on"})
        await asyncio.sleep(0.001)


async def test_a_kernel_that_never_publishes_a_status_is_told_as_it_is_seen_with_its_outputs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What it shows is in the error's result."""
    monkeypatch.setattr(overdue, "MUTE_AFTER", 0.1)
    with FakeKernel() as kernel:
        kernel.on_code("1", [Say("x")])
        kc = await kernel.client().start_channels()
        try:
            deafen(kc, lambda frames: b'"execution_state"' in frames)
            with pytest.raises(errors.TransportError, match="not even its status") as caught:
                await asyncio.wait_for(kc.run("1"), LONG)
            assert caught.value.result is not None
            assert caught.value.result.stdout == "x"
        finally:
            kc.stop_channels()


async def test_a_reply_that_is_missing_is_called_an_interrupt_only_where_somebody_interrupted() -> (
    None
):
    """A kernel that sent none was told as interrupted, though nobody had done that."""
    with FakeKernel() as kernel:
        release = threading.Event()
        kernel.on_code("mute", [Hold(release), Silence()])
        kc = await kernel.client().start_channels()
        try:
            for is_interrupted, name in ((False, "ReplyLost"), (True, "KeyboardInterrupt")):
                release.clear()
                kernel.on("interrupt_request", [])
                run = kc.run("mute")
                await until(lambda run=run: run.started)
                if is_interrupted:
                    await kc._connection.interrupt("")
                release.set()
                result = await asyncio.wait_for(run, LONG)
                assert (result.status, result.interrupted) == ("error", is_interrupted)
                assert result.error is not None
                assert result.error.ename == name
        finally:
            kc.stop_channels()


async def test_a_signal_of_the_manager_is_an_interrupt_for_its_clients(
    km: ConKernelManager,
) -> None:
    """By `signal_kernel` as by `interrupt_kernel`; another signal is none."""
    async with client_of(km) as kc:
        connection = kc._connection
        for interrupt in (km.interrupt_kernel, lambda: km.signal_kernel(signal.SIGINT)):
            connection._interrupted_at = None
            await km.signal_kernel(0)
            assert not connection.was_interrupted_since(0.0)
            run = kc.run("import time; print('in', flush=True); time.sleep(600)")
            await until(lambda run=run: run.outcome.stdout)
            await interrupt()
            assert (await asyncio.wait_for(run, LONG)).error.ename == "KeyboardInterrupt"
            assert connection.was_interrupted_since(run._execution.request.sent_at)


async def test_a_run_of_which_nothing_was_heard_never_says_ok() -> None:
    """Its reply said ok, and its outputs had gone to nobody."""
    with FakeKernel() as kernel:
        kernel.on_code("1", [Say("x")])
        kc = await kernel.client().start_channels()
        try:
            run = kc.run("1")
            deafen(kc, lambda frames: run.msg_id.encode() in frames)
            with pytest.raises(errors.TransportError, match="no busy, no idle") as caught:
                await asyncio.wait_for(run, LONG)
            assert caught.value.result is not None
            assert caught.value.result.status == "error"
            assert caught.value.result.outputs == []
            assert (await asyncio.wait_for(kc.run("2"), LONG)).status == "ok"
        finally:
            kc.stop_channels()


def deep() -> list[Any]:
    """Give a list within a list within a list, as deep as readers of JSON go."""
    nested: list[Any] = []
    for _ in range(900):
        nested = [nested]
    return nested


ODD: list[Any] = [None, [], [1, None], {}, {"a": [1]}, 5, 1.5, True, "", "x", deep()]
FIELDS = {
    "status": ["execution_state"],
    "stream": ["name", "text"],
    "display_data": ["data", "metadata", "transient"],
    "update_display_data": ["data", "metadata", "transient"],
    "execute_result": ["data", "metadata", "transient", "execution_count"],
    "error": ["ename", "evalue", "traceback"],
    "clear_output": ["wait"],
    "execute_input": ["code", "execution_count"],
    "input_request": ["prompt", "password"],
    "comm_open": ["comm_id", "target_name", "data"],
    "comm_msg": ["comm_id", "data"],
    "iopub_welcome": ["subscription"],
    "execute_reply": ["status", "execution_count"],
    "shutdown_reply": ["restart"],
}


@pytest.mark.parametrize("msg_type", FIELDS)
async def test_contents_of_wrong_types_cost_themselves_and_raise_nowhere(
    msg_type: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Of a run, of a request by hand, of nobody's: none is an exception out of the delivery."""
    odd = [Publish(msg_type, {field: value}) for field in FIELDS[msg_type] for value in ODD]
    with FakeKernel() as kernel:
        kernel.on_code("odd", [*odd, Publish(msg_type), Say("end")])
        kc = await kernel.client().start_channels()
        try:
            seen: list[Any] = []
            subscription = kc._connection.subscribers.add(seen.append)
            kc.comms.register_target("x", lambda comm, message: None)
            events: list[Any] = []
            run = kc.run("odd", on_output=events.append)
            result = await asyncio.wait_for(run, LONG)
            assert result.status == "ok"
            assert "end" in result.stdout or msg_type == "clear_output"
            assert isinstance(result.to_llm() + result.text + repr(result), str)
            msg_id = kc.execute("odd")
            await asyncio.wait_for(kc.get_pubs(msg_id, timeout=LONG), LONG)
            for one in odd:
                kernel.publish(msg_type, one.content)
            assert (await kc.run("1")).status == "ok"
            subscription.close()
        finally:
            kc.stop_channels()
    assert [one.getMessage() for one in caplog.records if one.levelname == "ERROR"] == []


@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:20])
async def test_replies_of_wrong_types_are_named_or_left_out(value: Any) -> None:
    """A subshell without an id was a KeyError, and a count could be a list."""
    with FakeKernel() as kernel:
        kernel.on_code("count", [Reply({"execution_count": value})])
        kernel.on_code("status", [Reply({"status": value})])
        kernel.on("create_subshell_request", [Reply({"subshell_id": value})])
        kernel.on("list_subshell_request", [Reply({"subshell_id": value})])
        kc = await kernel.client().start_channels()
        try:
            result = await asyncio.wait_for(kc.run("count"), LONG)
            assert result.execution_count == (value if type(value) is int else None)
            assert (await asyncio.wait_for(kc.run("status"), LONG)).status == "error"
            if not isinstance(value, str):
                with pytest.raises(errors.ProtocolError, match="create_subshell_reply"):
                    await kc.create_subshell(LONG)
            if value != []:
                with pytest.raises(errors.ProtocolError, match="list_subshell_reply"):
                    await kc.list_subshell(LONG)
        finally:
            kc.stop_channels()
