"""The event loop that runs is served, in whichever thread; one at rest when it runs again."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import ConKernelClient, errors
from conkernelclient.testing import FakeKernel, echo
from tests.clients import LONG, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

SOON = 20.0  # seconds: what takes milliseconds unless nobody is woken

with_and_without_sockets = pytest.mark.parametrize("in_memory", [False, True])


@contextmanager
def in_a_thread(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Run `loop` in a thread of its own."""
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    began = threading.Event()
    loop.call_soon_threadsafe(began.set)
    assert began.wait(LONG)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(LONG)
        assert not thread.is_alive()


async def closed(kc: ConKernelClient) -> None:
    """Close it, after a last run."""
    assert "last" in await text_of(kc, "last")
    kc.stop_channels()
    assert not kc.channels_running


@contextmanager
def begun_here(*, in_memory: bool) -> Iterator[tuple[asyncio.AbstractEventLoop, ConKernelClient]]:
    """A client and the loop that it serves, which was run in this thread and goes on in another."""
    loop = asyncio.new_event_loop()
    try:
        with FakeKernel(echo, in_memory=in_memory) as kernel:
            kc = loop.run_until_complete(opened(kernel.client()))
            with in_a_thread(loop):
                yield loop, kc
            loop.run_until_complete(closed(kc))  # here again
    finally:
        loop.close()


async def text_of(kc: ConKernelClient, code: str) -> str:
    """What a run shows."""
    return (await kc.run(code)).text


@with_and_without_sockets
def test_a_loop_that_goes_on_in_a_thread_is_served_there(in_memory: bool) -> None:
    """As if it had always run there."""
    with begun_here(in_memory=in_memory) as (loop, kc):
        for code in ("one", "two"):
            inside = asyncio.run_coroutine_threadsafe(text_of(kc, code), loop)
            assert code in inside.result(SOON)


@with_and_without_sockets
def test_a_loop_that_goes_on_in_a_thread_is_told_from_here(in_memory: bool) -> None:
    """Also before anything has used the client there; whoever asks gets what a thread can use."""
    with begun_here(in_memory=in_memory) as (loop, kc):
        for code in ("one", "two"):
            run = kc.run(code)
            assert isinstance(run, concurrent.futures.Future)
            assert code in run.result(SOON).text
            reply = kc.execute(code, reply=True)
            assert isinstance(reply, concurrent.futures.Future)
            assert reply.result(SOON)["content"]["status"] == "ok"
            inside = asyncio.run_coroutine_threadsafe(text_of(kc, code), loop)
            assert code in inside.result(SOON)


@with_and_without_sockets
def test_another_loop_here_does_not_take_the_client_away_from_it(in_memory: bool) -> None:
    """That one runs."""
    with begun_here(in_memory=in_memory) as (loop, kc):
        inside = asyncio.run_coroutine_threadsafe(text_of(kc, "one"), loop)
        assert "one" in inside.result(SOON)

        async def here() -> None:
            with pytest.raises(errors.WrongLoopError):
                await kc.wait_for_ready(timeout=SOON)
            assert "two" in await text_of(kc, "two")

        asyncio.run(here())


@pytest.fixture
def loops() -> Iterator[list[asyncio.AbstractEventLoop]]:
    """Two, which are closed in the end."""
    made = [asyncio.new_event_loop() for _ in range(2)]
    yield made
    for loop in made:
        loop.close()


@pytest.fixture
def kernel() -> Iterator[FakeKernel]:
    """It answers everything."""
    with FakeKernel() as made:
        yield made


async def ask(kc: Any) -> str:
    return (await kc.execute("1", reply=True, timeout=LONG))["content"]["status"]


async def end(kc: Any) -> None:
    kc.stop_channels()


def test_whichever_runs_is_served(
    loops: list[asyncio.AbstractEventLoop], kernel: FakeKernel
) -> None:
    """However often they change."""
    kc = loops[0].run_until_complete(kernel.client().start_channels())
    connection = kc._connection
    for loop in (*loops, *loops):
        assert loop.run_until_complete(ask(kc)) == "ok"
        assert connection.loop is loop
        assert connection.is_bound()
    loops[1].close()
    assert not connection.is_bound()
    loops[0].run_until_complete(end(kc))


def test_what_was_asked_in_one_at_rest_is_answered_when_it_runs(
    loops: list[asyncio.AbstractEventLoop], kernel: FakeKernel
) -> None:
    """Whoever read the answer."""
    kc = loops[0].run_until_complete(kernel.client().start_channels())

    async def send() -> Any:
        return kc.execute("1", reply=True)

    mine = loops[0].run_until_complete(send())
    assert loops[1].run_until_complete(ask(kc)) == "ok"
    assert loops[0].run_until_complete(asyncio.wait_for(mine, LONG))["content"]["status"] == "ok"
    loops[0].run_until_complete(end(kc))


def test_another_thread_s_loop_that_runs_is_not_left(
    loops: list[asyncio.AbstractEventLoop], kernel: FakeKernel
) -> None:
    """What must be awaited there is an error here; a call is made there."""
    kc = loops[0].run_until_complete(kernel.client().start_channels())
    connection, stop, is_served = kc._connection, asyncio.Event(), threading.Event()
    called: list[threading.Thread] = []

    async def serve() -> None:
        assert await ask(kc) == "ok"
        is_served.set()
        await stop.wait()

    thread = threading.Thread(target=lambda: loops[0].run_until_complete(serve()))
    thread.start()

    async def elsewhere() -> None:
        assert connection.is_foreign_thread()
        with pytest.raises(errors.WrongLoopError):
            connection.bind_here()
        connection.call_in_loop(lambda: called.append(threading.current_thread()))

    try:
        assert is_served.wait(LONG)
        loops[1].run_until_complete(elsewhere())
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        thread.join()
    assert called == [thread]
    loops[0].run_until_complete(end(kc))


def test_what_a_closed_one_asked_is_forgotten(
    loops: list[asyncio.AbstractEventLoop], kernel: FakeKernel
) -> None:
    """Nobody waits for it any more."""
    kc = loops[0].run_until_complete(kernel.client().start_channels())

    async def send() -> Any:
        return kc.execute("1", reply=True)

    loops[0].run_until_complete(send())
    loops[0].close()
    assert loops[1].run_until_complete(ask(kc)) == "ok"
    assert kc.stats()["pending"] == 0
    loops[1].run_until_complete(end(kc))


def test_before_any_runs_none_is_served(kernel: FakeKernel) -> None:
    """A client can be made anywhere."""
    connection = kernel.client()._connection
    assert connection.loop is None
    assert not connection.is_bound()
    assert not connection.is_foreign_thread()
