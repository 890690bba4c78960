"""Clients of one kernel neither lose nor cross anything, also when one of them goes."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import errors
from tests.clients import LONG, client_of, opened

from .scale import share

if TYPE_CHECKING:
    from collections.abc import Callable

    from conkernelclient import ConKernelManager

pytestmark = pytest.mark.timeout(300)

COUNT = share(1_000, least=200)  # requests of each client


async def test_a_client_that_closes_in_the_middle_costs_the_other_nothing(
    km: ConKernelManager, measured: Callable[[str, str, str], None]
) -> None:
    """Replies and runs; what the closed one had asked was answered or fails at once."""
    half_way = asyncio.Event()
    done = 0

    async def ask(kc: Any, name: str, n: int) -> bool:
        nonlocal done
        value = f"{name} {n}"
        if n % 10:
            reply = await kc.execute("", user_expressions={"v": repr(value)}, reply=True)
            got = reply["content"]["user_expressions"]["v"]["data"]["text/plain"] == repr(value)
        else:
            got = (await kc.run(f"print({value!r})")).stdout == f"{value}\n"
        if name == "closing":
            done += 1
            if done == COUNT // 2:
                half_way.set()
        return got

    async with client_of(km, stop_on_error=False) as staying:
        closing = await opened(km.client(stop_on_error=False))
        began = time.monotonic()
        pairs = [
            (asyncio.ensure_future(ask(staying, "staying", n)),
             asyncio.ensure_future(ask(closing, "closing", n)))
            for n in range(COUNT)
        ]  # fmt: skip
        await asyncio.wait_for(half_way.wait(), 2 * LONG)
        closing.stop_channels()
        at_once = time.monotonic()
        theirs = await asyncio.wait_for(
            asyncio.gather(*(pair[1] for pair in pairs), return_exceptions=True), LONG
        )
        at_once = time.monotonic() - at_once
        ours = await asyncio.wait_for(
            asyncio.gather(*(pair[0] for pair in pairs), return_exceptions=True), 2 * LONG
        )
        took = time.monotonic() - began
        stats = staying.stats()
    answered = sum(it is True for it in theirs)
    closed = sum(isinstance(it, errors.ChannelsClosedError) for it in theirs)
    measured(
        "8",
        f"two clients, {COUNT:,} requests each, interleaved; one closes in the middle: 0 lost, 0 "
        "crossed; the closed one's fail with ChannelsClosedError or were answered",
        f"the other: {sum(it is True for it in ours):,} right; the closed one: {answered} "
        f"answered, {closed} failed within {at_once * 1000:.0f} ms; {took:.1f} s",
    )
    assert ours == [True] * COUNT
    assert answered + closed == COUNT
    assert answered >= COUNT // 2
    assert closed > 0
    assert (stats["orphans"], stats["dropped"], stats["violations"], stats["rejected"]) == (0,) * 4
