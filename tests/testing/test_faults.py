"""Faults hit what their seed says, keep what they promise, and can be mended."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import errors, run_kernel
from conkernelclient.testing import FakeKernel, Faults, FaultyTransport, echo
from conkernelclient.testing.line import Fate, Line, kind_of
from tests.clients import LONG, client_of, opened, until
from tests.messages import packed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from conkernelclient import ConKernelClient, ConKernelManager

FROM_SHELL = ("shell", False)
FROM_IOPUB = ("iopub", False)


async def carried(line: Line, messages: Iterable[tuple[Any, str, str]]) -> list[str]:
    """What arrives of messages, given as (way, request, name), when all of it has arrived."""
    got: list[str] = []
    for way, parent_id, name in messages:
        line.put(way, "stream", parent_id, lambda name=name: got.append(name))
    line.wind(asyncio.get_running_loop())
    await until(lambda: not line)
    line.wind(None)
    return got


def numbered(count: int, way: Any = FROM_IOPUB, requests: int = 1) -> list[tuple[Any, str, str]]:
    """Messages of some requests in turn."""
    return [(way, f"r{n % requests}", f"{n}") for n in range(count)]


def test_without_faults_everything_arrives_at_once() -> None:
    """Needing no clock."""
    got: list[str] = []
    line = Faults().line()
    for way, parent_id, name in numbered(5):
        line.put(way, "stream", parent_id, lambda name=name: got.append(name))
    assert got == list("01234")


async def test_the_seed_decides_whom_it_hits() -> None:
    """The same ones with the same seed, whatever happens on other channels."""

    async def hit(seed: int, *others: tuple[Any, str, str]) -> list[str]:
        messages = [m for own in numbered(200) for m in (own, *others)]
        got = await carried(Faults(seed, drop=0.2, duplicate=0.2).line(), messages)
        return [name for name in got if name != "other"]

    first = await hit(1)
    assert await hit(1) == first
    assert await hit(1, (FROM_SHELL, "r", "other")) == first
    assert await hit(2) != first
    counts = Counter(first)
    assert 20 < 200 - len(counts) < 60  # dropped
    assert 15 < sum(count == 2 for count in counts.values()) < 60  # came twice
    assert max(counts.values()) == 2


@pytest.mark.parametrize("delay", [0.01, (0.001, 0.01)])
async def test_what_is_only_late_stays_in_order(delay: Any) -> None:
    """Each channel is a pipe, and no message comes before its time."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    line = Faults(delay=delay).line()
    messages = [*numbered(50, requests=7), *((FROM_SHELL, "r0", f"s{n}") for n in range(50))]
    got = await carried(line, messages)
    assert [name for name in got if name[0] != "s"] == [f"{n}" for n in range(50)]
    assert [name for name in got if name[0] == "s"] == [f"s{n}" for n in range(50)]
    fates = [Faults(delay=(0.25, 0.5)).fate(Random(n)) for n in range(99)]
    assert all(0.25 <= fate.delay <= 0.5 for fate in fates)
    assert loop.time() > began


async def test_reordering_keeps_the_order_within_a_request_and_channel() -> None:
    """Others pass, as from a kernel that serves several clients and threads."""
    got = await carried(Faults(3, reorder=0.3).line(), numbered(300, requests=10))
    assert sorted(got, key=int) == [f"{n}" for n in range(300)]
    assert got != sorted(got, key=int)
    for request in range(10):
        mine = [int(name) for name in got if int(name) % 10 == request]
        assert mine == sorted(mine)


async def test_shuffling_keeps_no_order() -> None:
    """Not even that of one request; nothing is lost by it."""
    got = await carried(Faults(3, reorder=0.5, shuffle=True).line(), numbered(100))
    assert sorted(got, key=int) == [f"{n}" for n in range(100)]
    assert got != sorted(got, key=int)


def test_what_is_not_selected_is_not_hit() -> None:
    """By channel, by type, and by direction."""
    got: list[str] = []

    def put(line: Line, way: Any, msg_type: str, name: str) -> None:
        line.put(way, msg_type, "r", lambda: got.append(name))

    line = Faults(drop=1, channels=["iopub"], msg_types=["stream"]).line()
    put(line, FROM_IOPUB, "stream", "dropped")
    put(line, FROM_IOPUB, "status", "other type")
    put(line, FROM_SHELL, "stream", "other channel")
    put(line, ("iopub", True), "stream", "outgoing")
    assert got == ["other type", "other channel", "outgoing"]
    put(Faults(drop=1, outgoing=True).line(), ("shell", True), "execute_request", "dropped")
    assert len(got) == 3


