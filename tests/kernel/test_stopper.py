"""A stop reaches exactly what it is aimed at."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.clients import LONG, client_of, text_of

from .conftest import asked, begun, cancelled, ended, listed, printing, raw, value_of

if TYPE_CHECKING:
    from conkernelclient import ConKernelClient, ConKernelManager
    from conkernelclient.client.run import Run

ANSI: Final = re.compile(r"\x1b\[[0-9;]*m")
BLOCKS: Final = "import time; time.sleep(60)"
AWAITS: Final = "import asyncio; await asyncio.sleep(60)"
ENDLESS: Final = {
    "blocks": BLOCKS,
    "awaits": AWAITS,
    "awaits, then blocks": f"import asyncio; await asyncio.sleep(0.01)\n{BLOCKS}",
    "loops": "while True: pass",
    "awaits in a loop": "import asyncio\nwhile True: await asyncio.sleep(0)",
    "blocks in a child task": "import asyncio\nasync def f():\n  await asyncio.sleep(0)\n"
    f"  {BLOCKS}\n"
    "await asyncio.create_task(f())",
    "gathers": "import asyncio\nawait asyncio.gather(*[asyncio.sleep(60) for _ in range(5)])",
    "waits for a thread": "import asyncio, time\nawait asyncio.to_thread(time.sleep, 1)",
    "prints": "while True: print('x' * 100)",
    "displays": "from IPython.display import display\nwhile True: display(1)",
    "computes": "while True: sum(range(1000))",
    "catches exceptions": "while True:\n  try: 1/0\n  except Exception: pass",
    "async for": "import asyncio\nasync def f():\n  while True: yield await asyncio.sleep(0)\n"
    "async for _ in f(): pass",
    "runs a child": "import subprocess; subprocess.run(['sleep', '60'])",
}
IN_THREADS: Final = [name for name in ENDLESS if name not in ("runs a child", "waits for a thread")]
CASES: Final = [
    *[(mode, name) for mode in ("queue", "task") for name in ENDLESS],
    *[("thread", name) for name in IN_THREADS],
]


async def interrupt(km: ConKernelManager, kc: ConKernelClient, run: Run, how: str) -> None:
    """Stop it by a signal to the kernel, or by its id."""
    if how == "signal":
        await km.interrupt_kernel()
    else:
        assert await cancelled(kc, run) == ["interrupted"]


@pytest.mark.parametrize("how", ["signal", "msg_id"])
@pytest.mark.parametrize(("mode", "name"), CASES)
async def test_a_stop_ends_what_runs(km: ConKernelManager, mode: str, name: str, how: str) -> None:
    """Whatever it does, in each mode; the kernel goes on, and nothing else is hit."""
    async with client_of(km, window=None) as kc:
        run = await begun(kc, ENDLESS[name], run_mode=mode)
        await interrupt(km, kc, run, how)
        (result,) = await ended(run)
        assert (result.status, result.error.ename) == ("error", "KeyboardInterrupt")
        assert await value_of(kc, "1 + 1") == "2"


@pytest.mark.parametrize(
    "code", [BLOCKS, AWAITS, f"import asyncio; await asyncio.sleep(0.01)\n{BLOCKS}"]
)
async def test_a_stop_takes_less_than_a_third_of_a_second(km: ConKernelManager, code: str) -> None:
    """The best of five times, since what else runs on the machine says nothing about it."""
    seconds = []
    async with client_of(km) as kc:
        for _ in range(5):
            run = await begun(kc, code)
            began = time.monotonic()
            await km.interrupt_kernel()
            await ended(run)
            seconds.append(time.monotonic() - began)
    assert min(seconds) < 0.3


async def test_a_signal_that_comes_as_the_code_begins_to_block_is_not_lost(
    km: ConKernelManager,
) -> None:
    """Python looks for signals between its steps: one just before a call blocks wakes nobody."""
    async with client_of(km) as kc:
        for _ in range(40):
            began = time.monotonic()
            is_announced = asyncio.Event()
            run = kc.run(BLOCKS, on_output=lambda _, event=is_announced: event.set())
            await asyncio.wait_for(is_announced.wait(), LONG)
            await km.interrupt_kernel()
            (result,) = await ended(run)
            assert result.error.ename == "KeyboardInterrupt"
            assert time.monotonic() - began < 30


async def test_a_signal_stops_all_that_runs(km: ConKernelManager) -> None:
    """In the main thread, in tasks, in threads, in lanes; what waits goes on to run."""
    async with client_of(km, window=None) as kc:
        runs = [
            await begun(kc, AWAITS, lane="a"),
            await begun(kc, AWAITS, run_mode="task"),
            await begun(kc, BLOCKS, run_mode="thread"),
            await begun(kc, AWAITS, run_mode="thread"),
            await begun(kc, BLOCKS),
        ]
        waiting = kc.run("5")
        while (await listed(kc)).get(waiting.msg_id) != "queued":
            pass
        await km.interrupt_kernel()
        results = await ended(*runs, waiting)
    assert [it.error.ename for it in results[:-1]] == ["KeyboardInterrupt"] * 5
    assert results[-1].data["text/plain"] == "5"


async def test_several_are_cancelled_at_once_and_others_go_on(km: ConKernelManager) -> None:
    """One request names some of those that run."""
    async with client_of(km, window=None) as kc:
        tasks = [await begun(kc, AWAITS, run_mode="task") for _ in range(3)]
        threads = [await begun(kc, BLOCKS, run_mode="thread") for _ in range(3)]
        kept = [
            await begun(kc, "import asyncio\nwhile not gate: await asyncio.sleep(0.001)\n5", **meta)
            for meta in ({"run_mode": "task"}, {"run_mode": "thread"})
            if await raw(kc, "gate = False")
        ]
        assert await cancelled(kc, *tasks, *threads) == ["interrupted"] * 6
        states = await listed(kc)
        assert set(states) == {it.msg_id for it in kept}
        await raw(kc, "gate = True")
        results = await ended(*kept)
        assert [it.data["text/plain"] for it in results] == ["5", "5"]
        assert {it.error.ename for it in await ended(*tasks, *threads)} == {"KeyboardInterrupt"}


async def test_a_cancel_tells_what_it_found(km: ConKernelManager) -> None:
    """Queued, held, running, ended and unknown requests; what waited never runs."""
    async with client_of(km, window=None) as kc:
        over = kc.run("1")
        await ended(over)
        running = await begun(kc, BLOCKS)
        queued = kc.run("print('ran')")
        held = kc.run("print('ran')", metadata={"after": [queued.msg_id], "run_mode": "task"})
        while len(await listed(kc)) < 3:
            pass
        found = await cancelled(kc, held, queued, over, "unknown", running)
        assert found == ["dequeued", "dequeued", "ended", "unknown", "interrupted"]
        results = await ended(queued, held)
        assert [(it.status, it.stdout) for it in results] == [("aborted", "")] * 2
        await ended(running)


async def test_a_cancel_of_what_others_come_after_aborts_those(km: ConKernelManager) -> None:
    """They would wait for ever."""
    async with client_of(km, window=None) as kc:
        first = await begun(kc, AWAITS, run_mode="task")
        second = kc.run("print('ran')", metadata={"after": [first.msg_id]})
        while len(await listed(kc)) < 2:
            pass
        assert await cancelled(kc, first) == ["interrupted"]
        results = await ended(first, second)
    assert [(it.status, it.stdout) for it in results[1:]] == [("aborted", "")]


@pytest.mark.parametrize("msg_ids", ["x", 5, [5], {"a": 1}], ids=str)
async def test_a_cancel_of_what_is_no_list_of_ids_is_an_error(
    km: ConKernelManager, msg_ids: Any
) -> None:
    """And stops nothing."""
    async with client_of(km) as kc:
        content = await asked(kc, "interrupt_request", msg_ids=msg_ids)
        assert (content["status"], content["ename"]) == ("error", "BadOptionError")
        assert (await asked(kc, "interrupt_request", msg_ids=[]))["requests"] == {}


async def test_an_interrupt_of_an_idle_kernel_is_harmless(km: ConKernelManager) -> None:
    """However many there are: what comes next is not hit."""
    async with client_of(km) as kc:
        for _ in range(20):
            await km.interrupt_kernel()
            assert (await asked(kc, "interrupt_request"))["status"] == "ok"
        assert await value_of(kc, "6 * 7") == "42"


async def test_a_request_to_interrupt_stops_what_runs_as_a_signal_does(
    km: ConKernelManager,
) -> None:
    """As front ends send it to kernels whose interrupt mode is "message"."""
    async with client_of(km, window=None) as kc:
        runs = [await begun(kc, AWAITS, run_mode="task"), await begun(kc, BLOCKS)]
        assert (await asked(kc, "interrupt_request"))["status"] == "ok"
        results = await ended(*runs)
    assert [it.error.ename for it in results] == ["KeyboardInterrupt"] * 2


async def test_signals_amid_the_kernel_s_own_code_cost_nothing(km: ConKernelManager) -> None:
    """Many of them while cells print and display: each message is whole, each request answered."""
    code = "from IPython.display import display\nfor _ in range(50): print('x' * 50); display('y')"
    statuses = []
    async with client_of(km, window=None) as kc:
        pid = int(await value_of(kc, "import os; os.getpid()") or 0)
        for _ in range(15):
            runs = [
                kc.run(code, metadata={"run_mode": mode})
                for mode in ("queue", "task", "thread", "queue")
            ]
            while not all(run.done() for run in runs):
                os.kill(pid, signal.SIGINT)
                await asyncio.sleep(0.003)  # how often, no synchronisation
            for result in await ended(*runs):
                statuses.append(result.status)
                assert set(result.stdout) <= {"x", "\n"}
        assert await value_of(kc, "6 * 7") == "42"
    assert len(statuses) == 60
    assert set(statuses) <= {"ok", "error"}


@pytest.mark.timeout(60)
async def test_what_swallows_its_cancel_is_reported_and_lives(km: ConKernelManager) -> None:
    """After several attempts, by whoever: the cell is told so once, and the kernel lives."""
    code = (
        "import time\nn = 0\nwhile not gate:\n  try:\n    print('in', flush=True)\n"
        "    while not gate: time.sleep(0.01)\n  except BaseException: n += 1\nn"
    )
    async with client_of(km, window=None) as kc:
        await raw(kc, "gate = False")
        run = await printing(kc, code)
        found = await asyncio.gather(*[cancelled(kc, run) for _ in range(3)])
        assert found == [["uncancellable"]] * 3
        assert await value_of(kc, "gate = True; 1", run_mode="thread") == "1"
        (result,) = await ended(run)
    assert result.status == "ok"
    assert int(result.data["text/plain"]) > 1
    assert result.stderr.count("does not stop") == 1


async def test_a_cell_may_handle_its_cancel_and_end_in_its_own_way(km: ConKernelManager) -> None:
    """Its `finally` and `except` run, also where they await."""
    code = (
        "import asyncio\ntry: await asyncio.sleep(60)\n"
        "except asyncio.CancelledError: print('cancelled')\n"
        "finally:\n  await asyncio.sleep(0)\n  print('finally')"
    )
    async with client_of(km) as kc:
        run = await begun(kc, code)
        assert await cancelled(kc, run) == ["interrupted"]
        (result,) = await ended(run)
    assert result.stdout == "begun\ncancelled\nfinally\n"
    assert result.status == "ok"


@pytest.mark.parametrize("error", ["KeyboardInterrupt", "SystemExit", "asyncio.CancelledError"])
async def test_what_user_code_raises_in_a_child_task_ends_its_cell_alone(
    km: ConKernelManager, error: str
) -> None:
    """Also errors for which asyncio leaves its loop."""
    code = f"import asyncio\nasync def f(): raise {error}\nawait asyncio.create_task(f())"
    async with client_of(km, window=None) as kc:
        other = (
            await begun(
                kc, "import asyncio\nwhile not gate: await asyncio.sleep(0.001)\n5", run_mode="task"
            )
            if await raw(kc, "gate = False")
            else None
        )
        for mode in ("queue", "task", "thread"):
            result = await raw(kc, code, run_mode=mode)
            assert (result.status, result.error.ename) == ("error", error.rpartition(".")[2])
        await raw(kc, "gate = True")
        (result,) = await ended(other)
    assert result.data["text/plain"] == "5"


@pytest.mark.parametrize("error", ["KeyboardInterrupt", "SystemExit"])
async def test_what_a_background_task_raises_ends_no_kernel(
    km: ConKernelManager, error: str
) -> None:
    """Nor does it cost a request."""
    code = f"import asyncio\nasync def f(): raise {error}\nt = asyncio.create_task(f());"
    async with client_of(km, window=None) as kc:
        for mode in ("queue", "task", "thread"):
            runs = [kc.run(code, metadata={"run_mode": mode}), *[kc.run(f"{i}") for i in range(5)]]
            results = await ended(*runs)
            assert [it.status for it in results] == ["ok"] * 6, results[0]
        await raw(kc, "del t; import gc; gc.collect()")


async def test_a_handler_of_signals_that_a_cell_installs_lasts_for_that_cell(
    km: ConKernelManager,
) -> None:
    """The next one can be interrupted."""
    async with client_of(km) as kc:
        await raw(kc, "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)")
        run = await begun(kc, BLOCKS)
        await km.interrupt_kernel()
        (result,) = await ended(run)
    assert result.error.ename == "KeyboardInterrupt"


async def test_the_traceback_of_a_stop_shows_where_the_code_was(km: ConKernelManager) -> None:
    """In each mode, for code that awaits and for code that does not."""
    async with client_of(km) as kc:
        for mode in ("queue", "task", "thread"):
            for code in (AWAITS, BLOCKS):
                run = await begun(kc, code, run_mode=mode)
                assert await cancelled(kc, run) == ["interrupted"]
                (result,) = await ended(run)
                text = ANSI.sub("", "\n".join(result.error.traceback))
                assert "sleep(60)" in text
                assert "stopper.py" not in text


async def test_what_is_stopped_before_it_could_begin_never_runs(km: ConKernelManager) -> None:
    """Its turn has come, but another cell blocks the main thread."""
    async with client_of(km, window=None) as kc:
        blocks = await begun(kc, "import time; time.sleep(1.5)", run_mode="task")
        behind = kc.run("ran = 1; import asyncio; await asyncio.sleep(60)", mode="task")
        while (await listed(kc)).get(behind.msg_id) != "running":
            assert not blocks.done()
        content = await asked(kc, "interrupt_request", msg_ids=[behind.msg_id])
        assert content["requests"] == {behind.msg_id: "dequeued"}
        assert not blocks.done()
        await ended(blocks)
        result = await asyncio.wait_for(behind, LONG)
        assert (result.status, result.error.ename) == ("error", "KeyboardInterrupt")
        assert await value_of(kc, "'ran' in globals()") == "False"


async def test_two_cancels_of_one_request_are_both_answered(km: ConKernelManager) -> None:
    """And the cell ends once."""
    async with client_of(km) as kc:
        run = await begun(kc, AWAITS)
        found = await asyncio.gather(cancelled(kc, run), cancelled(kc, run))
        assert found[0] == ["interrupted"]
        assert found[1] in (["interrupted"], ["ended"])
        (result,) = await ended(run)
    assert result.error.ename == "KeyboardInterrupt"


async def test_a_stop_of_one_cell_stops_no_thread_that_it_started(km: ConKernelManager) -> None:
    """Threads of user code cannot be stopped from outside; the cell alone ends."""
    async with client_of(km, window=None) as kc:
        await raw(
            kc,
            "import threading; gate = threading.Event(); ends = []\n"
            "t = threading.Thread(target=lambda: print(gate.wait(30), ends.append(1)))",
        )
        run = await printing(kc, f"t.start(); print('begun', flush=True)\n{AWAITS}")
        assert await cancelled(kc, run) == ["interrupted"]
        await ended(run)
        assert await value_of(kc, "gate.set(); t.join(); ends") == "[1]"


async def test_an_interrupted_kernel_still_publishes_in_order(km: ConKernelManager) -> None:
    """Busy is the first and idle the last of each request."""
    messages: list[Any] = []
    async with client_of(km, window=None) as kc:
        kc.subscribe(messages.append)
        run = await begun(kc, "while True: print('x')")
        await km.interrupt_kernel()
        await ended(run)
        await raw(kc, "1")
    own = [
        it
        for it in messages
        if it["parent_header"].get("msg_id") == run.msg_id and it["msg_type"][-5:] != "reply"
    ]
    states = [it["content"]["execution_state"] for it in own if it["msg_type"] == "status"]
    assert states == ["busy", "idle"]
    assert [own[0]["msg_type"], own[-2]["msg_type"], own[-1]["msg_type"]] == [
        "status",
        "error",
        "status",
    ]
    assert text_of(own[2]).startswith("begun")
