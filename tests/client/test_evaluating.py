"""Values are asked for beside what runs, in order, and one that hangs keeps nobody waiting."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import ConKernelManager
from conkernelclient.client import evaluating
from conkernelclient.errors import (
    ChannelsClosedError,
    ExecutionError,
    KernelRestartedError,
    ProtocolError,
    ReplyTimeout,
)
from conkernelclient.testing import FakeKernel, Hold, Reply
from conkernelclient.values import sharing
from tests.clients import LONG, client_of, opened, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.anyio

GATE = "import threading; gate = threading.Event()"
ANSWER = {
    "user_expressions": {"value": {"status": "ok", "data": {"text/plain": "conkernel-value:+1"}}}
}
HANG = "gate.wait()"


@pytest.fixture(scope="module", params=["python3", "conkernel"])
async def both(anyio_backend: Any, request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    """One kernel of each kind."""
    manager = ConKernelManager(kernel_name=request.param)
    await manager.start_kernel()
    yield manager
    await manager.shutdown_kernel(now=True)


async def subshells(km: Any) -> list[str]:
    """The ids of the kernel's subshells, as another client sees them."""
    async with client_of(km) as kc:
        return await kc.list_subshell()


async def test_values_are_answered_while_a_long_cell_runs(both: Any) -> None:
    """All of the six, each in well under the time of the cell."""
    async with client_of(both) as kc:
        await kc.run(f"{GATE}\nx = 1")
        run = kc.run(HANG)
        await until(lambda: run.started)
        assert await kc.get("x", timeout=LONG) == 1
        assert await kc.eval("x + 1", timeout=LONG) == 2
        await kc.set(y=3, timeout=LONG)
        assert await kc.call("max", 1, 5, timeout=LONG) == 5
        assert (await kc.variables(timeout=LONG))["y"] == "int"
        assert (await kc.inspect_variable("y")).text == "3"
        longest = 0.0
        for _ in range(20):
            start = time.perf_counter()
            await kc.get("x")
            longest = max(longest, time.perf_counter() - start)
        assert longest < 0.3
        assert not run.done()
        await kc.eval("gate.set()")
        assert (await run).status == "ok"


async def test_what_was_awaited_before_is_seen(both: Any) -> None:
    """A value by the run after it, a run's by the value after it, and values by each other."""
    async with client_of(both) as kc:
        for number in range(20):
            await kc.set(seen=number)
            assert (await kc.run("print(seen)")).text.strip() == str(number)
            await kc.run(f"seen = {-number}")
            assert await kc.get("seen") == -number


async def test_in_the_main_shell_a_value_takes_its_turn(both: Any) -> None:
    """After the runs before it."""
    async with client_of(both) as kc:
        await kc.run(GATE)
        run = kc.run(f"{HANG}\nturn = 5")
        turn = asyncio.ensure_future(kc.get("turn", mode="queue"))
        await until(lambda: run.started)
        await kc.eval("gate.set()")
        assert await turn == 5
        main = "__import__('threading').current_thread() is __import__('threading').main_thread()"
        assert await kc.eval(main, mode="queue") is True
        assert await kc.eval(main) is False
        with pytest.raises(ProtocolError, match="mode"):
            await kc.eval("1", mode="nowhere")  # type: ignore[arg-type]


async def test_one_hidden_subshell_serves_all_values_and_goes_with_the_channels(
    ipykernel: Any,
) -> None:
    """The client's own list does not have it; values asked for at once are answered in order."""
    async with client_of(ipykernel) as other:
        before = await other.list_subshell()
        kc = await opened(ipykernel.client())
        try:
            sets = [kc.set(number=number) for number in range(30)]
            await asyncio.gather(*sets, *(kc.get("number") for _ in range(30)))
            assert await kc.get("number") == 29
            assert len(await other.list_subshell()) == len(before) + 1
            assert await kc.list_subshell() == before
        finally:
            kc.stop_channels()
        async with asyncio.timeout(LONG):
            while await other.list_subshell() != before:
                await asyncio.sleep(0)
        kc = await opened(ipykernel.client())
        kc.stop_channels()
        assert await other.list_subshell() == before, "made at the first use"


