"""A call has one end, and whoever waits for it gets that."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from conkernelclient import Result
from conkernelclient.agent import Call, SessionResult
from conkernelclient.agent.states import CallNews, CallState
from tests.clients import until


class FakeRun:
    """A run whose outputs a test writes."""

    def __init__(self) -> None:
        self.text = ""
        self.is_finished = False
        self.interrupts = 0

    @property
    def outcome(self) -> Result:
        """What has come so far."""
        outputs = [{"output_type": "stream", "name": "stdout", "text": self.text}]
        return Result(status="running", msg_id="m", code="x", outputs=outputs)

    async def interrupt(self) -> bool:
        """Count."""
        self.interrupts += 1
        return self.is_finished


def call_of(**options: Any) -> Call:
    """A call of some code."""
    return Call("r1", "x", **{"timeout": None, **options})


def begun(call: Call) -> Any:
    """A run of it."""
    run: Any = FakeRun()
    call.begin(run)
    return run


RESULT = SessionResult.without_run("x", "r1", status="ok")


async def test_all_who_wait_get_the_result() -> None:
    """Before its end and after it."""
    call = call_of()
    waiting = [asyncio.ensure_future(call), asyncio.create_task(call.answer())]
    begun(call)
    call.note(CallNews.END)
    call.end(RESULT)
    assert await asyncio.gather(*waiting, call) == [RESULT] * 3
    assert call.is_done
    assert "done" in repr(call)


async def test_a_caller_that_is_cancelled_gives_the_call_up_unless_it_is_in_the_background() -> (
    None
):
    """`await call` never does."""
    for is_background in (False, True):
        call = call_of(is_background=is_background)
        begun(call)
        for waiting in (asyncio.ensure_future(call), asyncio.create_task(call.answer())):
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait((waiting,))
        assert call.stopped.done() is not is_background
        assert call.state is (CallState.RUNNING if is_background else CallState.CANCELLING)


async def test_a_call_that_is_detached_answers_with_what_has_come() -> None:
    """Once: the next poll gives what is new."""
    call = call_of(timeout=5, on_timeout="detach")
    run = begun(call)
    waiting = asyncio.create_task(call.answer())
    run.text = "one"
    call.time_over()
    answer = await waiting
    assert (answer.status, answer.text, answer.still_running) == ("running", "one", True)
    assert call.is_background
    assert not call.stopped.done()
    run.text = "onetwo"
    assert (await call.poll()).text == "two"
    assert (await call.poll(wait=0.01)).text == ""
    call.detach()


async def test_the_time_of_one_that_is_to_be_detached_counts_from_the_call() -> None:
    """That of another one counts from when its code was sent."""
    assert call_of(timeout=5).time_left == 5
    assert call_of(on_timeout="detach").time_left is None
    assert call_of(timeout=0.0, on_timeout="detach").time_left == 0
    left = call_of(timeout=5, on_timeout="detach").time_left
    assert left is not None
    assert 0 < left < 5


async def test_who_listens_may_change_while_it_runs() -> None:
    """What a run calls stays the same."""
    heard: list[Any] = []
    call = call_of(on_output=lambda event: heard.append(("first", event)))
    listener = call.listener
    assert listener is not None
    event: Any = object()
    listener(event)
    call.on_output = lambda event: heard.append(("second", event))
    listener(event)
    call.on_output = None
    assert listener(event) is None
    assert heard == [("first", event), ("second", event)]
    assert call_of().listener is None


async def test_time_runs_while_it_waits_for_one_that_may_never_end() -> None:
    """And stops running when that has ended."""
    call = call_of(timeout=0.0)
    call.limit_waiting(True)
    call.limit_waiting(True)
    call.limit_waiting(False)
    await asyncio.sleep(0)
    assert call.state is CallState.WAITING
    call.limit_waiting(True)
    await until(call.stopped.done)
    assert call.state is CallState.WITHDRAWN
    patient = call_of()
    patient.limit_waiting(True)
    assert patient._timer is None


async def test_its_time_does_not_end_one_that_has_begun_meanwhile() -> None:
    """The timer was about to ring."""
    call = call_of(timeout=5)
    begun(call)
    call._waited()
    assert call.state is CallState.RUNNING


async def test_interrupt_drops_it_before_its_turn_and_says_what_goes_on() -> None:
    """A run that swallows it is told as such."""
    call = call_of()
    interrupting = asyncio.create_task(call.interrupt())
    await until(call.stopped.done)
    call.end(RESULT)
    assert await interrupting
    assert not call.cancel()
    running = call_of()
    run = begun(running)
    assert await running.interrupt() is False
    assert run.interrupts == 1
    assert running.seconds >= 0


async def test_polling_lets_others_go_on() -> None:
    """Who polls in a loop would else never see an end."""
    call = call_of()
    begun(call)
    ended: list[bool] = []
    asyncio.get_running_loop().call_soon(ended.append, True)
    await call.poll()
    assert ended == [True]


async def test_polled_before_its_turn_it_says_that_it_waits() -> None:
    """With no outputs."""
    news = await call_of().poll()
    assert (news.status, news.outputs) == ("running", [])
    assert "waits for its turn" in news.to_llm()


async def test_news_that_cannot_come_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """And change nothing."""
    call = call_of()
    assert call.note(CallNews.BEGIN) is CallState.RUNNING
    assert call.note(CallNews.BEGIN) is CallState.RUNNING
    assert caplog.messages == ["call r1 is RUNNING: BEGIN"]
    caplog.clear()