async def test_what_is_cut_waits_and_comes_in_order_when_mended() -> None:
    """All of it, or what is selected; what comes after it stays after it."""
    faults = Faults()
    line = faults.line()
    line.wind(asyncio.get_running_loop())
    got: list[str] = []

    def put(name: str, way: Any = FROM_IOPUB, msg_type: str = "stream") -> None:
        line.put(way, msg_type, "r", lambda: got.append(name))

    faults.cut(channels=["iopub"])
    faults.cut(msg_types=["execute_reply"])
    put("a")
    put("reply", FROM_SHELL, "execute_reply")
    put("info", FROM_SHELL, "kernel_info_reply")
    put("b", ("iopub", True))
    assert got == ["info"]
    assert faults.is_cut
    assert "cut" in repr(faults)
    faults.mend()
    put("after")
    await until(lambda: not line)
    assert got == ["info", "a", "reply", "b", "after"]
    faults.mend()  # harmless
    put("at once")
    await until(lambda: got[-1] == "at once")
    line.clear()
    line.wind(None)


async def test_a_cut_between_mend_and_delivery_holds_again() -> None:
    """What was released is through; what was not, waits."""
    faults = Faults()
    line = faults.line()
    got: list[str] = []
    faults.cut()
    line.put(FROM_IOPUB, "stream", "r", lambda: got.append("x"))
    faults.mend()  # without a clock: nothing is delivered yet
    faults.cut()
    line.wind(asyncio.get_running_loop())
    assert len(line) == 1
    faults.mend()
    await until(lambda: got == ["x"])
    line.wind(None)


def test_impossible_faults_are_refused() -> None:
    """A probability is one."""
    with pytest.raises(ValueError, match=r"drop=1\.5"):
        Faults(drop=1.5)
    assert "seed=7" in repr(Faults(7))
    assert Faults(drop=0.5).fate(Random(1)) in (Fate(0), Fate(1))


def test_a_damaged_message_has_no_kind() -> None:
    """It is carried all the same."""
    whole = packed("status", {}, {"msg_id": "p"})
    assert kind_of(whole) == ("status", "p")
    for damaged in ([], [b"x"], whole[:3], [*whole[:3], b"{", *whole[4:]], [*whole[:3], b"[]"]):
        assert kind_of(damaged) == ("", "")


async def test_a_faulty_kernel_s_messages_reach_their_requests() -> None:
    """Late, doubled and overtaken: each answer carries its request's mark; doubles are rejected."""
    faults = Faults(5, delay=0.005, duplicate=0.2, reorder=0.2)
    with FakeKernel(echo, faults=faults) as kernel:
        kc = await kernel.client(window=None).start_channels()
        try:
            async with asyncio.timeout(LONG):
                results = await asyncio.gather(*(kc.run(f"mark {n}") for n in range(100)))
            assert [result.stdout for result in results] == [f"mark {n}" for n in range(100)]
            assert {result.status for result in results} == {"ok"}
            stats = kc.stats()
            assert stats["rejected"] > 50
            assert stats["pending"] == 0
        finally:
            kc.stop_channels()


async def test_a_reply_that_is_dropped_times_out_and_the_next_does_not() -> None:
    """Selected by its type, so that everything else works."""
    faults = Faults(drop=1, channels=["shell"], msg_types=["execute_reply"])
    with FakeKernel(faults=faults) as kernel:
        kc = await kernel.client().start_channels()
        try:
            with pytest.raises(errors.ReplyTimeout):
                await kc.execute("x", reply=True, timeout=0.01)
            assert (await kc.kernel_info(reply=True))["content"]["status"] == "ok"
        finally:
            kc.stop_channels()


async def test_a_kernel_that_is_cut_off_answers_when_it_is_mended() -> None:
    """`cut` and `mend` work from the test's thread while the kernel works in its own."""
    faults = Faults()
    with FakeKernel(echo, faults=faults) as kernel:
        kc = await opened(kernel.client())
        try:
            faults.cut()
            runs = [kc.run(f"{n}") for n in range(3)]
            await asyncio.to_thread(kernel.wait_for, "execute_request")
            assert not any(run.done() for run in runs)
            faults.mend()
            async with asyncio.timeout(LONG):
                assert [(await run).stdout for run in runs] == ["0", "1", "2"]
        finally:
            kc.stop_channels()


