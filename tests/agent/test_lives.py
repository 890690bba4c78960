"""A kernel is there and ready, or one error tells why not."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from conkernelclient.agent import KernelSession, Limits
from conkernelclient.agent.lives import Life, Plan
from conkernelclient.errors import DeadKernelError, SessionError
from tests.clients import until

GB = 1024**3


def plan(kernel_name: str = "python3", **changes: Any) -> Plan:
    """What a kernel is started with."""
    options: dict[str, Any] = {"cwd": None, "env": None, "limits": Limits(), "start_timeout": 60.0}
    return Plan(kernel_name, **(options | changes))


@pytest.fixture
def kernelspec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes a kernelspec of a Python program."""
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))

    def make(name: str, program: str) -> str:
        folder = tmp_path / "kernels" / name
        folder.mkdir(parents=True)
        argv = [sys.executable, "-c", program, "{connection_file}"]
        spec = {"argv": argv, "display_name": name, "language": "python"}
        (folder / "kernel.json").write_text(json.dumps(spec))
        return name

    return make


def children() -> set[int]:
    """The processes that this one has started, and which run."""
    mine = psutil.Process().children(recursive=True)
    return {one.pid for one in mine if one.status() != psutil.STATUS_ZOMBIE}


async def test_a_life_has_a_kernel_until_it_is_ended() -> None:
    """Ended once, it says why, and is not alive."""
    life = await Life.start(plan())
    assert await life.is_alive()
    assert (await life.client.run("1 + 1")).text == "2\n"
    await life.end("for this")
    await life.end("for that")
    assert (life.ended_for, await life.is_alive()) == ("for this", False)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import os; os._exit(7)", "the kernel ended with exit status 7"),
        ("import os; os.kill(os.getpid(), 24)", "the 5 s of processor time"),
    ],
)
async def test_an_end_that_nobody_told_is_seen(code: str, told: str) -> None:
    """By the exit status of its process, or by the limit that it hit."""
    life = await Life.start(plan(limits=Limits(cpu_seconds=5)))
    try:
        assert life.end_seen == "the kernel is gone"  # as far as anybody knows
        with pytest.raises(DeadKernelError):
            await life.client.run(code)
        assert not await life.is_alive()
        assert told in life.end_seen
    finally:
        await life.end("it is over")


async def test_a_kernel_that_never_gets_ready_is_told_with_what_it_wrote(kernelspec: Any) -> None:
    """After `start_timeout`; no process is left."""
    before = children()
    name = kernelspec("mute", "import sys, time; print('I sleep', file=sys.stderr); time.sleep(99)")
    with pytest.raises(SessionError, match="'mute' was not ready within 1 s") as caught:
        async with KernelSession(name, start_timeout=1):
            pass
    assert "I sleep" in str(caught.value)
    assert "I sleep" in caught.value.stderr
    await until(lambda: children() <= before)


async def test_a_kernel_that_ends_at_its_start_is_told_with_what_it_wrote(kernelspec: Any) -> None:
    """At once, with its exit status."""
    name = kernelspec("broken", "import sys; sys.exit('no such module: x')")
    with pytest.raises(SessionError, match=r"exit status 1") as caught:
        await Life.start(plan(name))
    assert "no such module: x" in str(caught.value)
    assert "km." not in str(caught.value)


async def test_a_kernel_that_is_unknown_is_told_with_those_that_are_known() -> None:
    """By their names."""
    with pytest.raises(SessionError, match=r"no kernel 'nothing'; there are .*python3"):
        await Life.start(plan("nothing"))


async def test_a_directory_that_is_not_there_is_told_before_the_start(tmp_path: Path) -> None:
    """By its name."""
    with pytest.raises(SessionError, match="is no directory"):
        await Life.start(plan(cwd=tmp_path / "none"))


async def test_a_kernel_for_which_there_is_too_little_memory_is_told() -> None:
    """It cannot even begin."""
    with pytest.raises(SessionError, match=r"ended before it was ready|was not ready"):
        await Life.start(plan(limits=Limits(memory=GB // 16), start_timeout=3.0))


async def test_a_start_that_is_cancelled_leaves_no_process() -> None:
    """Whenever that comes."""
    before = children()
    for turns in (0, 1, 5, 50):
        task = asyncio.create_task(Life.start(plan()))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait((task,))
        assert task.cancelled()
    await until(lambda: children() <= before)


def test_the_test_that_runs_is_none_of_the_kernels_business(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """ipykernel captures no output of children where it thinks that it is tested."""
    monkeypatch.setenv("PYTEST_CURRENT_TEST", "x")
    assert "PYTEST_CURRENT_TEST" not in plan().launch_arguments()["env"]
    given = plan(env={"PYTEST_CURRENT_TEST": "y"}).launch_arguments()["env"]
    assert given["PYTEST_CURRENT_TEST"] == "y"