async def test_a_subshell_that_is_named_is_the_place(ipykernel: Any) -> None:
    """For each of them."""
    thread = "__import__('threading').get_ident()"
    async with client_of(ipykernel) as kc:
        name = await kc.create_subshell()
        there = (await kc.run(f"print({thread})", subshell_id=name)).text.strip()
        assert str(await kc.eval(thread, subshell_id=name)) == there
        await kc.run("import threading")
        assert str(await kc.call("threading.get_ident", subshell_id=name)) == there
        await kc.set(named=1, subshell_id=name)
        assert await kc.get("named", subshell_id=name) == 1
        assert "named" in await kc.variables(subshell_id=name)
        assert (await kc.inspect_variable("named", subshell_id=name)).type == "int"
        await kc.delete_subshell(name)


async def test_a_value_that_hangs_ends_in_its_time_and_the_next_ones_are_answered(
    both: Any,
) -> None:
    """Elsewhere; what hung is gone when it ends after all."""
    async with client_of(both) as kc:
        await kc.run(GATE)
        for _ in range(3):
            with pytest.raises(ReplyTimeout):
                await kc.eval(HANG, timeout=0.1)
            assert await kc.eval("1", timeout=LONG) == 1
        await kc.eval("gate.set()")
        async with asyncio.timeout(LONG):  # while the client is there to see them end
            while len(await subshells(both)) > 1:
                await asyncio.sleep(0)
    async with asyncio.timeout(LONG):
        while await subshells(both):
            await asyncio.sleep(0)


async def test_a_cancel_ends_this_value_alone(both: Any) -> None:
    """A run that is under way goes on, and so do other values."""
    async with client_of(both) as kc:
        await kc.run(GATE)
        run = kc.run(f"{HANG}\nprint('went on')")
        await until(lambda: run.started)
        hung = asyncio.ensure_future(kc.eval("(gate.wait(), 1)"))
        await until(lambda: kc.stats()["requests"] and hung.get_loop())
        later = [asyncio.ensure_future(kc.eval(str(number))) for number in range(3)]
        hung.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hung
        assert await asyncio.gather(*later) == [0, 1, 2]
        await kc.eval("gate.set()")
        assert (await run).text.strip() == "went on"


async def test_after_a_storm_of_cancels_nothing_is_pending_and_one_subshell_is_left(
    both: Any,
) -> None:
    """Whenever they come; the kernel serves on."""
    chance = random.Random(5)
    async with client_of(both) as kc:
        await kc.set(x=1)
        for _ in range(6):
            tasks = [
                asyncio.ensure_future(ask)
                for ask in (*(kc.get("x") for _ in range(15)), kc.set(y=1), kc.variables())
            ]
            for task in chance.sample(tasks, len(tasks)):
                if chance.random() < 0.3:
                    await kc.eval("0")
                if chance.random() < 0.7:
                    task.cancel()
            await asyncio.wait(tasks)
        assert await kc.get("x") == 1
        await until(lambda: kc.stats()["pending"] == 0)
        others = await subshells(both)
        assert len(others) <= 1 or both.kernel_name == "conkernel"


async def test_after_a_restart_another_one_is_made(mortal: ConKernelManager) -> None:
    """What was asked meanwhile fails by name, or is answered by the new kernel."""
    async with client_of(mortal) as kc:
        await kc.set(x=1)
        hung = asyncio.ensure_future(kc.eval("__import__('threading').Event().wait()"))
        await until(lambda: kc.stats()["pending"])
        await mortal.restart_kernel(now=True)
        with pytest.raises(KernelRestartedError):
            await hung
        with pytest.raises(ExecutionError, match="NameError"):
            await kc.get("x")
        await kc.set(x=2)
        assert await kc.get("x") == 2
        assert len(await subshells(mortal)) == 1


