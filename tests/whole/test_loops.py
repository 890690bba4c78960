"""Whichever event loop runs is served; one at rest stands in nobody's way."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import ConKernelManager, errors
from conkernelclient.testing import FakeKernel, Silence
from tests.clients import LONG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def loops(caplog: pytest.LogCaptureFixture) -> Iterator[list[asyncio.AbstractEventLoop]]:
    """Three loops in debug mode; asyncio logs no error while they are used."""
    made = [asyncio.new_event_loop() for _ in range(3)]
    for loop in made:
        loop.set_debug(True)
        loop.slow_callback_duration = LONG
    yield made
    for loop in made:
        loop.close()
    gc.collect()  # asyncio tells of a task when it is collected
    records = [*caplog.get_records("call"), *caplog.records]  # of the test, and since then
    logged = [one for one in records if one.levelno >= logging.WARNING]
    assert [one.getMessage() for one in logged if one.name == "asyncio"] == []


async def start() -> tuple[ConKernelManager, Any]:
    km = ConKernelManager()
    await km.start_kernel()
    return km, await km.client().start_channels()


async def end(km: ConKernelManager, kc: Any) -> None:
    kc.stop_channels()
    await km.shutdown_kernel(now=True)


async def ask(kc: Any) -> Any:
    return (await kc.execute("1", reply=True, timeout=LONG))["content"]["status"]


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


async def outputs_of(run: Any) -> list[Any]:
    return [event async for event in run]


async def heard_by(kc: Any, code: str) -> Any:
    heard: list[Any] = []
    result = await kc.run(code, on_output=heard.append)
    return heard and result


async def cut_off(kc: Any, code: str) -> Any:
    # Nobody interrupts it for a loop that is closed: then the kernel has it to the end.
    result = await kc.run(f"{code}\nimport time\ntime.sleep(5)", timeout=0.5)
    assert result.status == "timeout"
    return result


KINDS: dict[str, Callable[[Any, str], Any]] = {
    "reply": lambda kc, code: kc.execute(code, reply=True, timeout=LONG),
    "run": lambda kc, code: kc.run(code, timeout=LONG),
    "events": lambda kc, code: outputs_of(kc.run(code)),
    "on_output": heard_by,
    "timeout": cut_off,
    "record": lambda kc, code: kc.get_pubs(kc.execute(code)),
    "claim": lambda kc, code: kc._async_recv_reply(kc.execute(code)),
    "get_shell_msg": lambda kc, code: kc.execute(code) and kc.get_shell_msg(),
    "interactive": lambda kc, code: kc.execute_interactive(code, output_hook=lambda _: None),
}


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
    km = ConKernelManager()

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
    km = ConKernelManager()

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
    km = ConKernelManager(autorestart=True)

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


def test_a_loop_that_is_closed_costs_no_other_one_its_answer(
    loops: list[asyncio.AbstractEventLoop],
) -> None:
    """What was asked in it is forgotten; a loop at rest gets its own."""
    km, kc = loops[0].run_until_complete(start())

    async def send() -> Any:
        return kc.execute("1", reply=True)

    mine = loops[0].run_until_complete(send())
    loops[1].run_until_complete(send())
    loops[1].close()
    assert loops[2].run_until_complete(ask(kc)) == "ok"
    assert loops[0].run_until_complete(asyncio.wait_for(mine, LONG))["content"]["status"] == "ok"
    loops[0].run_until_complete(end(km, kc))


@pytest.mark.parametrize("kind", KINDS)
def test_what_waits_in_a_closed_loop_is_forgotten(
    loops: list[asyncio.AbstractEventLoop], kind: str
) -> None:
    """Nothing is logged, nobody waits behind it, and what another loop at rest asked is kept."""
    km, kc = loops[0].run_until_complete(start())
    loop = asyncio.new_event_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = LONG

    async def begin() -> asyncio.Task[Any]:
        async def use() -> Any:
            return await KINDS[kind](kc, "import time; time.sleep(0.2)")

        task = asyncio.create_task(use())
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # it is the test's own
        await asyncio.sleep(0.05)
        return task

    async def send() -> Any:
        return kc.execute("1", reply=True)

    mine = loops[0].run_until_complete(send())
    task = loop.run_until_complete(begin())
    loop.close()
    assert loops[1].run_until_complete(ask(kc)) == "ok"
    assert (loops[1].run_until_complete(run(kc))).status == "ok"
    assert loops[0].run_until_complete(asyncio.wait_for(mine, LONG))["content"]["status"] == "ok"
    assert kc.stats()["pending"] == 0
    assert not task.done()
    loops[2].run_until_complete(end(km, kc))
    with suppress(RuntimeError):  # its loop is closed
        task.get_coro().close()  # type: ignore[union-attr]


async def run(kc: Any) -> Any:
    return await kc.run("2", timeout=LONG)


def test_a_request_of_a_closed_loop_leaves_the_window(
    loops: list[asyncio.AbstractEventLoop],
) -> None:
    """One that waits its turn never leaves, also if its loop was closed at rest."""
    km, kc = loops[0].run_until_complete(start())
    loop = asyncio.new_event_loop()

    async def begin() -> Any:
        kc.run("import time; time.sleep(0.3)")
        return kc.run("a = 1"), kc.execute("b = 1", reply=True)

    loop.run_until_complete(begin())
    loops[1].run_until_complete(kc.control_channel.msg_ready())  # it is at rest
    loop.close()

    async def names() -> str:
        return (await kc.run("print('a' in globals(), 'b' in globals())")).stdout

    assert loops[1].run_until_complete(names()) == "False False\n"
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


WAYS_OF_PLUGINS = {
    "pytest_asyncio": """
