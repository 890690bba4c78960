"""The loop that is served may go on in another thread than the one that it was first run in."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

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
