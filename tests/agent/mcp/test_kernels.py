"""Kernels have names, start when they are used, and end when nobody uses them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from conkernelclient.agent.mcp.kernels import Kernels, Settings
from conkernelclient.agent.schema import Misfit
from conkernelclient.errors import SessionError
from tests.agent.mcp.parts import PID
from tests.clients import until
from tests.manager.processes import is_running


async def pid_of(kernels: Kernels, name: str) -> int:
    """The process of a kernel."""
    async with kernels.using(name) as handle:
        return (await handle.session.run(PID)).value


async def test_a_name_is_one_kernel_until_it_is_shut_down() -> None:
    """Each has a process of its own, and none is left when the client goes."""
    kernels = Kernels(Settings())
    a, b = await asyncio.gather(pid_of(kernels, "a"), pid_of(kernels, "b"))
    assert (a != b, list(kernels.handles)) == (True, ["a", "b"])
    assert await pid_of(kernels, "a") == a
    assert (await kernels.shut("a"), await kernels.shut("a")) == (True, False)
    assert (is_running(a), is_running(b)) == (False, True)
    await kernels.close()
    assert not is_running(b)
    with pytest.raises(SessionError, match="closed"):
        async with kernels.using("a"):
            pass


async def test_a_kernel_that_nobody_uses_is_ended_and_its_successor_is_told() -> None:
    """Once; while a request uses it, it stays."""
    kernels = Kernels(Settings(idle_timeout=0.05, setup=("x = 1",)))
    async with kernels.using("a") as handle:
        pid = (await handle.session.run(f"import time; time.sleep(0.1)\n{PID}")).value
    await until(lambda: not is_running(pid))
    assert not kernels.handles
    said = kernels.take_news("a")
    assert said.startswith("this ran in a fresh kernel, since the one of before was not used for")
    assert said.endswith("the set-up was run again")
    assert kernels.take_news("a") == ""
    await kernels.close()


async def test_a_kernel_that_cannot_start_is_tried_again() -> None:
    """Who waits for it is told, each time."""
    kernels = Kernels(Settings(setup=("1 / 0",)))
    for _ in range(2):
        with pytest.raises(SessionError, match="ZeroDivisionError"):
            async with kernels.using("a"):
                pass
        assert not kernels.handles
    await kernels.close()


async def test_a_journal_that_cannot_be_written_is_an_error_of_the_start(tmp_path: Path) -> None:
    """Not of the server."""
    kernels = Kernels(Settings(journal=tmp_path / "no" / "j.jsonl"))
    with pytest.raises(SessionError, match=r"no kernel was started: .*No such file"):
        async with kernels.using("a"):
            pass
    await kernels.close()


async def test_who_is_cancelled_does_not_undo_a_start_and_a_close_does() -> None:
    """Another one may wait for the same kernel."""
    kernels = Kernels(Settings())
    waiting = asyncio.create_task(pid_of(kernels, "a"))
    await until(lambda: kernels.handles)
    handle = kernels.handles["a"]
    waiting.cancel()
    await asyncio.wait((waiting,))
    assert not handle.opening.done()
    assert kernels.find("a") is None
    other = asyncio.create_task(pid_of(kernels, "a"))
    await until(lambda: handle.users)
    await kernels.close()
    with pytest.raises(SessionError, match="closed"):
        await other
    assert handle.opening.cancelled()


@pytest.mark.parametrize("name", ["", "a b", "../x", "-a", "x" * 41, "é", "a\n"])
async def test_a_name_that_no_address_can_have_is_refused(name: str) -> None:
    """The text says what to use."""
    with pytest.raises(Misfit, match="use at most 40 letters, digits, _ and -"):
        async with Kernels(Settings()).using(name):
            pass


async def test_there_are_not_too_many_and_each_runs_what_it_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A model that makes up names gets the known ones."""

    async def open_nothing(_session: Any) -> Any:
        return _session

    monkeypatch.setattr("conkernelclient.agent.session.KernelSession.__aenter__", open_nothing)
    kernels = Kernels(Settings(max_kernels=1))
    async with kernels.using("a"):
        pass
    with pytest.raises(Misfit, match="there are 1 kernels, and no more can be had: a"):
        async with kernels.using("b"):
            pass
    with pytest.raises(Misfit, match="kernel 'a' is there and runs 'python3': name another"):
        async with kernels.using("a", "ir"):
            pass
    async with kernels.using("a", "python3"):
        pass
    await kernels.close()


def test_each_kernel_of_each_client_has_a_journal_of_its_own() -> None:
    """The default one's is what was asked for."""
    settings = Settings(journal="dir/j.ipynb")
    assert settings.journal_of("default") == Path("dir/j.ipynb")
    assert settings.journal_of("b") == Path("dir/j-b.ipynb")
    assert settings.journal_of("b", "c1") == Path("dir/j-c1-b.ipynb")
    assert Settings().journal_of("default") is None
