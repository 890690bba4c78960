"""Cells run in the way that they ask for."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.clients import LONG, client_of

from .conftest import begun, ended, listed, raw, value_of

if TYPE_CHECKING:
    from conkernelclient import ConKernelManager

MODES = ("queue", "task", "thread")

# Two cells that can only end if both run: each waits for what the other does.
MEET = """
import asyncio
while len(met) < 2:
    await asyncio.sleep(0.001)
"""


async def test_fifty_tasks_that_await_run_at_the_same_time(km: ConKernelManager) -> None:
    """None of them ends before all have begun, and each has its own output and value."""
    code = "import asyncio\nbegun.add({0})\nwhile len(begun) < 50: await asyncio.sleep(0.001)\n"
    async with client_of(km) as kc:
        await raw(kc, "begun = set()")
        runs = [
            kc.run(code.format(i) + f"print({i})\n{i}", metadata={"run_mode": "task"})
            for i in range(50)
        ]
        results = await ended(*runs)
    assert [(it.stdout, it.data["text/plain"]) for it in results] == [
        (f"{i}\n", str(i)) for i in range(50)
    ]


async def test_threads_run_at_the_same_time_and_have_their_own_loops(km: ConKernelManager) -> None:
    """A barrier lets none of them through before all are there."""
    code = "import asyncio, threading\nbarrier.wait(30)\nawait asyncio.sleep(0)\n"
    async with client_of(km) as kc:
        await raw(kc, "import threading; barrier = threading.Barrier(10)")
        runs = [
            kc.run(code + f"print({i})\nthreading.get_ident()", metadata={"run_mode": "thread"})
            for i in range(10)
        ]
        results = await ended(*runs)
    assert [it.stdout for it in results] == [f"{i}\n" for i in range(10)]
    assert len({it.data["text/plain"] for it in results}) == 10


async def test_the_queue_runs_one_after_the_other_in_the_order_of_arrival(
    km: ConKernelManager,
) -> None:
    """A cell that awaits lets no other cell of its lane in."""
    code = "order.append(('in', {0}))\nawait asyncio.sleep(0)\norder.append(('out', {0}))"
    async with client_of(km, window=None) as kc:
        await raw(kc, "import asyncio; order = []")
        await ended(*[kc.run(code.format(i)) for i in range(20)])
        order = await value_of(kc, "order == [(w, i) for i in range(20) for w in ('in', 'out')]")
    assert order == "True"


@pytest.mark.parametrize(
    "code", ["# task\n{0}", "##thread\n{0}", "\n#  task\n{0}"], ids=["task", "thread", "blank"]
)
async def test_a_first_line_says_how_a_cell_runs(km: ConKernelManager, code: str) -> None:
    """Two of them run at once, although nothing else asks for it."""
    async with client_of(km, window=None) as kc:
        await raw(kc, "met = set()")
        await ended(*[kc.run(code.format(f"met.add({i}){MEET}")) for i in range(2)])


async def test_a_tag_says_how_a_cell_runs_and_goes_before_the_first_line(
    km: ConKernelManager,
) -> None:
    """The cell's thread is not the main one."""
    code = "# queue\nimport threading; threading.current_thread() is threading.main_thread()"
    async with client_of(km) as kc:
        assert await value_of(kc, code, tags=["other", "thread"]) == "False"
        assert await value_of(kc, code, tags=["thread"], run_mode="task") == "True"


@pytest.mark.parametrize("mode", ["queue", "task"])
async def test_a_cell_begins_when_it_has_not_to_give_way_any_more(
    km: ConKernelManager, mode: str
) -> None:
    """It looks again until then."""
    async with client_of(km) as kc:
        await raw(kc, "runner = get_ipython().kernel.runner\nbefore = runner.gives_way\nlooks = []")
        await raw(kc, "runner.gives_way = lambda: looks.append(1) or len(looks) < 4")
        assert await value_of(kc, "runner.gives_way = before\nlen(looks)", run_mode=mode) == "4"


async def test_lanes_run_at_the_same_time(km: ConKernelManager) -> None:
    """Cells of two lanes meet; those of one lane never would."""
    async with client_of(km, window=None) as kc:
        await raw(kc, "met = set()")
        lanes = ["a", "b"]
        await ended(*[kc.run(f"met.add('{it}'){MEET}", metadata={"lane": it}) for it in lanes])


