"""Each way in which a call can end is told, with what can be done about it."""

from __future__ import annotations

from typing import Any

from conkernelclient import Result
from conkernelclient.agent import Call, telling
from conkernelclient.agent.attending import Outcome
from conkernelclient.agent.states import CallNews
from conkernelclient.errors import ProtocolError, SessionError


def call_after(*news: CallNews, **options: Any) -> Call:
    """A call to which this happened."""
    call = Call("r1", "x = 1", **{"timeout": 5, **options})
    for one in news:
        call.note(one)
    return call


class Ended:
    """A kernel that has ended."""

    def __init__(self, said: str) -> None:
        self.last_words = said


async def test_the_status_is_that_of_the_call() -> None:
    """The kernel's own says "error" for what was interrupted."""
    made = Result(status="error", msg_id="m", code="x", still_running=True)
    for news, status in (
        ([], "error"),
        ([CallNews.TIME_OVER], "timeout"),
        ([CallNews.CANCEL], "cancelled"),
    ):
        call = call_after(CallNews.BEGIN, *news, CallNews.END)
        result = telling.plain(call, Outcome(made), ["note"], restarted=True)
        assert (result.status, result.still_running, result.restarted) == (status, False, True)
        assert result.to_llm().endswith("[note]\n")


async def test_an_interrupt_is_told_with_its_reason() -> None:
    """The time that was over, or the caller."""
    late = call_after(CallNews.BEGIN, CallNews.TIME_OVER)
    assert telling.interrupted(late).startswith("timed out after 5 s and was interrupted")
    assert telling.interrupted(call_after(CallNews.BEGIN, CallNews.CANCEL)).startswith("was cancel")
    assert "so the kernel was ended" in telling.stuck(late, has_setup=False)


async def test_the_last_words_of_a_kernel_are_told_in_part() -> None:
    """Its first and its last."""
    life: Any = Ended("Fatal " + "x" * 5000 + " end\n")
    error = telling.lost(life, "the kernel was ended by SIGSEGV")
    assert error.evalue.startswith("the kernel was ended by SIGSEGV while this ran\nFatal ")
    assert error.evalue.endswith(" end")
    assert len(error.evalue) < 1000
    silent: Any = Ended("")
    assert telling.lost(silent, "it ended").evalue == "it ended while this ran"


async def test_a_call_that_had_no_turn_says_why() -> None:
    """The session is closed, it was given up, or another one held the kernel."""
    call = call_after(CallNews.TIME_OVER)
    holder = Call("r7", "train()", timeout=None)
    text = telling.not_run(call, holder, is_closed=False).to_llm()
    assert "not run: for 5 s r7 (train()) held the kernel. Poll it, interrupt it" in text
    assert "another call held" in telling.not_run(call, call, is_closed=False).to_llm()
    dropped = telling.not_run(call_after(CallNews.CANCEL), None, is_closed=False)
    assert (dropped.status, "before it ran" in dropped.to_llm()) == ("cancelled", True)
    assert "closed" in telling.not_run(call, None, is_closed=True).to_llm()


async def test_a_call_without_a_kernel_and_one_that_cannot_be_sent_say_why() -> None:
    """The first is a failure of the session, the second is not."""
    lost = telling.no_kernel(call_after(), SessionError("it does not start"))
    assert lost.is_lost
    assert "it does not start" in lost.to_llm()
    odd = telling.not_sent(call_after(), ProtocolError("code is no text"))
    assert not odd.is_lost
    assert "code is no text" in odd.to_llm()