import pytest_asyncio
fixture = pytest_asyncio.fixture(scope="{scope}", loop_scope="{scope}")
mark = pytest.mark.asyncio
""",
    "anyio": """
fixture = pytest.fixture(scope="{scope}")
mark = pytest.mark.anyio

@fixture
def anyio_backend():
    return "asyncio", {{"debug": True}}
""",
}
TESTS_OF_PLUGINS = """
import asyncio, pytest
from conkernelclient import ConKernelManager
{way}
@fixture
async def kc({needs}):
    km = ConKernelManager()
    await km.start_kernel()
    kc = await km.client().start_channels()
    yield kc
    kc.stop_channels()
    await km.shutdown_kernel(now=True)

@mark
@pytest.mark.parametrize("n", range(3))
async def test_one(kc, n):
    task = asyncio.ensure_future(kc.execute("1", reply=True))
    assert (await kc.run(f"print({{n}})")).stdout == f"{{n}}\\n"
    assert (await task)["content"]["status"] == "ok"
"""


def run_with_plugin(folder: Path, plugin: str, way: str, needs: str = "") -> None:
    """Run these tests in a pytest of its own with this plugin and no other."""
    (folder / "test_it.py").write_text(TESTS_OF_PLUGINS.format(way=way, needs=needs))
    command = [sys.executable, "-m", "pytest", "-q", "-p", plugin, "-W", "error"]
    environ = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, timeout=LONG
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


@pytest.mark.parametrize("mode", ["auto", "strict"])
@pytest.mark.parametrize("scope", ["function", "module", "session"])
def test_a_fixture_of_pytest_asyncio_serves_tests_with_loops_of_their_own(
    tmp_path: Path, scope: str, mode: str
) -> None:
    """Whatever its scope, and in both modes."""
    settings = {"mode": mode, "debug": "true", "default_fixture_loop_scope": "function"}
    lines = ["[pytest]", *(f"asyncio_{name} = {value}" for name, value in settings.items())]
    (tmp_path / "pytest.ini").write_text("\n".join(lines))
    way = WAYS_OF_PLUGINS["pytest_asyncio"].format(scope=scope)
    run_with_plugin(tmp_path, "pytest_asyncio.plugin", way)


@pytest.mark.parametrize("scope", ["function", "module", "session"])
def test_a_fixture_of_anyio_serves_the_tests_of_its_scope(tmp_path: Path, scope: str) -> None:
    """Its plugin keeps one loop for them."""
    way = WAYS_OF_PLUGINS["anyio"].format(scope=scope)
    run_with_plugin(tmp_path, "anyio.pytest_plugin", way, needs="anyio_backend")


def test_a_thread_that_waits_for_a_closed_loop_is_told(
    loops: list[asyncio.AbstractEventLoop],
) -> None:
    """As soon as another loop is served."""
    km, kc = loops[0].run_until_complete(start())
    answers: list[Any] = []

    async def begin() -> None:
        def work() -> None:
            answers.append(kc.execute("import time; time.sleep(0.5)", reply=True))

        await kc.control_channel.msg_ready()
        await asyncio.to_thread(work)
        await asyncio.sleep(0)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(begin())
    loop.close()
    assert loops[1].run_until_complete(ask(kc)) == "ok"
    with pytest.raises(errors.ChannelsClosedError, match="closed before"):
        answers[0].result(LONG)
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


def test_a_thread_that_ended_without_closing_its_loop_is_in_nobodys_way(
    loops: list[asyncio.AbstractEventLoop],
) -> None:
    """The next loop is served, in another thread."""
    made: list[Any] = []
    thread = threading.Thread(target=lambda: made.extend(loops[0].run_until_complete(start())))
    thread.start()
    thread.join()
    km, kc = made
    assert loops[1].run_until_complete(ask(kc)) == "ok"
    loops[1].run_until_complete(end(km, kc))


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


def test_a_loop_that_is_closed_amid_a_greeting_ends_in_silence(
    loops: list[asyncio.AbstractEventLoop],
) -> None:
    """Its task is ours, and none of the program's to end; another loop goes on with it."""
    with FakeKernel(is_welcoming=False) as kernel:
        kernel.on("kernel_info_request", [Silence(is_idle=False)])
        kc = kernel.client()
        kc._link.watch(lambda: None, lambda: None, is_starting=True)

        async def start() -> None:
            kc.start_channels()
            await asyncio.to_thread(kernel.wait_for, "kernel_info_request")

        async def go_on() -> None:
            kernel.on("kernel_info_request", [])
            await kc.wait_for_ready(timeout=LONG)
            kc.stop_channels()

        loops[0].run_until_complete(start())
        loops[1].run_until_complete(go_on())
        loops[0].close()
        gc.collect()  # what asyncio says of it is logged now


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