async def test_a_higher_priority_goes_before_those_that_wait(km: ConKernelManager) -> None:
    """And those of the same priority stay in their order."""
    async with client_of(km, window=None) as kc:
        await raw(kc, "import time; order = []")
        blocker = await begun(kc, "while not order: time.sleep(0.001)")
        runs = [
            kc.run(f"order.append({i})", metadata={"priority": priority})
            for i, priority in enumerate([0, 5, -1, 5])
        ]
        while len(await listed(kc)) < 5:
            pass
        await raw(kc, "order.append('free')", run_mode="thread")
        await ended(blocker, *runs)
        assert await value_of(kc, "order") == "['free', 1, 3, 0, 2]"


@pytest.mark.parametrize("mode", MODES)
async def test_a_request_starts_after_those_that_it_names(km: ConKernelManager, mode: str) -> None:
    """Whatever their modes."""
    async with client_of(km, window=None) as kc:
        await raw(kc, "order = []; gate = False")
        first = await begun(
            kc,
            "import asyncio\nwhile not gate: await asyncio.sleep(0.001)\norder.append('first')",
            run_mode="task",
        )
        meta = {"run_mode": mode, "after": [first.msg_id]}
        second = kc.run("order.append('second')", metadata=meta)
        while (await listed(kc)).get(second.msg_id) != "held":
            pass
        await raw(kc, "gate = True", run_mode="task")
        await ended(first, second)
        assert await value_of(kc, "order") == "['first', 'second']"


async def test_a_request_never_runs_after_one_that_failed(km: ConKernelManager) -> None:
    """It is answered as aborted, and says why; so is what comes after that."""
    async with client_of(km, window=None) as kc:
        await raw(kc, "import threading; gate = threading.Event()")
        bad = await begun(kc, "gate.wait(30); 1/0", run_mode="thread")
        second = kc.run("print('ran')", metadata={"after": [bad.msg_id], "run_mode": "task"})
        third = kc.run("print('ran')", metadata={"after": [second.msg_id]})
        while len(await listed(kc)) < 3:
            pass
        await raw(kc, "gate.set()", run_mode="thread")
        results = await ended(bad, second, third)
        late = await raw(kc, "print('ran')", after=[bad.msg_id])
    assert [it.status for it in (*results, late)] == ["error", "aborted", "aborted", "aborted"]
    assert results[1].stdout == results[2].stdout == late.stdout == ""
    assert bad.msg_id in results[1].reply["content"]["evalue"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "code",
    ["import time; time.sleep(30)", "import asyncio; await asyncio.sleep(30)", "while True: pass"],
    ids=["blocks", "awaits", "loops"],
)
async def test_a_timeout_ends_a_cell(km: ConKernelManager, mode: str, code: str) -> None:
    """As an error of its own type, and the kernel goes on."""
    async with client_of(km) as kc:
        result = await raw(kc, code, run_mode=mode, timeout=0.05)
        assert (result.status, result.error.ename) == ("error", "CellTimeoutError")
        assert "0.05 s" in result.error.evalue
        assert await value_of(kc, "1 + 1") == "2"


async def test_a_timeout_does_not_touch_a_cell_that_ends_in_time(km: ConKernelManager) -> None:
    """Nor the one that runs when it is over."""
    async with client_of(km, window=None) as kc:
        quick = kc.run("1", metadata={"timeout": 0.05})
        slow = kc.run("import time; time.sleep(0.2); 2")
        results = await ended(quick, slow)
    assert [it.data["text/plain"] for it in results] == ["1", "2"]