async def test_after_the_channels_were_closed_values_are_asked_for_again(
    ipykernel: Any,
) -> None:
    """A value that is under way fails."""
    kc = await opened(ipykernel.client())
    await kc.eval("1")
    hung = asyncio.ensure_future(kc.eval("__import__('time').sleep(0.5)"))
    await until(lambda: kc.stats()["pending"])
    kc.stop_channels()
    with pytest.raises(ChannelsClosedError):
        await hung
    await opened(kc)
    assert await kc.eval("2") == 2
    kc.stop_channels()


async def test_a_kernel_that_was_made_to_forget_is_taught_again(ipykernel: Any) -> None:
    """Once; nothing of the expression has been evaluated before."""
    forget = "[__import__('sys').__dict__.pop(key) for key in list(__import__('sys').__dict__)"
    async with client_of(ipykernel) as kc:
        await kc.run("count = []")
        assert await kc.eval("1") == 1
        await kc.run(f"{forget} if key[:11] == '_conkernel_']")
        assert await kc.eval("(count.append(1), len(count))[1]") == 1
        await kc.run(f"{forget} if key[:11] == '_conkernel_']")
        await kc.set(large=bytes(300_000), small=1)
        assert await kc.get("large") == bytes(300_000)


@pytest.mark.parametrize("features", [(), ("kernel subshells",)], ids=["has none", "refuses"])
async def test_a_kernel_without_subshells_answers_in_its_turn(features: tuple[str, ...]) -> None:
    """After the runs before it."""
    async with FakeKernel([Reply(ANSWER)], features=features, in_memory=True) as kernel:
        kernel.on_code("held", [Hold()])
        refusal = {"status": "error", "evalue": "no more"}
        kernel.on("create_subshell_request", [Reply(refusal)])
        kc = await opened(kernel.client())
        try:
            run = kc.run("held")
            await until(lambda: run.started)
            value = asyncio.ensure_future(kc.eval("1"))
            await until(lambda: kc.stats()["pending"] == 2)
            assert not value.done()
            await run.interrupt()
            assert await value == 1
        finally:
            kc.stop_channels()


async def test_large_values_go_through_memory_and_without_it_through_messages(
    both: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of which only so many pieces are lent at once."""
    value = [random.Random(1).randbytes(3_000_000), "ü"]
    counted: list[Any] = []
    lend = sharing.lend
    monkeypatch.setattr(sharing, "lend", lambda: counted.append(lend()) or counted[-1])
    async with client_of(both) as kc:
        for _ in range(2):
            await kc.set(large=value)
            assert await kc.get("large") == value
            assert await kc.call("list", value) == value
            assert evaluating.lent_out == set()
            monkeypatch.setattr(sharing, "lend", lambda: None)
        assert len(counted) > 2
        assert not any(lent._is_open for lent in counted)
        monkeypatch.setattr(sharing, "lend", lend)
        many = await asyncio.gather(*(kc.get("large") for _ in range(12)))
        assert many == [value] * 12


async def test_memory_that_the_kernel_cannot_open_is_not_needed(
    both: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on another machine."""
    address = property(lambda _self: ("/proc/0/fd/0", "elsewhere"))
    monkeypatch.setattr(sharing.Lent, "address", address)
    async with client_of(both) as kc:
        await kc.set(far=bytes(500_000))
        assert await kc.get("far") == bytes(500_000)
        assert await kc.call("bytes.fromhex", "00" * 300_000) == bytes(300_000)


PLOT = """
%matplotlib inline
import matplotlib.pyplot as plt
plt.plot([1, 2])
drawn = True
gate.wait()
print(len(plt.gca().lines))
"""


async def test_a_figure_that_is_being_drawn_stays_with_its_cell(both: Any) -> None:
    """It is shown at the end of that, as a whole."""
    async with client_of(both) as kc:
        await kc.run(GATE)
        await kc.eval("1")
        run = kc.run(PLOT)
        await until(lambda: run.started)
        async with asyncio.timeout(LONG):
            while "drawn" not in await kc.variables():
                await asyncio.sleep(0)
        await kc.eval("gate.set()")
        result = await run
        assert result.text.splitlines()[0] == "1"
        assert any("image/png" in output.get("data", {}) for output in result.outputs)
