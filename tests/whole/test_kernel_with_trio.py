"""A kernel whose cells await trio has all that the other one has."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.clients import client_of
from tests.kernel.conftest import (
    begun,
    cancelled,
    ended,
    manager_of,
    printing,
    raw,
    start,
    value_of,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from conkernelclient import ConKernelClient, ConKernelManager

FOREVER: Final = "await trio.sleep_forever()"
MODES: Final = ("queue", "task", "thread", "subshell")


@pytest.fixture(scope="module")
async def km(
    anyio_backend: Any, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ConKernelManager]:
    """One kernel of trio cells for the tests of the module."""
    manager = manager_of(tmp_path_factory.mktemp("kernels"), "--trio")
    await start(manager)
    async with client_of(manager) as kc:
        await raw(kc, "import trio, time, contextvars\nvar = contextvars.ContextVar('var')")
    yield manager
    await manager.shutdown_kernel(now=True)


async def place_of(kc: ConKernelClient, mode: str) -> dict[str, Any]:
    """What of a request lets it run there."""
    if mode == "subshell":
        return {"subshell_id": await kc.create_subshell()}
    return {"run_mode": mode}


async def leave(kc: ConKernelClient, place: dict[str, Any]) -> None:
    if "subshell_id" in place:
        await kc.delete_subshell(place["subshell_id"])


@pytest.mark.parametrize("mode", MODES)
async def test_cells_await_trio_in_each_mode(km: ConKernelManager, mode: str) -> None:
    """With their value, their error, and a second one in the same place."""
    async with client_of(km) as kc:
        place = await place_of(kc, mode)
        for _ in range(2):
            assert await value_of(kc, "await trio.sleep(0); trio.current_time() > 0", **place)
            result = await raw(kc, "await trio.sleep(0)\n1 / 0", **place)
            assert result.error.ename == "ZeroDivisionError"
        await leave(kc, place)


async def test_twenty_tasks_and_threads_meet(km: ConKernelManager) -> None:
    """None of them ends before all have begun, and each has its own output and value."""
    code = "seen.add({0})\nwhile len(seen) < 20: await trio.sleep(0.001)\nprint({0})\n{0}"
    async with client_of(km) as kc:
        await raw(kc, "seen = set()")
        modes = ("task", "thread")
        runs = [kc.run(code.format(i), metadata={"run_mode": modes[i % 2]}) for i in range(20)]
        results = await ended(*runs)
    assert [(it.stdout, it.data["text/plain"]) for it in results] == [
        (f"{i}\n", str(i)) for i in range(20)
    ]


async def test_two_lanes_do_not_wait_for_each_other_and_one_keeps_its_order(
    km: ConKernelManager,
) -> None:
    """The first cell waits for the cell of the other lane."""
    async with client_of(km) as kc:
        await raw(kc, "order, gate = [], trio.Event()")
        runs = [
            kc.run("await gate.wait(); order.append(1)"),
            kc.run("order.append(2)"),
            kc.run("await trio.sleep(0); order.append(0); gate.set()", metadata={"lane": "b"}),
        ]
        await ended(*runs)
        assert await value_of(kc, "order") == "[0, 1, 2]"


STOPPED: Final = {
    "sleep": FOREVER,
    "sync": "while True: pass",
    "blocking": "time.sleep(60)",
    "then sync": "await trio.sleep(0)\nwhile True: pass",
    "busy": "while True: await trio.sleep(0)",
    "nursery": f"async with trio.open_nursery() as it:\n it.start_soon(trio.sleep, 60)\n {FOREVER}",
    "children": (
        "async with trio.open_nursery() as it:\n"
        " it.start_soon(trio.sleep, 60)\n it.start_soon(trio.sleep_forever)"
    ),
    "child": (
        "async def busy():\n while True: pass\n"
        "async with trio.open_nursery() as it: it.start_soon(busy)"
    ),
    "shield": f"with trio.CancelScope(shield=True): {FOREVER}",
    "thread": "await trio.to_thread.run_sync(time.sleep, 60, abandon_on_cancel=True)",
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("code", STOPPED.values(), ids=STOPPED.keys())
async def test_an_interrupt_ends_what_awaits_and_what_does_not(
    km: ConKernelManager, code: str, mode: str
) -> None:
    """As KeyboardInterrupt, with the cell's line; the next cell there runs."""
    async with client_of(km) as kc:
        place = await place_of(kc, mode)
        run = await begun(kc, code, **place)
        await km.interrupt_kernel()
        (result,) = await ended(run)
        assert result.error.ename == "KeyboardInterrupt"
        assert await value_of(kc, "await trio.sleep(0); 7", **place) == "7"
        await leave(kc, place)