@pytest.mark.parametrize(
    ("metadata", "word"),
    [
        ({"run_mode": "x"}, "run_mode"),
        ({"run_mode": 1}, "run_mode"),
        ({"run_mode": ["task"]}, "run_mode"),
        ({"lane": "x" * 1_000_000}, "lane"),
        ({"lane": 1}, "lane"),
        ({"timeout": -1}, "timeout"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": "1"}, "timeout"),
        ({"timeout": True}, "timeout"),
        ({"priority": "x"}, "priority"),
        ({"priority": 1.5}, "priority"),
        ({"after": "x"}, "after"),
        ({"after": [1]}, "after"),
        ({"after": ["unknown"]}, "unknown"),
        ({"after": ["x"] * 2000}, "after"),
    ],
    ids=lambda it: str(it)[:24] if isinstance(it, dict) else "",
)
async def test_a_bad_option_is_an_error_of_its_request(
    km: ConKernelManager, metadata: dict[str, Any], word: str
) -> None:
    """The code does not run, the reply says what is wrong, and the kernel goes on."""
    async with client_of(km) as kc:
        result = await raw(kc, "print('ran')", **metadata)
        assert (result.status, result.stdout) == ("error", "")
        assert word in result.error.evalue
        assert len(result.error.evalue) < 1000
        assert await value_of(kc, "1") == "1"


async def test_a_request_that_comes_after_itself_is_refused(km: ConKernelManager) -> None:
    """Longer circles cannot be: what is not yet sent is unknown."""
    async with client_of(km) as kc:
        run = kc.run("1", msg_id="itself", metadata={"after": ["itself"]})
        (result,) = await ended(run)
    assert result.error.ename == "CircularRequest"


async def test_a_code_that_is_no_string_is_an_error_of_its_request(km: ConKernelManager) -> None:
    """As are bad user expressions and a subshell that is none."""
    async with client_of(km) as kc:
        reply = await kc.request("execute_request", {"code": 5}, timeout=LONG)
        assert reply["content"]["ename"] == "BadOptionError"
        content = {"code": "1", "user_expressions": [1]}
        reply = await kc.request("execute_request", content, timeout=LONG)
        assert reply["content"]["status"] == "error"
        assert await value_of(kc, "1") == "1"


async def test_a_code_of_100_megabytes_is_an_error_of_its_request(km: ConKernelManager) -> None:
    """IPython would take minutes to read it; one of a megabyte runs."""
    async with client_of(km) as kc:
        result = await raw(kc, "x" * 100_000_000)
        assert (result.error.ename, result.stdout) == ("CodeTooLargeError", "")
        assert await value_of(kc, f"len('{'x' * 1_000_000}')") == "1000000"


async def test_context_variables_live_on_between_cells_of_a_lane(km: ConKernelManager) -> None:
    """And what a task has set lives on as well, in the end; a thread's does not."""
    async with client_of(km) as kc:
        await raw(
            kc, "from contextvars import ContextVar\nv = ContextVar('v', default=0)\nv.set(1);"
        )
        assert await value_of(kc, "v.get()") == "1"
        await raw(kc, "import asyncio\nawait asyncio.sleep(0)\nv.set(2);", run_mode="task")
        assert await value_of(kc, "v.get()") == "2"
        await raw(kc, "v.set(3);", run_mode="thread")
        assert await value_of(kc, "v.get()") == "2"
        assert await value_of(kc, "v.get()", run_mode="task") == "2"


async def test_tasks_at_the_same_time_do_not_see_each_others_context_variables(
    km: ConKernelManager,
) -> None:
    """Each finds what it has set itself, after both have set it."""
    code = "c.set({0})\nmet.add({0})" + MEET + "c.get()"
    async with client_of(km, window=None) as kc:
        await raw(kc, "from contextvars import ContextVar\nc = ContextVar('c')\nmet = set()")
        meta = {"run_mode": "task"}
        results = await ended(*[kc.run(code.format(i), metadata=meta) for i in (1, 2)])
    assert [it.data["text/plain"] for it in results] == ["1", "2"]


async def test_execution_counts_are_as_ipykernel_has_them(km: ConKernelManager) -> None:
    """What is silent, not stored, or empty does not count."""
    async with client_of(km) as kc:

        async def count(code: str, **options: Any) -> int:
            reply = await asyncio.wait_for(kc.execute(code, reply=True, **options), LONG)
            return reply["content"]["execution_count"]

        first = await count("1")
        assert await count("1") == first + 1
        assert await count("1", silent=True) == first + 1
        assert await count("1", store_history=False) == first + 1
        assert await count("") == first + 1
        assert await count("  \n") == first + 1
        assert await count("1/0") == first + 2
        assert await count("syntax error") == first + 3
        assert await count("1") == first + 4


async def test_cells_that_end_at_the_same_moment_keep_their_results(km: ConKernelManager) -> None:
    """Of threads, tasks and lanes, which a barrier lets go together, each has its own value."""
    code = "{0}{1}barrier.wait(30)\n{2}"
    async with client_of(km, window=None) as kc:
        for _ in range(5):
            await raw(kc, "import threading; barrier = threading.Barrier(8)")
            runs = [
                kc.run(code.format("", "", i * 1000), metadata={"run_mode": "thread"})
                for i in range(8)
            ]
            results = await ended(*runs)
            assert [it.data["text/plain"] for it in results] == [str(i * 1000) for i in range(8)]
            assert len({it.execution_count for it in results}) == 8


async def test_user_expressions_are_evaluated_after_the_code(km: ConKernelManager) -> None:
    """In each mode, also when one of them fails."""
    async with client_of(km) as kc:
        for mode in MODES:
            expressions = {"a": "x + 1", "b": "1/0"}
            run = kc.run("x = 2", user_expressions=expressions, metadata={"run_mode": mode})
            (result,) = await ended(run)
            values = result.reply["content"]["user_expressions"]
            assert values["a"]["data"]["text/plain"] == "3"
            assert values["b"]["ename"] == "ZeroDivisionError"


async def test_an_error_stops_exactly_what_was_sent_before_its_reply(km: ConKernelManager) -> None:
    """What waits in its lane is aborted; tasks, threads and other lanes go on."""
    async with client_of(km, window=None) as kc:
        await raw(kc, "import time; stop = False")
        code = "while not stop: time.sleep(0.001)\n1/0"
        replies = [kc.execute(code, reply=True, stop_on_error=True)]
        replies += [kc.execute("1", reply=True) for _ in range(20)]
        others = [
            kc.execute("1", reply=True, metadata=meta)
            for meta in ({"run_mode": "task"}, {"run_mode": "thread"}, {"lane": "other"})
        ]
        while len(await listed(kc)) < 21:
            pass
        await raw(kc, "stop = True", run_mode="thread")
        got = [(await asyncio.wait_for(it, LONG))["content"] for it in replies]
        went_on = [(await asyncio.wait_for(it, LONG))["content"]["status"] for it in others]
        after = await asyncio.wait_for(kc.execute("1", reply=True), LONG)
    assert [it["status"] for it in got] == ["error"] + ["aborted"] * 20
    assert went_on == ["ok"] * 3
    assert after["content"]["status"] == "ok"


async def test_a_request_sent_after_an_error_s_reply_runs(km: ConKernelManager) -> None:
    """However soon it is sent."""
    async with client_of(km, window=None) as kc:
        for _ in range(50):
            reply = await kc.execute("1/0", reply=True, stop_on_error=True)
            assert reply["content"]["status"] == "error"
            reply = await kc.execute("1", reply=True)
            assert reply["content"]["status"] == "ok"


async def test_an_error_stops_nothing_if_it_is_not_to(km: ConKernelManager) -> None:
    """With `stop_on_error` false, and in tasks."""
    async with client_of(km, window=None) as kc:
        bad = kc.execute("1/0", reply=True, stop_on_error=False)
        good = kc.execute("1", reply=True)
        task = kc.execute("1/0", reply=True, metadata={"run_mode": "task"}, stop_on_error=True)
        last = kc.execute("1", reply=True)
        got = [(await it)["content"]["status"] for it in (bad, good, task, last)]
    assert got == ["error", "ok", "error", "ok"]


async def test_a_blocked_queue_delays_no_thread(km: ConKernelManager) -> None:
    """Nor the answer to what asks about the requests."""
    async with client_of(km, window=None) as kc:
        await raw(kc, "import time; stop = False")
        blocker = await begun(kc, "while not stop: time.sleep(0.001)")
        began = time.monotonic()
        assert await value_of(kc, "'thread'", run_mode="thread") == "'thread'"
        assert await listed(kc) == {blocker.msg_id: "running"}
        assert time.monotonic() - began < LONG / 2
        await raw(kc, "stop = True", run_mode="thread")
        await ended(blocker)
