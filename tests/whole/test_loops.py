"""Whichever event loop runs is served; one at rest stands in nobody's way."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import ConKernelManager, errors
from tests.clients import LONG
from tests.conftest import KERNEL
from tests.whole.served import KINDS, ask, end, run, start

if TYPE_CHECKING:
    from pathlib import Path


def test_open_loops_take_turns(loops: list[asyncio.AbstractEventLoop]) -> None:
    """Each is served while it runs, however often they change."""
    km, kc = loops[0].run_until_complete(start())
    for _ in range(5):
        for loop in loops:
            assert loop.run_until_complete(ask(kc)) == "ok"
            assert loop.run_until_complete(kc.wait_for_ready(timeout=LONG)) is None
    loops[1].run_until_complete(end(km, kc))


@pytest.mark.parametrize("wait", ["reply", "run", "record", "channel"])
def test_what_was_asked_in_a_loop_at_rest_is_answered_when_it_runs(
    loops: list[asyncio.AbstractEventLoop], wait: str
) -> None:
    """Also for a task in mid-await, whether the other loop read the answer or not."""
    km, kc = loops[0].run_until_complete(start())

    async def begin(code: str) -> asyncio.Task[Any]:
        def awaitable() -> Any:
            if wait == "reply":
                return kc.execute(code, reply=True)
            if wait == "run":
                return kc.run(code)
            msg_id = kc.execute(code)
            if wait == "record":
                return kc.get_pubs(msg_id)
            return kc._async_recv_reply(msg_id)

        async def use() -> Any:
            return await awaitable()

        task = asyncio.create_task(use())
        await asyncio.sleep(0)
        return task

    for code in ("1", "import time; time.sleep(0.3)"):
        task = loops[0].run_until_complete(begin(code))
        if code == "1":
            assert loops[1].run_until_complete(ask(kc)) == "ok"
        else:
            loops[1].run_until_complete(kc.control_channel.msg_ready())
        assert loops[0].run_until_complete(asyncio.wait_for(task, LONG)) is not None
    loops[2].run_until_complete(end(km, kc))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ends", ["itself", "cancelled"])
def test_a_loop_is_answered_while_another_thread_s_is_served(
    loops: list[asyncio.AbstractEventLoop], tmp_path: Path, kind: str, ends: str
) -> None:
    """In its own thread: neither touches what belongs to the other one."""
    km, kc = loops[0].run_until_complete(start())
    gate = tmp_path / "gate"
    code = f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.01)\nprint(1)"

    async def begin() -> asyncio.Task[Any]:
        async def use() -> Any:
            return await KINDS[kind](kc, code)

        task = asyncio.create_task(use())
        await asyncio.sleep(0.05)  # the loop reads what has come until then
        return task

    task = loops[0].run_until_complete(begin())
    is_served, is_done = threading.Event(), asyncio.Event()

    async def serve() -> None:
        await kc.control_channel.msg_ready()
        is_served.set()
        await is_done.wait()

    thread = threading.Thread(target=loops[1].run_until_complete, args=(serve(),))
    thread.start()
    assert is_served.wait(LONG)

    async def finish() -> Any:
        if ends == "cancelled":
            task.cancel()
            await asyncio.wait((task,))
            assert task.cancelled()
        gate.touch()
        return True if ends == "cancelled" else await asyncio.wait_for(task, LONG)

    try:
        assert loops[0].run_until_complete(finish())
        assert kc._connection.loop is loops[1]
    finally:
        loops[1].call_soon_threadsafe(is_done.set)
        thread.join()
    assert loops[0].run_until_complete(ask(kc)) == "ok"
    loops[0].run_until_complete(end(km, kc))


def test_starts_in_two_loops_take_turns_or_are_refused(
    loops: list[asyncio.AbstractEventLoop],
) -> None:
    """Two at once never make two kernels; one that would wait for ever is an error."""
    km = ConKernelManager(kernel_name=KERNEL)

    async def begin() -> asyncio.Task[None]:
        task = asyncio.create_task(km.start_kernel())
        await asyncio.sleep(0)
        return task

    task = loops[0].run_until_complete(begin())
    with pytest.raises(errors.WrongLoopError, match="does not run"):
        loops[1].run_until_complete(km.restart_kernel(now=True))
    thread = threading.Thread(target=loops[0].run_until_complete, args=(task,))
    thread.start()
    while not loops[0].is_running() and thread.is_alive():
        pass
    loops[1].run_until_complete(km.restart_kernel(now=True))
    thread.join()
    assert loops[1].run_until_complete(km.is_alive())
    loops[2].run_until_complete(km.shutdown_kernel(now=True))


def test_ready_is_for_whoever_awaits_it(loops: list[asyncio.AbstractEventLoop]) -> None:
    """Also where another loop had asked for it before."""
    km = ConKernelManager(kernel_name=KERNEL)

    async def ready() -> Any:
        return km.ready

    before = loops[0].run_until_complete(ready())

    async def use() -> None:
        await km.start_kernel()
        await km.ready

    loops[1].run_until_complete(use())
    loops[0].run_until_complete(asyncio.wait_for(before, LONG))
    loops[2].run_until_complete(km.shutdown_kernel(now=True))


@pytest.mark.parametrize("first", ["rests", "is closed"])
def test_a_kernel_that_dies_is_started_again_from_the_loop_that_runs(
    loops: list[asyncio.AbstractEventLoop], first: str
) -> None:
    """Whatever became of the one that started it."""
    km = ConKernelManager(kernel_name=KERNEL, autorestart=True)

    async def begin() -> Any:
        await km.start_kernel()
        km.start_restarter()
        return await km.client().start_channels()

    kc = loops[0].run_until_complete(begin())
    if first == "is closed":
        loops[0].close()

    async def kill() -> Any:
        is_restarted = asyncio.Event()
        km.add_restart_callback(is_restarted.set)
        with pytest.raises(errors.DeadKernelError):
            await kc.execute("import os; os._exit(1)", reply=True)
        await asyncio.wait_for(is_restarted.wait(), LONG)
        return await ask(kc)

    assert loops[1].run_until_complete(kill()) == "ok"
    loops[1].run_until_complete(end(km, kc))


def test_runners_one_after_the_other_share_a_client() -> None:
    """Each has a loop of its own, which it closes."""
    made: Any = ()
    for _ in range(2):
        with asyncio.Runner(debug=True) as runner:
            km, kc = made = made or runner.run(start())
            assert runner.run(ask(kc)) == "ok"
            assert runner.run(run(kc)).status == "ok"
    asyncio.run(end(km, kc))


def test_an_interrupt_and_a_question_reach_a_run_of_a_loop_that_was_at_rest(
    loops: list[asyncio.AbstractEventLoop],
) -> None:
    """The handler and the interrupt work in the run's own loop."""
    km, kc = loops[0].run_until_complete(start())

    async def begin() -> Any:
        asked = kc.run("print(input())", on_stdin=lambda _question: "yes")
        await asyncio.sleep(0)
        return asked, kc.run(f"import time; time.sleep({LONG})")

    asked, long = loops[0].run_until_complete(begin())
    loops[1].run_until_complete(kc.control_channel.msg_ready())

    async def finish() -> Any:
        assert (await asyncio.wait_for(asked, LONG)).stdout == "yes\n"
        assert await asyncio.wait_for(long.interrupt(), LONG)
        return (await long).interrupted

    assert loops[0].run_until_complete(finish())
    loops[1].run_until_complete(end(km, kc))


