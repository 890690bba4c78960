"""A watcher waits for what is told, and ends with the session, or when it is closed."""

from __future__ import annotations

import asyncio

import pytest

from conkernelclient.sidecar.session.session_events import Saved, Snapshot
from conkernelclient.sidecar.session.watching import Watchers
from tests.clients import until


def snapshot() -> Snapshot:
    """How everything stands."""
    return Snapshot(0, {})


async def test_it_waits_for_what_comes() -> None:
    """One that is cancelled meanwhile loses nothing."""
    watchers = Watchers(snapshot)
    watcher = watchers.add(10)
    assert isinstance(await anext(watcher), Snapshot)
    waiting = asyncio.ensure_future(anext(watcher))
    await until(lambda: watcher._waiter)
    with pytest.raises(RuntimeError, match="one task at a time"):
        await anext(watcher)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    waiting = asyncio.ensure_future(anext(watcher))
    await until(lambda: watcher._waiter)
    watchers.tell(Saved(1, "x"))
    watchers.tell(Saved(2, "x"))
    assert [await waiting, await anext(watcher)] == [Saved(1, "x"), Saved(2, "x")]
    assert watcher.missed == 0


async def test_at_the_end_it_gets_what_waits() -> None:
    """Also one that has read nothing."""
    watchers = Watchers(snapshot)
    one, other = watchers.add(10), watchers.add(10)
    assert len(watchers) == 2
    await anext(one)
    watchers.tell(Saved(1, "x"))
    watchers.end()
    watchers.tell(Saved(2, "x"))
    assert [told async for told in one] == [Saved(1, "x")]
    assert [told async for told in other] == [Snapshot(0, {})]
    assert one.is_closed


async def test_one_that_is_closed_gets_nothing_more() -> None:
    """Whoever reads it then, or waits already; the others go on."""
    watchers = Watchers(snapshot)
    watcher, other = watchers.add(10), watchers.add(10)
    await anext(watcher)
    await anext(other)
    waiting = asyncio.ensure_future(anext(watcher, None))
    await until(lambda: watcher._waiter)
    watcher.close()
    watcher.close()
    assert await waiting is None
    watchers.tell(Saved(1, "x"))
    assert await anext(other) == Saved(1, "x")
    assert [told async for told in watcher] == []
    other.close()
    watchers.tell(Saved(2, "x"))
    assert len(watchers) == 0
