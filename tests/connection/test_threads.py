"""What belongs to a loop is touched where that loop runs."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient.connection import threads
from conkernelclient.connection.threads import begin, call_there, is_elsewhere, note_several, retire
from tests.clients import LONG

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def several(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client has gone from one loop to another."""
    monkeypatch.setattr(threads._Known, "are_several", False)
    note_several()


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop at rest."""
    made = asyncio.new_event_loop()
    yield made
    made.close()


async def test_with_one_loop_nobody_asks_where_he_is(
    monkeypatch: pytest.MonkeyPatch, loop: asyncio.AbstractEventLoop
) -> None:
    """That costs time with each message."""
    monkeypatch.setattr(threads._Known, "are_several", False)
    called: list[int] = []
    call_there(asyncio.get_running_loop(), called.append, 1)
    assert called == [1]
    assert not is_elsewhere(loop)


@pytest.mark.usefixtures("several")
async def test_here_it_is_called_now_and_elsewhere_when_that_loop_runs(
    loop: asyncio.AbstractEventLoop,
) -> None:
    """In the thread of that loop."""
    called: list[Any] = []

    def note() -> None:
        called.append(threading.current_thread())

    call_there(asyncio.get_running_loop(), note)
    assert called == [threading.current_thread()]
    call_there(loop, note)
    assert len(called) == 1
    assert is_elsewhere(loop)
    thread = threading.Thread(target=loop.run_until_complete, args=(asyncio.sleep(0),))
    thread.start()
    await asyncio.to_thread(thread.join, LONG)
    assert called[1:] == [thread]


@pytest.mark.usefixtures("several")
def test_in_a_loop_that_is_closed_nobody_is_told(loop: asyncio.AbstractEventLoop) -> None:
    """Nor raises anything."""
    called: list[int] = []
    loop.close()
    call_there(loop, called.append, 1)
    assert called == []


def test_one_of_our_tasks_whose_loop_never_runs_again_ends_in_silence(
    loop: asyncio.AbstractEventLoop, caplog: pytest.LogCaptureFixture
) -> None:
    """asyncio complains of others."""
    task = begin(loop, asyncio.sleep(100))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    retire(task)  # harmless there
    work: Any = task.get_coro()
    work.close()
    del task
    assert caplog.records == []


async def test_a_retired_task_is_cancelled() -> None:
    """Where its loop runs."""
    task = begin(asyncio.get_running_loop(), asyncio.sleep(100))
    retire(task)
    with pytest.raises(asyncio.CancelledError):
        await task