async def test_a_client_of_a_real_kernel_stands_faults(km: ConKernelManager) -> None:
    """Both ways late, doubled and overtaken."""
    faults = Faults(7, delay=0.002, duplicate=0.2, reorder=0.2, outgoing=True)
    async with client_of(km, transport_factory=faults.transport) as kc:
        async with asyncio.timeout(LONG):
            results = await asyncio.gather(*(kc.run(f"print({n}); {n}") for n in range(20)))
        assert [result.text.split() for result in results] == [[f"{n}"] * 2 for n in range(20)]
        assert kc.stats()["rejected"] > 0


async def test_what_a_client_sends_while_it_is_cut_leaves_when_mended(
    km: ConKernelManager,
) -> None:
    """In order, and selected by type."""
    faults = Faults()
    async with client_of(km, transport_factory=faults.transport) as kc:
        transport = kc._connection._transport
        assert isinstance(transport, FaultyTransport)
        transport.cut(msg_types=["execute_request"])
        await kc.kernel_info(reply=True, timeout=LONG)
        first = kc.execute("cut = [1]", reply=True)
        second = kc.execute("cut.append(2)", reply=True)
        await kc.kernel_info(reply=True, timeout=LONG)
        assert not first.done()
        transport.mend()
        async with asyncio.timeout(LONG):
            assert (await second)["content"]["status"] == "ok"
            assert first.done()
            assert await kc.eval("cut") == [1, 2]


async def test_a_restart_and_a_death_are_seen_through_faults() -> None:
    """What was late of the predecessor reaches nobody, and the client goes on."""
    faults = Faults(3, delay=0.005)
    async with run_kernel(client_options={"transport_factory": faults.transport}) as kc:
        km = kc.parent
        async with asyncio.timeout(LONG):
            faults.cut(channels=["shell"])
            old = kc.execute("x", reply=True)
            await until(lambda: len(kc._connection._transport._line))
            restarting = asyncio.ensure_future(km.restart_kernel(now=True))
            with pytest.raises(errors.KernelRestartedError):
                await old
            assert len(kc._connection._transport._line) == 0
            faults.mend()
            await restarting
            assert (await kc.run("print('new')")).stdout == "new\n"
            with pytest.raises(errors.DeadKernelError) as died:
                await kc.run("import os; os._exit(3)")
            assert died.value.exit_code == 3


async def test_what_is_late_survives_the_end_of_a_loop_and_not_of_its_channel() -> None:
    """The next loop delivers it; a client that was stopped and started hears nothing old."""
    with FakeKernel(echo) as kernel:
        faults = Faults()
        kc = kernel.client(transport_factory=faults.transport)
        transport = kc._connection._transport
        assert isinstance(transport, FaultyTransport)
        got: list[Any] = []

        def in_a_loop(work: Callable[[ConKernelClient], Any]) -> None:
            asyncio.run(asyncio.wait_for(work(kc), LONG))

        def is_output_held() -> bool:
            return any(parcel.msg_type == "stream" for parcel in transport._line._held)

        async def first(kc: ConKernelClient) -> None:
            await opened(kc)
            faults.cut(channels=["iopub"])
            await kc.execute("x", reply=True)
            await until(is_output_held)

        async def second(kc: ConKernelClient) -> None:
            faults.mend()
            kc.subscribe(got.append, msg_type="stream")
            await kc.kernel_info(reply=True)
            await until(lambda: got)

        async def third(kc: ConKernelClient) -> None:
            await opened(kc)
            assert (await kc.run("y")).stdout == "y"
            faults.cut(channels=["iopub"])
            await kc.execute("z", reply=True)
            await until(is_output_held)
            kc.stop_channels()
            assert len(transport._line) == 0
            with pytest.raises(errors.ChannelsClosedError):
                transport.send("shell", [b"x"])
            faults.mend()

        await asyncio.to_thread(in_a_loop, first)
        await asyncio.to_thread(in_a_loop, second)
        assert [message["content"]["text"] for message in got] == ["x"]
        await asyncio.to_thread(in_a_loop, third)
