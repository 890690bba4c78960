"""Each call of a session ends with its own result, whatever its code does to the kernel."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from conkernelclient.agent import KernelSession
from conkernelclient.agent.states import SessionState
from conkernelclient.errors import SessionError
from tests.clients import LONG, until
from tests.manager.processes import is_running, kill

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HANGS: Final = "import time\nprint('begun', flush=True)\ntime.sleep(100)"
SWALLOWS: Final = """
import time
print('begun', flush=True)
while True:
    try:
        time.sleep(100)
    except KeyboardInterrupt:
        print('swallowed', flush=True)
"""


@pytest.fixture
async def session() -> AsyncIterator[KernelSession]:
    """A session in which `x` is 1, and whose kernel is gone afterwards."""
    async with KernelSession(setup=["x = 1"], timeout=LONG) as one:
        yield one
        pid = await pid_of(one)
    assert not is_running(pid)
    assert one.state is SessionState.CLOSED


def has_more_runs(session: KernelSession, than: int) -> bool:
    """Whether a call was made meanwhile."""
    return len(session.runs) > than


async def pid_of(session: KernelSession) -> int:
    """The kernel's process."""
    return int((await session.run("import os; os.getpid()")).text)


async def test_calls_share_their_variables_and_the_set_up(session: KernelSession) -> None:
    """Nothing is restarted."""
    assert (await session.run("x += 1; x")).text == "2\n"
    result = await session.run("print(x)")
    assert (result.text, result.status, result.restarted) == ("2\n", "ok", False)
    assert (await session.variables())["x"] == "int"
    assert result.run_id == "r2"
    assert "ready" in repr(session)


async def test_a_cell_that_hangs_is_interrupted_and_the_variables_are_kept(
    session: KernelSession,
) -> None:
    """With what it had shown; the text says so."""
    result = await session.run("x = 5\n" + HANGS, timeout=0.5)
    assert (result.status, result.restarted, result.still_running) == ("timeout", False, False)
    assert result.stdout == "begun\n"
    assert "timed out after 0.5 s and was interrupted" in result.to_llm(500)
    assert (await session.run("x")).text == "5\n"


async def test_a_cell_that_swallows_interrupts_costs_the_variables_and_no_later_call(
    session: KernelSession,
) -> None:
    """Told in one line; the calls that waited meanwhile run in the fresh kernel."""
    await session.run("x = 5")
    swallowing = asyncio.create_task(session.run(SWALLOWS, timeout=0.5))
    await until(lambda: session.runs.get("r2"))
    waiting = [asyncio.create_task(session.run("x", timeout=5)) for _ in range(3)]
    result = await swallowing
    assert (result.status, result.restarted, result.is_lost) == ("timeout", True, True)
    assert "swallowed" in result.stdout
    note = result.to_llm(2000).strip().splitlines()[-1]
    assert "did not stop when interrupted, so the kernel was ended" in note
    assert "set-up is run again" in note
    first, *others = await asyncio.gather(*waiting)
    assert first.restarted
    assert "fresh kernel, since r2 did not stop" in first.to_llm()
    assert [other.to_llm() for other in others] == ["1\n", "1\n"]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("os._exit(3)", "exit status 3"),
        ("os.kill(os.getpid(), 9)", "SIGKILL"),
        ("import ctypes; ctypes.string_at(0)", "SIGSEGV"),
    ],
)
async def test_a_call_under_which_the_kernel_ends_says_so_with_what_it_had_shown(
    session: KernelSession, code: str, said: str
) -> None:
    """And the next one has a fresh kernel with the set-up, and says so once."""
    result = await session.run(f"x = 7\nimport os, time\nprint('before')\ntime.sleep(0.5)\n{code}")
    assert (result.status, result.restarted, result.is_lost) == ("error", True, True)
    text = result.to_llm(500)
    assert "before" in text
    assert said in text
    assert "all variables are gone" in text
    assert "restart_kernel" not in text
    assert result.msg_id not in text
    following = await session.run("x")
    assert (following.stdout, following.text, following.restarted) == ("", "1\n", True)
    assert said in following.to_llm()
    assert (await session.run("x")).to_llm() == "1\n"


@pytest.mark.parametrize("kernel_name", ["python3", "conkernel"])
async def test_after_exit_the_next_call_has_a_fresh_kernel_at_once(kernel_name: str) -> None:
    """Though the process of the old one is still there; `keep_kernel` keeps it."""
    async with KernelSession(kernel_name) as session:
        result = await session.run("x = 7\nexit()")
        assert (result.status, result.restarted, result.is_lost) == ("ok", True, False)
        assert "exit() ended the kernel: all variables are gone" in result.to_llm()
        following = await session.run("'x' in globals()")
        assert (following.status, following.value) == ("ok", False)
        assert "since exit() ended the kernel" in following.to_llm()
        assert not (await session.run("x = 7\nquit(keep_kernel=True)")).restarted
        assert (await session.run("x")).value == 7


