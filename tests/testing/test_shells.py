"""A fake kernel's shells work as ipykernel's do."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import errors
from conkernelclient.testing import (
    Hold,
    Raise,
    Say,
)
from tests.clients import LONG, until
from tests.testing.fakes import fake

if TYPE_CHECKING:
    from collections.abc import Iterator


async def test_a_held_cell_keeps_its_shell_busy_until_its_event_is_set() -> None:
    """Control answers meanwhile, subshells as well; the shell goes on in order afterwards."""
    gate = threading.Event()
    async with fake() as (kernel, kc):
        kernel.on_code("hold", [Hold(gate), Say("through")])
        held = kc.run("hold")
        behind = kc.complete("x", reply=True)
        subshell = await kc.create_subshell()
        assert await kc.list_subshell() == [subshell]
        beside = await kc.run("beside", subshell_id=subshell)
        assert beside.status == "ok"
        assert not held.done()
        assert not behind.done()
        gate.set()
        assert (await held).stdout == "through"
        assert (await behind)["content"]["status"] == "ok"
        await kc.delete_subshell(subshell)
        with pytest.raises(errors.ProtocolError, match="no subshell"):
            await kc.delete_subshell(subshell)
        reply = await kc.request("kernel_info_request", {}, timeout=LONG)
        assert reply["content"]["supported_features"] == ["kernel subshells"]


async def test_an_interrupt_ends_what_is_held_in_the_main_shell_alone() -> None:
    """By the client's message and by the kernel's method; a subshell is not reached."""
    gate = threading.Event()
    async with fake() as (kernel, kc):
        kernel.on_code("for ever", [Hold()])
        kernel.on_code("gated", [Hold(gate)])
        subshell = await kc.create_subshell()
        beside = kc.run("gated", subshell_id=subshell)
        run = kc.run("for ever")
        assert await run.interrupt()
        result = await run
        assert result.error is not None
        assert result.error.ename == "KeyboardInterrupt"
        run = kc.run("for ever")
        await until(lambda: run.is_interruptible)
        kernel.interrupt()
        assert (await run).error == result.error
        assert not beside.done()
        kernel.interrupt()  # nobody is held: nobody is hit
        gate.set()
        assert (await beside).status == "ok"


async def test_a_script_may_swallow_an_interrupt() -> None:
    """It comes as a KeyboardInterrupt at the `yield` that waits; a script may take the request."""

    def stubborn(request: Any) -> Iterator[Any]:
        try:
            yield Hold()
        except KeyboardInterrupt:
            yield Say("no")

    async with fake() as (kernel, kc):
        kernel.on_code("stubborn", stubborn)
        run = kc.run("stubborn")
        await run.interrupt()
        result = await run
        assert (result.status, result.stdout, result.interrupted) == ("ok", "no", True)
        gate = threading.Event()
        kernel.on("interrupt_request", [])
        kernel.on_code("gated", [Hold(gate)])
        run = kc.run("gated")
        reply = await kc.request("interrupt_request", {}, "control")
        assert reply["content"]["status"] == "ok"
        assert not run.done()
        gate.set()
        assert (await run).status == "ok"


@pytest.mark.parametrize("stop_on_error", [True, False])
async def test_an_error_aborts_what_is_queued_behind_it_as_in_ipykernel(
    stop_on_error: bool,
) -> None:
    """Execute requests alone, and only if the one that failed says so."""
    gate = threading.Event()
    async with fake() as (kernel, kc):
        kernel.on_code("bad", [Hold(gate), Raise("ValueError")])
        bad = kc.execute("bad", reply=True, stop_on_error=stop_on_error)
        queued = [kc.execute(f"{n}", reply=True) for n in range(3)]
        info = kc.kernel_info(reply=True)
        await asyncio.to_thread(kernel.wait_for, "execute_request", 4)
        gate.set()
        assert (await bad)["content"]["status"] == "error"
        statuses = [(await reply)["content"]["status"] for reply in queued]
        assert statuses == ["aborted" if stop_on_error else "ok"] * 3
        assert (await info)["content"]["status"] == "ok"
        assert (await kc.execute("later", reply=True))["content"]["status"] == "ok"
        codes = [r["content"].get("code") for r in kernel.requests if "code" in r["content"]]
        assert codes == ["bad", "0", "1", "2", "later"]


async def test_an_error_aborts_also_what_has_come_and_is_not_read_yet() -> None:
    """As ipykernel, which empties its socket first."""

    def bad(request: Any) -> Any:
        life = kernel._life
        assert life is not None
        other = life._arrived["shell"] or life._ports._sockets["shell"].poll(LONG * 1000)
        raise ValueError if other else AssertionError("it did not come")

    async with fake() as (kernel, kc):
        kernel.on_code("bad", bad)
        replies = kc.execute("bad", reply=True), kc.execute("good", reply=True)
        statuses = [(await reply)["content"]["status"] for reply in replies]
        assert statuses == ["error", "aborted"]


async def test_a_held_cell_s_thread_ends_with_it() -> None:
    """Whether its event is set or not."""

    def holders() -> list[threading.Thread]:
        return [t for t in threading.enumerate() if t.name == "conkernel-fake-hold"]

    async with fake() as (kernel, kc):
        kernel.on_code("hold", [Hold(threading.Event())])
        run = kc.run("hold")
        await until(holders)
        await run.interrupt()
        for thread in holders():
            await asyncio.to_thread(thread.join, LONG)
        assert holders() == []
