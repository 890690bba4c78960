"""A restart fails what was sent before it, and holds what is sent meanwhile for the successor."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import ConKernelManager, ConMultiKernelManager, errors, events
from tests.clients import LONG, opened
from tests.conftest import KERNEL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

AT_ONCE = 2.0  # seconds; what is not told waits for ever
ENDLESS = "import time\nwhile True: time.sleep(0.01)"


async def _first_words(run: Any) -> AsyncIterator[Any]:
    async for event in run:
        if isinstance(event, events.Stream):
            yield event
            return


async def outcomes(*waiting: Any) -> list[Any]:
    """What they end with, soon."""
    async with asyncio.timeout(AT_ONCE):
        return await asyncio.gather(*waiting, return_exceptions=True)


@pytest.mark.parametrize("newports", [False, True])
async def test_what_was_in_flight_fails_at_once_and_the_same_client_serves_on(
    mortal: ConKernelManager, newports: bool
) -> None:
    """And nothing of the old queue runs in the new kernel."""
    kc = await opened(mortal.client())
    ports = kc.ports
    channels = (kc.shell_channel, kc.iopub_channel, kc.stdin_channel, kc.control_channel)
    run = kc.run(f"print('on', flush=True)\n{ENDLESS}")
    assert [event async for event in _first_words(run)]
    old = [
        run,
        *(kc.run("leaked = 1") for _ in range(20)),
        *(kc.execute("leaked = 1", reply=True) for _ in range(20)),
        *(kc.kernel_info(reply=True) for _ in range(20)),
    ]
    restarting = asyncio.ensure_future(mortal.restart_kernel(now=True, newports=newports))
    for outcome in await outcomes(*old):
        assert isinstance(outcome, errors.KernelRestartedError)
        assert "send it again" in str(outcome)
    assert run.outcome.stdout == "on\n"
    assert not restarting.done()
    meanwhile = (
        kc.run("'for the new one'"),
        kc.execute("1", reply=True),
        kc.complete("pri", reply=True),
    )
    msg_id = kc.execute("print('recorded')")
    await asyncio.wait_for(restarting, LONG)
    result, reply, completion = await asyncio.wait_for(asyncio.gather(*meanwhile), LONG)
    assert result.text == "'for the new one'\n"
    assert reply["content"]["status"] == "ok"
    assert "print" in completion["content"]["matches"]
    pubs = await kc.get_pubs(msg_id, timeout=LONG)
    assert [pub["content"]["text"] for pub in pubs if pub["msg_type"] == "stream"] == ["recorded\n"]
    assert "leaked" not in await kc.variables()
    assert (kc.ports != ports) == newports
    assert channels == (
        kc.shell_channel,
        kc.iopub_channel,
        kc.stdin_channel,
        kc.control_channel,
    )
    assert await kc.is_alive()
    assert kc.stats()["pending"] == 0
    kc.stop_channels()


async def test_a_cell_that_waits_for_the_new_kernel_can_be_cancelled(
    mortal: ConKernelManager,
) -> None:
    """It never runs."""
    kc = await mortal.client().start_channels()
    restarting = asyncio.ensure_future(mortal.restart_kernel(now=True))
    await asyncio.sleep(0)
    cancelled, kept = kc.run("never = 1"), kc.run("kept = 1")
    cancelled.cancel()
    short = await kc.run("never = 2", start_timeout=0)
    assert (short.status, short.started) == ("timeout", False)
    await asyncio.wait_for(restarting, LONG)
    assert (await asyncio.wait_for(kept, LONG)).status == "ok"
    assert not {"never"} & set(await kc.variables())
    assert await kc.get("kept") == 1
    kc.stop_channels()


async def test_readers_of_the_channel_objects_are_told_and_may_read_on(
    mortal: ConKernelManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What they wait for may be an answer of the predecessor; the next call is for the new one."""
    monkeypatch.delitem(sys.modules, "nbclient.exceptions", raising=False)
    kc = await opened(mortal.client())
    await kc.get_pubs()
    reader = asyncio.ensure_future(kc.get_shell_msg(timeout=None))
    msg_id = kc.execute(ENDLESS)
    claim = asyncio.ensure_future(kc._async_recv_reply(msg_id))
    pubs = asyncio.ensure_future(kc.get_pubs(msg_id))
    await asyncio.sleep(0)
    await asyncio.wait_for(mortal.restart_kernel(now=True), LONG)
    for outcome in await outcomes(claim, pubs, reader):
        assert isinstance(outcome, errors.KernelRestartedError)
    reader = asyncio.ensure_future(kc.get_shell_msg(timeout=None))
    again = kc.execute("2")
    assert (await asyncio.wait_for(reader, LONG))["parent_header"]["msg_id"] == again
    kc.stop_channels()


async def test_waiting_for_readiness_survives_a_restart(mortal: ConKernelManager) -> None:
    """It is ready when the new kernel is."""
    kc = mortal.client()
    kc.start_channels()
    waiting = asyncio.ensure_future(kc.wait_for_ready())
    await asyncio.sleep(0)
    await asyncio.wait_for(mortal.restart_kernel(now=True), LONG)
    await asyncio.wait_for(waiting, LONG)
    assert await asyncio.wait_for(kc.eval("1 + 1"), LONG) == 2
    kc.stop_channels()