async def test_code_that_ends_the_kernel_runs_once(tmp_path: Path) -> None:
    """Also where nothing of it was heard: whatever it did before would be done twice."""
    mark = tmp_path / "mark"
    code = f"open({str(mark)!r}, 'a').write('x'); import os; os.kill(os.getpid(), 9)"
    async with KernelSession() as session:
        for count in range(1, 6):
            result = await session.run(code)
            assert result.is_lost
            assert mark.read_text() == "x" * count


async def test_a_kernel_that_ended_between_two_calls_costs_the_next_one_nothing(
    session: KernelSession,
) -> None:
    """It runs in a fresh one, and says so."""
    kill(await pid_of(session))
    result = await session.run("x")
    assert (result.status, result.text, result.restarted) == ("ok", "1\n", True), result.to_llm()


async def test_parallel_calls_each_end_with_their_own_result(session: KernelSession) -> None:
    """Those beside one that raises, one that hangs and one that crashes."""
    codes = [f"print({n})" for n in range(10)]
    codes[3], codes[5], codes[7] = "1/0", HANGS, "import os; os._exit(1)"
    results = await asyncio.gather(*(session.run(code, timeout=2) for code in codes))
    statuses = [result.status for result in results]
    assert [statuses[n] for n in (3, 5, 7)] == ["error", "timeout", "error"]
    others = [n for n in range(10) if n not in (3, 5, 7)]
    assert [results[n].stdout for n in others] == [f"{n}\n" for n in others]
    assert [result.restarted for result in results] == [False] * 7 + [True, True, False]


async def test_a_run_in_the_background_is_polled_for_what_is_new(session: KernelSession) -> None:
    """Each part once; its end is told."""
    gate = (
        "import os, time\nprint('one', flush=True)\nwhile not os.path.exists(path): time.sleep(.01)"
    )
    path = Path(
        (await session.run("import tempfile; path = tempfile.mktemp(); print(path)")).stdout.strip()
    )
    call = session.start(gate + "\nprint('two')\n'three'")
    assert session.runs[call.id] is call
    seen = ""
    async with asyncio.timeout(LONG):
        while "one" not in seen:
            news = await call.poll()
            assert news.status == "running"
            seen += news.text
            await asyncio.sleep(0)
    news = await call.poll()
    assert news.text == ""
    assert f"{call.id} still runs" in news.to_llm()
    path.touch()
    news = await call.poll(wait=LONG)
    path.unlink()
    assert (news.status, news.text) == ("ok", "two\n'three'\n")
    assert (await call).text == "one\ntwo\n'three'\n"
    assert (await call.poll()).text == ""


async def test_a_call_does_not_wait_for_ever_behind_a_run_in_the_background(
    session: KernelSession,
) -> None:
    """It says what holds the kernel, and what to do about it."""
    call = session.start(HANGS)
    result = await session.run("x", timeout=0.3)
    assert (result.status, result.started) == ("timeout", False)
    assert f"{call.id} (import time) held the kernel" in result.to_llm()
    assert await session.interrupt()
    assert (await call).status == "error"
    assert (await session.run("x")).text == "1\n"


async def test_a_call_that_is_detached_at_its_timeout_goes_on(session: KernelSession) -> None:
    """What had come is given, and the rest to whoever polls."""
    code = "import time\nprint('one', flush=True)\ntime.sleep(1.2)\nprint('two')"
    result = await session.run(code, timeout=0.6, on_timeout="detach")
    assert (result.status, result.stdout, result.still_running) == ("running", "one\n", True)
    assert result.run_id in result.to_llm()
    news = await session.runs[result.run_id].poll(wait=LONG)
    assert (news.status, news.stdout) == ("ok", "two\n")


async def test_a_call_that_is_to_be_detached_answers_in_its_time(session: KernelSession) -> None:
    """What it waits for counts, whoever holds the kernel; it runs then no more."""
    running = asyncio.create_task(session.run(HANGS))
    await until(lambda: session.current is not None and session.current.begun_at)
    holder = session.current
    assert holder is not None
    result = await session.run("x = 9", timeout=0.1, on_timeout="detach")
    assert (result.status, result.started) == ("timeout", False)
    assert f"for 0.1 s {holder.id} (import time) held the kernel" in result.to_llm()
    running.cancel()
    assert (await session.run("x")).value == 1


async def test_a_variable_is_told_without_being_fetched(session: KernelSession) -> None:
    """Beside what runs."""
    assert str(await session.inspect_variable("x")).startswith("x: int")