async def test_several_are_interrupted_at_once_and_one_is_cancelled_alone(
    km: ConKernelManager,
) -> None:
    """A cancel leaves the others as they are."""
    async with client_of(km) as kc:
        places = [{"run_mode": "task"}, {"run_mode": "thread"}, {"lane": "a"}, {"lane": "b"}]
        runs = [await begun(kc, FOREVER, **place) for place in places]
        assert await cancelled(kc, runs[0]) == ["interrupted"]
        (result,) = await ended(runs[0])
        assert result.error.ename == "KeyboardInterrupt"
        assert not any(run.done() for run in runs[1:])
        os.kill(int(await value_of(kc, "import os; os.getpid()") or 0), signal.SIGINT)
        results = await ended(*runs[1:])
        assert [it.error.ename for it in results] == ["KeyboardInterrupt"] * 3


@pytest.mark.parametrize("code", [FOREVER, "while True: pass", "time.sleep(60)"])
@pytest.mark.parametrize("mode", ["task", "thread"])
async def test_a_timeout_ends_a_cell(km: ConKernelManager, code: str, mode: str) -> None:
    """That awaits or does not."""
    async with client_of(km) as kc:
        result = await raw(kc, code, run_mode=mode, timeout=0.1)
        assert result.error.ename == "CellTimeoutError"


async def test_what_a_cell_swallows_or_cleans_up_is_its_own_business(km: ConKernelManager) -> None:
    """It may await in the cleaning, since nothing there is cancelled."""
    async with client_of(km) as kc:
        code = f"try:\n {FOREVER}\nfinally:\n await trio.sleep(0.01); print('cleaned')"
        run = await begun(kc, code)
        await km.interrupt_kernel()
        (result,) = await ended(run)
        assert (result.error.ename, result.stdout) == ("KeyboardInterrupt", "begun\ncleaned\n")
        code = f"try:\n {FOREVER}\nexcept KeyboardInterrupt:\n print('caught')"
        run = await begun(kc, code)
        await km.interrupt_kernel()
        (result,) = await ended(run)
        assert (result.status, result.stdout) == ("ok", "begun\ncaught\n")


@pytest.mark.parametrize("mode", ["queue", "subshell"])
async def test_a_nursery_stays_open_from_cell_to_cell(km: ConKernelManager, mode: str) -> None:
    """What is started there goes on beside other cells, until one closes it."""
    async with client_of(km) as kc:
        place = await place_of(kc, mode)
        await raw(
            kc, "manager = trio.open_nursery(); nursery = await manager.__aenter__()", **place
        )
        await raw(kc, "seen, go = [], trio.Event()", **place)
        code = "async def f():\n await go.wait(); seen.append(1)\nnursery.start_soon(f)"
        await raw(kc, code, **place)
        run = await begun(kc, FOREVER, **place)
        await cancelled(kc, run)
        await ended(run)
        assert await value_of(kc, "seen", **place) == "[]"
        await raw(kc, "go.set(); await manager.__aexit__(None, None, None)", **place)
        assert await value_of(kc, "seen", **place) == "[1]"
        await leave(kc, place)


async def test_a_nursery_that_a_task_leaves_open_serves_on(km: ConKernelManager) -> None:
    """And one that a cell holds open serves the others."""
    async with client_of(km) as kc:
        code = "manager = trio.open_nursery(); nursery = await manager.__aenter__()"
        assert (await raw(kc, code, run_mode="task")).status == "ok"
        await raw(kc, "it = trio.Event(); nursery.start_soon(it.wait)")
        await raw(kc, "done = trio.Event()\nasync def f(): done.set()\nnursery.start_soon(f)")
        assert (await raw(kc, "await done.wait(); it.set()")).status == "ok"
        code = "async with trio.open_nursery() as held:\n print('begun')\n await trio.sleep(60)"
        run = await printing(kc, code, run_mode="task")
        await raw(kc, "done = trio.Event()\nheld.start_soon(f)\nawait done.wait()")
        assert await cancelled(kc, run) == ["interrupted"]
        await ended(run)


