"""Many runs are waited for together, in the order of the calls, and none ends another."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import Result
from conkernelclient.notebook import progress
from tests.clients import client_of

if TYPE_CHECKING:
    from conkernelclient import ConKernelManager
    from conkernelclient.notebook.bars import Tally


class Seen:
    """A bar that remembers."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.closed = 0

    def show(self, tally: Tally) -> None:
        """Show a tally."""
        self.said.append(f"{tally.done}/{tally.total} {tally.said}")

    def close(self) -> None:
        """Close."""
        self.closed += 1


def future() -> asyncio.Future[Any]:
    """Something to wait for."""
    return asyncio.get_running_loop().create_future()


async def test_runs_of_a_kernel_give_results_in_call_order(km: ConKernelManager) -> None:
    """An error of one is its result; the bar counts both, and names what runs."""
    bar = Seen()
    async with client_of(km) as kc:
        runs = [kc.run(code) for code in ("1", "1/0", "x = 3\nx")]
        results = await progress(runs, label="cells", bar=bar)
    assert [it.status for it in results] == ["ok", "error", "ok"]
    assert results[2].value == 3
    assert bar.said[0] == "0/3 0 ok, 0 errors: 1"
    assert bar.said[-2:] == ["2/3 1 ok, 1 error: x = 3", "3/3 2 ok, 1 error"]
    assert bar.closed == 1


async def test_the_order_of_the_ends_does_not_matter() -> None:
    """The same one may be there twice, coroutines too; none gives []."""
    first, second = future(), future()

    async def third() -> int:
        second.set_result(2)
        await asyncio.sleep(0)
        first.set_result(1)
        return 3

    assert await progress([first, second, third(), first], bar=Seen()) == [1, 2, 3, 1]
    assert await progress([]) == []


async def test_what_one_raises_comes_when_all_have_ended() -> None:
    """Or is in its place in the list."""
    for keeps in (True, False):
        failed, later, bar = future(), future(), Seen()
        failed.set_exception(ValueError("it"))
        asyncio.get_running_loop().call_soon(later.set_result, 2)
        if keeps:
            got = await progress([failed, later], return_exceptions=True, bar=bar)
            assert (str(got[0]), got[1]) == ("it", 2)
        else:
            with pytest.raises(ValueError, match="it"):
                await progress([failed, later], bar=bar)
        assert later.done()
        assert bar.said[-1] == "2/2 1 ok, 1 error"
        assert bar.closed == 1


async def test_a_notebook_shows_a_bar_of_tqdm(km: ConKernelManager) -> None:
    """A widget, whose last state has the label and the counts."""
    code = """
import asyncio
from conkernelclient.notebook import progress
print(await progress([asyncio.sleep(0, n) for n in range(3)], label="naps"))
"""
    async with client_of(km) as kc:
        said = (await kc.run(code)).to_llm()
    assert "[0, 1, 2]" in said
    assert "naps" in said
    assert "3 ok, 0 errors" in said.replace("\u2007", " ")


async def test_a_cancel_cancels_all_and_closes_the_bar(km: ConKernelManager) -> None:
    """The kernel's run is interrupted, those behind it never run, and tasks end first."""
    bar, ended = Seen(), asyncio.Event()

    async def slow() -> None:
        try:
            await future()
        finally:
            ended.set()

    async with client_of(km) as kc:
        hangs = kc.run("import time\nprint('x', flush=True)\ntime.sleep(1000)")
        waits = kc.run("never = 1")
        work = asyncio.create_task(progress([hangs, waits, slow()], bar=bar))
        async for event in hangs:
            if getattr(event, "text", ""):
                break
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        assert hangs.cancelled()
        assert waits.cancelled()
        assert ended.is_set()
        assert bar.closed == 1
        assert (await kc.run("'never' in dir()")).value is False


async def test_one_that_was_cancelled_is_an_error() -> None:
    """As `asyncio.gather` has it."""
    cancelled, bar = future(), Seen()
    cancelled.cancel()
    failed = future()
    failed.set_result(Result(status="timeout", msg_id="", code=""))
    got = await progress([cancelled, failed], return_exceptions=True, bar=bar)
    assert isinstance(got[0], asyncio.CancelledError)
    assert bar.said[-1] == "2/2 0 ok, 2 errors"


async def test_what_cannot_be_awaited_is_named() -> None:
    """Before anything is begun."""
    rubbish: Any = [future(), 3]
    with pytest.raises(TypeError, match=r"runs\[1\] is 3"):
        await progress(rubbish)


async def test_a_long_line_is_cut() -> None:
    """The bar has one line."""
    bar = Seen()
    run: Any = future()
    run.set_result(1)

    class Long(asyncio.Future[int]):
        code = "x" * 100

    waiting = Long()
    asyncio.get_running_loop().call_soon(waiting.set_result, 1)
    await progress([waiting], bar=bar)
    assert bar.said[0] == f"0/1 0 ok, 0 errors: {'x' * 39}…"