async def test_a_stopped_client_starts_again_with_the_new_kernel(mortal: ConKernelManager) -> None:
    """Also if the ports are others by then."""
    kc = await mortal.client().start_channels()
    kc.stop_channels()
    await mortal.restart_kernel(now=True, newports=True)
    await asyncio.wait_for(kc.start_channels(), LONG)
    assert await kc.eval("1 + 1") == 2
    kc.stop_channels()


async def test_shutdown_and_start_by_hand_are_a_restart_for_the_client(
    mortal: ConKernelManager,
) -> None:
    """In between everything fails, and says so."""
    kc = await mortal.client().start_channels()
    await mortal.shutdown_kernel(now=True)
    with pytest.raises(errors.DeadKernelError, match="was shut down"):
        await kc.run("1")
    await mortal.start_kernel()
    assert (await asyncio.wait_for(kc.run("'back'"), LONG)).text == "'back'\n"
    kc.stop_channels()


async def test_a_restart_that_fails_leaves_nobody_waiting(
    mortal: ConKernelManager, caplog: pytest.LogCaptureFixture
) -> None:
    """The kernel's command is gone."""
    kc = await mortal.client().start_channels()
    assert mortal.kernel_spec is not None
    argv, mortal.kernel_spec.argv = mortal.kernel_spec.argv, ["/no/such/command"]
    restarting = asyncio.ensure_future(mortal.restart_kernel(now=True))
    await asyncio.sleep(0)
    run = kc.run("1")
    with pytest.raises(OSError, match="no/such/command"):
        await asyncio.wait_for(restarting, LONG)
    with pytest.raises(errors.DeadKernelError, match="that failed"):
        await asyncio.wait_for(run, LONG)
    caplog.clear()
    mortal.kernel_spec.argv = argv
    await asyncio.wait_for(mortal.restart_kernel(), LONG)
    assert (await asyncio.wait_for(kc.run("'back'"), LONG)).text == "'back'\n"
    kc.stop_channels()


async def test_a_timeout_may_restart_the_kernel(mortal: ConKernelManager) -> None:
    """What swallows interrupts ends as well, with what it had shown."""
    kc = await mortal.client().start_channels()
    code = (
        "print('on', flush=True)\nimport time\nwhile True:\n"
        " try: time.sleep(9)\n except KeyboardInterrupt: pass"
    )
    other = kc.run(code, timeout=0.5, on_timeout="restart")
    behind = kc.run("1")
    result = await asyncio.wait_for(other, LONG)
    assert (result.status, result.stdout, result.still_running) == ("timeout", "on\n", False)
    with pytest.raises(errors.KernelRestartedError):
        await asyncio.wait_for(behind, LONG)
    assert (await asyncio.wait_for(kc.run("'next'"), LONG)).text == "'next'\n"
    kc.stop_channels()


async def test_many_kernels_restart_each_for_itself() -> None:
    """Through the multi-kernel manager, by hand and by themselves."""
    many = ConMultiKernelManager()
    first, second = await many.start_kernel(), await many.start_kernel()
    one = await many.get_kernel(first).client().start_channels()
    two = await many.get_kernel(second).client().start_channels()
    heard: list[str] = []
    many.add_restart_callback(second, lambda: heard.append("restart"))
    await one.run("kept = 1")
    with pytest.raises(errors.DeadKernelError):
        await asyncio.wait_for(two.run("import os; os._exit(1)"), LONG)
    assert (await asyncio.wait_for(two.run("'back'"), LONG)).text == "'back'\n"
    assert heard == ["restart"]
    assert await one.get("kept") == 1
    await many.restart_kernel(first, now=True)
    assert "kept" not in await asyncio.wait_for(one.variables(), LONG)
    one.stop_channels()
    two.stop_channels()
    await many.shutdown_all(now=True)


async def test_an_endless_subshell_is_replaced_under_its_id(ipykernel: ConKernelManager) -> None:
    """The next run there works; the old one is deleted when its code has ended."""
    kc = await ipykernel.client().start_channels()
    shell = await kc.create_subshell()
    await kc.run("stop = False; import time")
    endless = kc.run(
        "print('on')\nwhile not stop: time.sleep(0.01)", subshell_id=shell, timeout=0.3
    )
    behind = kc.run("'behind'", subshell_id=shell)
    result = await asyncio.wait_for(endless, LONG)
    assert (result.status, result.stdout, result.still_running) == ("timeout", "on\n", True)
    assert (await asyncio.wait_for(behind, LONG)).status == "ok"
    assert (await kc.run("'next'", subshell_id=shell)).status == "ok"
    assert await kc.list_subshell() == [shell]
    await kc.run("stop = True")
    async with asyncio.timeout(LONG):
        while (
            len(
                (await kc.request("list_subshell_request", {}, "control"))["content"]["subshell_id"]
            )
            > 1
        ):
            await asyncio.sleep(0.01)
    await kc.delete_subshell(shell)
    assert await kc.list_subshell() == []
    kc.stop_channels()


async def test_a_restart_with_an_argument_that_nobody_knows_leaves_the_kernel_alone() -> None:
    """It was ended first, and what waited for it failed."""
    km = ConKernelManager(kernel_name=KERNEL)
    await km.start_kernel()
    try:
        kc = await km.client().start_channels()
        run = kc.run("import time; time.sleep(1); 6 * 7")
        with pytest.raises(TypeError, match=r"restart_kernel\(\) does not take 'cdw'.*'cwd'"):
            await km.restart_kernel(cdw="/")
        assert "42" in (await run).text
        kc.stop_channels()
    finally:
        await km.shutdown_kernel(now=True)