async def test_prints_of_trio_tasks_and_threads_belong_to_their_cell(km: ConKernelManager) -> None:
    """Also when others run beside them, and of a nursery of another cell."""
    code = """
import sys
async def say(n):
    await trio.sleep(0.01)
    print("task %d" % n)
    await trio.to_thread.run_sync(sys.stdout.write, "thread %d\\n" % n)
async with trio.open_nursery() as it:
    it.start_soon(say, {0}); it.start_soon(say, {0})
"""
    async with client_of(km) as kc:
        runs = [kc.run(code.format(n), metadata={"run_mode": "task"}) for n in range(5)]
        for n, result in enumerate(await ended(*runs)):
            assert sorted(result.stdout.splitlines()) == [f"task {n}"] * 2 + [f"thread {n}"] * 2


async def test_two_cells_may_ask_at_once_and_each_has_its_answer(km: ConKernelManager) -> None:
    """One in the main thread, one in another, and one by a thread of trio."""
    async with client_of(km) as kc:
        runs = [
            kc.run(
                f"{code}({f'{n}?'!r})" if "run_sync" not in code else f"{code}, '{n}?')",
                metadata={"run_mode": mode},
                on_stdin=lambda prompt: f"to {prompt.prompt}",
            )
            for n, (code, mode) in enumerate(
                [
                    ("await trio.sleep(0); input", "task"),
                    ("await trio.sleep(0); input", "thread"),
                    ("await trio.to_thread.run_sync(input", "task"),
                ]
            )
        ]
        results = await ended(*runs)
    assert [it.data["text/plain"] for it in results] == [f"'to {n}?'" for n in range(3)]


@pytest.mark.parametrize("mode", ["queue", "task", "subshell"])
async def test_context_variables_live_on(km: ConKernelManager, mode: str) -> None:
    """From cell to cell, as without trio."""
    async with client_of(km) as kc:
        place = await place_of(kc, mode)
        await raw(kc, f"await trio.sleep(0); var.set({mode!r});", **place)
        there = place if mode == "subshell" else {}
        assert await value_of(kc, "var.get()", **there) == f"{mode!r}"
        await leave(kc, place)


async def test_anyio_finds_trio(km: ConKernelManager) -> None:
    """In each thread."""
    async with client_of(km) as kc:
        for mode in ("queue", "thread"):
            code = "import anyio, sniffio; await anyio.sleep(0); sniffio.current_async_library()"
            assert await value_of(kc, code, run_mode=mode) == "'trio'"


async def test_code_that_tears_trio_costs_the_cells_that_run_and_no_more(
    km: ConKernelManager,
) -> None:
    """They end with an error that says so; the next ones run."""
    code = "async def bad(): raise ZeroDivisionError\ntrio.lowlevel.spawn_system_task(bad);"
    async with client_of(km) as kc:
        run = await begun(kc, FOREVER, run_mode="task")
        await raw(kc, f"{code}\nawait trio.sleep(60)", stop_on_error=False)
        (result,) = await ended(run)
        assert result.error is not None
        for mode in MODES[:3]:
            assert await value_of(kc, "await trio.sleep(0); 7", run_mode=mode) == "7"


async def test_async_generators_end_in_trio(km: ConKernelManager) -> None:
    """What they await at their end is trio's."""
    code = """
seen = []
async def numbers():
    try:
        yield 1
    finally:
        with trio.CancelScope(shield=True): await trio.sleep(0)
        seen.append("ended")
it = numbers()
await anext(it)
await it.aclose()
"""
    async with client_of(km) as kc:
        assert (await raw(kc, code)).status == "ok"
        assert await value_of(kc, "seen") == "['ended']"


async def test_subshells_and_threads_leave_no_threads_behind(km: ConKernelManager) -> None:
    """Nor descriptors; trio keeps a few threads of its own."""
    look = "import threading, os; len(os.listdir('/proc/self/fd'))"
    async with client_of(km) as kc:
        counts: list[int] = []
        for _ in range(3):
            made = [await kc.create_subshell() for _ in range(5)]
            for one in made:
                await raw(kc, "await trio.sleep(0)", subshell_id=one)
                await kc.delete_subshell(one)
            counts.append(int(await value_of(kc, look) or 0))
        assert counts[-1] <= counts[0]
        names = await value_of(kc, "[it.name for it in threading.enumerate()]")
        assert "subshell-" not in (names or "subshell-")