@pytest.mark.parametrize("next_loop", [0, 1])
def test_a_thread_may_ask_while_the_served_loop_is_at_rest(
    loops: list[asyncio.AbstractEventLoop], next_loop: int
) -> None:
    """Its futures are done when that loop runs again, or another one uses the client."""
    km, kc = loops[0].run_until_complete(start())
    answers: list[Any] = []

    def work() -> None:
        assert kc.execute("x = 1")
        answers.append(kc.execute("x", reply=True, timeout=LONG))
        answers.append(kc.run("print(x)"))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    async def wait() -> Any:
        await kc.control_channel.msg_ready()
        return await asyncio.gather(*map(asyncio.wrap_future, answers))

    reply, result = loops[next_loop].run_until_complete(asyncio.wait_for(wait(), LONG))
    assert (reply["content"]["status"], result.stdout) == ("ok", "1\n")
    loops[next_loop].run_until_complete(end(km, kc))


def test_isolated_test_cases_share_a_client() -> None:
    """The class's loop is closed, each test has its own."""
    import unittest

    class Case(unittest.IsolatedAsyncioTestCase):
        made: Any

        @classmethod
        def setUpClass(cls) -> None:
            cls.made = asyncio.run(start())

        @classmethod
        def tearDownClass(cls) -> None:
            asyncio.run(end(*cls.made))

        async def asyncSetUp(self) -> None:
            assert await ask(self.made[1]) == "ok"

        async def test_one(self) -> None:
            assert await ask(self.made[1]) == "ok"

        async def test_two(self) -> None:
            assert (await self.made[1].run("print(2)")).stdout == "2\n"

    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(Case).run(result)
    assert result.testsRun == 2
    assert result.wasSuccessful(), (result.errors, result.failures)


def test_uvloop_and_asyncio_take_turns(loops: list[asyncio.AbstractEventLoop]) -> None:
    """What counts is which of them runs."""
    import uvloop

    other = uvloop.new_event_loop()
    km, kc = other.run_until_complete(start())
    for loop in (loops[0], other, loops[1], other):
        assert loop.run_until_complete(ask(kc)) == "ok"
    other.run_until_complete(end(km, kc))
    other.close()


async def nested() -> list[str]:
    km, kc = await start()
    inner = asyncio.new_event_loop()
    nest_asyncio2.apply(inner)
    got = [asyncio.get_running_loop().run_until_complete(ask(kc))]
    got.append(inner.run_until_complete(ask(kc)))
    got.append(await ask(kc))
    inner.close()
    got.append(await ask(kc))
    await end(km, kc)
    return got


if __name__ == "__main__":  # in a process of its own: it patches asyncio for good
    import nest_asyncio2

    nest_asyncio2.apply()
    assert asyncio.run(nested(), debug=True) == ["ok"] * 4


def test_a_loop_nested_in_another_is_served() -> None:
    """The one inside while it runs, the outer one after it."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.whole.test_loops"],
        capture_output=True,
        text=True,
        timeout=LONG,
    )
    # The kernel says there that it is not encrypted.
    said = [line for line in done.stderr.splitlines() if not line.startswith("[IPKernelApp]")]
    assert (done.returncode, said) == (0, [])