async def test_a_caller_that_is_cancelled_leaves_the_kernel_to_the_next_one(
    session: KernelSession,
) -> None:
    """Also where its code swallows interrupts, and where it waits for its turn."""
    for code in (HANGS, SWALLOWS):
        running = asyncio.create_task(session.run(code))
        await until(lambda: session.current is not None and session.current.begun_at)
        call = session.current
        assert call is not None
        before = len(session.runs)
        waiting = asyncio.create_task(session.run("x = 8"))
        await until(partial(has_more_runs, session, before))
        running.cancel()
        waiting.cancel()
        await asyncio.wait((running, waiting))
        assert running.cancelled()
        assert waiting.cancelled()
        result = await session.run("x", timeout=5)
        assert (result.status, result.text) == ("ok", "1\n")
        assert call.result.status == "cancelled"
        assert session.runs[f"r{int(call.id[1:]) + 1}"].result.started is False


async def test_a_restart_ends_what_runs_and_gives_a_fresh_kernel(session: KernelSession) -> None:
    """The call that ran says so; two restarts at once are one each other's."""
    call = session.start("x = 9\n" + SWALLOWS)
    await until(lambda: "begun" in call.news().text)
    await asyncio.gather(session.restart(), session.restart())
    result = await call
    assert "restart was asked for while this ran" in result.to_llm()
    following = await session.run("x")
    assert (following.text, following.restarted) == ("1\n", True)


async def test_interrupts_name_their_call(session: KernelSession) -> None:
    """None runs: nothing to do; one that waits is dropped; an unknown one is an error."""
    assert await session.interrupt()
    with pytest.raises(KeyError):
        await session.interrupt("r77")
    running, waiting = session.start(HANGS), session.start("x = 3")
    await until(lambda: running.begun_at)
    assert await session.interrupt(waiting.id)
    assert (await waiting).status == "cancelled"
    assert await session.interrupt(running.id)
    assert await session.interrupt(running.id)
    assert (await session.run("x")).text == "1\n"


async def test_a_session_that_is_closed_ends_its_calls_and_takes_none() -> None:
    """Whether they run or wait."""
    async with KernelSession() as session:
        running, waiting = session.start(HANGS), session.start("1")
        await until(lambda: running.begun_at)
    assert (await running).status == "cancelled"
    assert (await waiting).status == "cancelled"
    with pytest.raises(SessionError, match="not open"):
        await session.run("1")
    with pytest.raises(SessionError, match="not open"):
        await session.restart()
    with pytest.raises(SessionError, match="opened once"):
        await session.__aenter__()
    await session.close()


async def test_a_session_ends_its_kernel_after_an_error_and_a_cancel() -> None:
    """What started a kernel ends it."""
    pids: list[int] = []

    async def use() -> None:
        async with KernelSession() as session:
            pids.append(await pid_of(session))
            await session.run(SWALLOWS)

    async def fail() -> None:
        async with KernelSession() as session:
            pids.append(await pid_of(session))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    task = asyncio.create_task(use())
    await until(lambda: len(pids) == 2)
    task.cancel()
    await asyncio.wait((task,))
    assert task.cancelled()
    assert [is_running(pid) for pid in pids] == [False, False]


async def test_cwd_and_env_are_the_kernels_own(tmp_path: Path) -> None:
    """The program's stay as they are; a restart keeps them."""
    async with KernelSession(cwd=tmp_path, env={"GREETING": "hi"}) as session:
        code = "import os; print(os.getcwd(), os.environ['GREETING'], 'PATH' in os.environ)"
        for _ in range(2):
            assert (await session.run(code)).stdout == f"{tmp_path} hi True\n"
            await session.restart()
    assert "GREETING" not in os.environ


async def test_events_are_told_as_they_come(session: KernelSession) -> None:
    """To a function of the caller's."""
    events: list[str] = []
    await session.run("print(1)\n2", on_output=lambda event: events.append(type(event).__name__))
    assert events == ["Started", "Stream", "ExecuteResult"]


async def test_only_the_last_calls_are_kept(
    session: KernelSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session may last for days."""
    monkeypatch.setattr("conkernelclient.agent.session.RUNS_KEPT", 3)
    for _ in range(6):
        await session.run("1")
    assert list(session.runs) == ["r3", "r4", "r5", "r6"]


async def test_code_that_is_no_text_is_a_result(session: KernelSession) -> None:
    """As any other failure."""
    result = await session.run(5)  # type: ignore[arg-type]
    assert (result.status, result.is_lost) == ("error", False)


async def test_variables_are_not_waited_for_in_vain(
    session: KernelSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kernel that does not answer is busy."""
    monkeypatch.setattr("conkernelclient.agent.session.ANSWERS_WITHIN", 0.3)
    call = session.start(SWALLOWS)
    await until(lambda: call.begun_at)
    began = time.monotonic()
    known: Any = {"x": "int"}  # where they are listed beside the code that runs
    with contextlib.suppress(SessionError):
        known = await session.variables()
    assert known["x"] == "int"
    assert time.monotonic() - began < LONG
    await session.restart()


def test_set_up_is_a_list() -> None:
    """A text would be run letter by letter."""
    with pytest.raises(TypeError, match="list of cells"):
        KernelSession(setup="x = 1")
