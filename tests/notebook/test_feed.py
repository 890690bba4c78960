"""A run's events reach a cell in order, none is lost, and a slow cell does not fill the memory."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import Result
from conkernelclient.events import Finished, InputRequest, Stream
from conkernelclient.notebook import feed as feeds
from conkernelclient.notebook.feed import Feed
from conkernelclient.notebook.thread import LoopThread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

RESULT = Result(status="ok", msg_id="1", code="")


@pytest.fixture
def thread() -> Iterator[LoopThread]:
    """A thread that ends with the test."""
    made = LoopThread()
    yield made
    made.stop()


def feed_of(thread: LoopThread, run: Any) -> Feed:
    """A feed that attends to a run."""

    async def begin() -> Feed:
        made = Feed(thread)
        made.attend(run)
        return made

    return thread.call(begin())


def test_all_events_come_in_order_and_a_slow_cell_holds_them_up(
    thread: LoopThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more than a few are in the queue."""
    monkeypatch.setattr(feeds, "MANY", 10)
    ahead = 0

    async def run() -> AsyncIterator[Any]:
        nonlocal ahead
        for number in range(100):
            ahead = number
            yield Stream("stdout", str(number))
        yield Finished(RESULT)

    feed = feed_of(thread, run())
    seen: list[str] = []
    for batch in feed.batches():
        seen += [event.text for event in batch if isinstance(event, Stream)]
        thread.ask(lambda: None)
        assert ahead <= len(seen) + 12
    assert seen == list(map(str, range(100)))
    assert feed.result is RESULT


@pytest.mark.parametrize("error", [ValueError("x"), asyncio.CancelledError()])
def test_what_a_run_raises_ends_the_batches(thread: LoopThread, error: BaseException) -> None:
    """It is kept for the cell."""

    async def run() -> AsyncIterator[Any]:
        yield Stream("stdout", "x")
        raise error

    feed = feed_of(thread, run())
    assert [event for batch in feed.batches() for event in batch] == [Stream("stdout", "x")]
    assert feed.error is error
    assert feed.is_over


def test_an_answer_reaches_the_question(thread: LoopThread) -> None:
    """Whichever comes first."""
    feed = Feed(thread)
    feed.give("early")
    assert thread.call(feed.answer(InputRequest("?"))) == "early"
