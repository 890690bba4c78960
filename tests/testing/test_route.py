"""A line delivers, delays, drops and shuffles as its plan says."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient.testing import Faults
from conkernelclient.testing.route import Route, kind_of
from tests.clients import until
from tests.messages import packed

if TYPE_CHECKING:
    from collections.abc import Iterable


FROM_SHELL = ("shell", False)


FROM_IOPUB = ("iopub", False)


async def carried(line: Route, messages: Iterable[tuple[Any, str, str]]) -> list[str]:
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


def test_a_damaged_message_has_no_kind() -> None:
    """It is carried all the same."""
    whole = packed("status", {}, {"msg_id": "p"})
    assert kind_of(whole) == ("status", "p")
    for damaged in ([], [b"x"], whole[:3], [*whole[:3], b"{", *whole[4:]], [*whole[:3], b"[]"]):
        assert kind_of(damaged) == ("", "")
