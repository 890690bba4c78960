"""A loop in a thread answers whoever waits, and is left at an interrupt."""

from __future__ import annotations

import _thread
import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient.notebook.thread import LoopThread

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def thread() -> Iterator[LoopThread]:
    """A thread that ends with the test."""
    made = LoopThread()
    yield made
    made.stop()
    assert not [it for it in threading.enumerate() if it.name == "conkernelclient notebook"]


def test_what_is_called_runs_in_one_loop_of_another_thread(thread: LoopThread) -> None:
    """Errors are the caller's."""

    async def where() -> tuple[object, int]:
        await asyncio.sleep(0)
        return asyncio.get_running_loop(), threading.get_ident()

    loop, ident = thread.call(where())
    assert (loop, ident != threading.get_ident()) == (thread.loop, True)
    assert thread.ask(threading.get_ident) == ident
    with pytest.raises(ZeroDivisionError):
        thread.ask(lambda: 1 // 0)


def test_an_interrupt_of_who_waits_cancels_what_is_waited_for(thread: LoopThread) -> None:
    """At once."""
    cancelled = threading.Event()

    async def hang() -> None:
        _thread.interrupt_main()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            cancelled.set()

    with pytest.raises(KeyboardInterrupt):
        thread.call(hang())
    assert cancelled.wait(60)


def test_an_interrupt_right_after_the_beginning_cancels_as_well(
    thread: LoopThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the caller has begun to wait."""
    cancelled = threading.Event()
    loop = thread.loop
    begin = loop.call_soon_threadsafe

    def interrupted(*arguments: Any) -> None:
        monkeypatch.undo()
        begin(*arguments)
        raise KeyboardInterrupt

    async def hang() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            cancelled.set()

    monkeypatch.setattr(loop, "call_soon_threadsafe", interrupted)
    with pytest.raises(KeyboardInterrupt):
        thread.call(hang())
    assert cancelled.wait(60)


def test_what_is_kept_goes_on_and_its_failure_is_told_to_nobody(thread: LoopThread) -> None:
    """It was asked for, not waited for."""
    done = threading.Event()

    async def fail() -> None:
        done.set()
        raise ValueError

    thread.post(lambda: thread.keep(fail()))
    assert done.wait(60)
    thread.ask(lambda: None)


def test_a_stop_ends_what_is_under_way_and_the_next_call_begins_anew(thread: LoopThread) -> None:
    """Twice is harmless."""
    ended = threading.Event()

    async def hang() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.set()

    thread.post(lambda: thread.keep(hang()))
    before = thread.loop
    thread.ask(lambda: None)
    thread.stop()
    thread.stop()
    assert ended.is_set()
    assert thread.loop is not before
