"""Subshells come, run cells beside the main shell, and go without a trace."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from conkernelclient import errors
from tests.clients import LONG, client_of

from .conftest import asked, begun, cancelled, ended, raw, value_of

if TYPE_CHECKING:
    from conkernelclient import ConKernelManager


async def test_a_subshell_runs_cells_while_the_main_shell_blocks(km: ConKernelManager) -> None:
    """With its own output and value."""
    async with client_of(km, window=None) as kc:
        subshell = await kc.create_subshell()
        await raw(kc, "import time; gate = False")
        blocker = await begun(kc, "while not gate: time.sleep(0.001)")
        result = await raw(kc, "print('sub')\n5", subshell_id=subshell)
        assert (result.stdout, result.data["text/plain"]) == ("sub\n", "5")
        await raw(kc, "gate = True", subshell_id=subshell)
        await ended(blocker)
        await kc.delete_subshell(subshell)


async def test_subshells_are_listed_from_their_begin_to_their_end(km: ConKernelManager) -> None:
    """Each of them, by its id."""
    async with client_of(km) as kc:
        assert await kc.list_subshell() == []
        made = [await kc.create_subshell() for _ in range(3)]
        assert sorted(await kc.list_subshell()) == sorted(made)
        for one in made:
            await kc.delete_subshell(one)
        assert await kc.list_subshell() == []


@pytest.mark.parametrize("code", ["import time; time.sleep(60)", "await asyncio.sleep(60)"])
@pytest.mark.parametrize("how", ["signal", "msg_id"])
async def test_a_cell_of_a_subshell_is_stopped(km: ConKernelManager, code: str, how: str) -> None:
    """By an interrupt, which ipykernel's subshells never get, and by a cancel."""
    async with client_of(km, window=None) as kc:
        await raw(kc, "import asyncio")
        subshell = await kc.create_subshell()
        run = await begun(kc, code, subshell_id=subshell)
        if how == "signal":
            await km.interrupt_kernel()
        else:
            assert await cancelled(kc, run) == ["interrupted"]
        (result,) = await ended(run)
        assert result.error.ename == "KeyboardInterrupt"
        assert (await raw(kc, "1", subshell_id=subshell)).status == "ok"
        await kc.delete_subshell(subshell)


async def test_a_subshell_that_is_deleted_stops_what_it_runs_and_drops_what_waits(
    km: ConKernelManager,
) -> None:
    """Both are answered, and other subshells go on."""
    async with client_of(km, window=None) as kc:
        subshell, other = await kc.create_subshell(), await kc.create_subshell()
        run = await begun(kc, "import time; time.sleep(60)", subshell_id=subshell)
        waiting = kc.run("print('ran')", subshell_id=subshell)
        listed: list[str] = []
        while waiting.msg_id not in listed:  # control is read before shell
            listed = [it["msg_id"] for it in (await asked(kc, "list_requests"))["requests"]]
        content = await asked(kc, "delete_subshell_request", subshell_id=subshell)
        assert content["status"] == "ok"
        results = await ended(run, waiting)
        assert results[0].error.ename == "KeyboardInterrupt"
        assert (results[1].status, results[1].stdout) == ("aborted", "")
        assert (await raw(kc, "1", subshell_id=other)).status == "ok"
        await kc.delete_subshell(other)


async def test_an_error_in_a_subshell_aborts_nothing_in_another(km: ConKernelManager) -> None:
    """Only what waits in its own."""
    async with client_of(km, window=None) as kc:
        one, two = await kc.create_subshell(), await kc.create_subshell()
        await raw(kc, "import threading; gate = threading.Event()")
        bad = kc.execute("gate.wait(30); 1/0", reply=True, stop_on_error=True, subshell_id=one)
        behind = kc.execute("1", reply=True, subshell_id=one)
        beside = kc.execute("gate.wait(30); 1", reply=True, subshell_id=two)
        while len((await asked(kc, "list_requests"))["requests"]) < 3:
            pass
        await raw(kc, "gate.set()")
        statuses = [(await it)["content"]["status"] for it in (bad, behind, beside)]
        assert statuses == ["error", "aborted", "ok"]
        for it in (one, two):
            await kc.delete_subshell(it)


async def test_context_variables_live_on_in_a_subshell(km: ConKernelManager) -> None:
    """And are not those of the main shell."""
    async with client_of(km, window=None) as kc:
        subshell = await kc.create_subshell()
        await raw(kc, "from contextvars import ContextVar; v = ContextVar('v', default=0)")
        await raw(kc, "v.set(1);", subshell_id=subshell)
        assert (await raw(kc, "v.get()", subshell_id=subshell)).data["text/plain"] == "1"
        assert await value_of(kc, "v.get()") == "0"
        await kc.delete_subshell(subshell)


@pytest.mark.parametrize("subshell_id", ["unknown", None, 5, ["x"]])
async def test_a_deletion_of_what_is_no_subshell_is_an_error(
    km: ConKernelManager, subshell_id: object
) -> None:
    """With a word of why."""
    async with client_of(km) as kc:
        content = await asked(kc, "delete_subshell_request", subshell_id=subshell_id)
        assert content["status"] == "error"
        assert await value_of(kc, "1") == "1"


async def test_a_cell_of_an_unknown_subshell_is_an_error(km: ConKernelManager) -> None:
    """Also when it was there and is gone."""
    async with client_of(km) as kc:
        subshell = await kc.create_subshell()
        content = await asked(kc, "delete_subshell_request", subshell_id=subshell)
        assert content["status"] == "ok"
        result = await raw(kc, "print('ran')", subshell_id=subshell)
        assert (result.stdout, result.error.ename) == ("", "UnknownSubshellError")
        with pytest.raises(errors.ProtocolError):
            await kc.delete_subshell(subshell)


async def test_200_subshells_made_and_deleted_leave_no_thread_and_no_descriptor(
    km: ConKernelManager,
) -> None:
    """Each has run a cell."""
    # But for files: what the first completion needs is read when nothing happens, and the history
    # is written a moment after a cell (SQLite opens also its folder).
    look = """
import os, threading
def name(number):
    try:
        return os.readlink(f"/proc/self/fd/{number}")
    except FileNotFoundError:  # it is closed meanwhile
        return "/"
names = sorted(map(name, os.listdir("/proc/self/fd")))
[it for it in names if not it.startswith("/")], threading.active_count()
"""
    async with client_of(km, window=None) as kc:

        async def make_and_delete() -> None:
            made = [await kc.create_subshell() for _ in range(20)]
            await ended(*[kc.run("1", subshell_id=it) for it in made])
            await asyncio.wait_for(asyncio.gather(*[kc.delete_subshell(it) for it in made]), LONG)

        await make_and_delete()
        before = await value_of(kc, look)
        for _ in range(10):
            await make_and_delete()
        after = await value_of(kc, look)
    assert before == after
