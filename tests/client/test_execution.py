"""What an execution does with its messages, whom it tells, and when it lets go."""

from __future__ import annotations

import asyncio
import weakref
from typing import Any

import pytest

from conkernelclient.client.execution import Execution
from conkernelclient.errors import DeadKernelError, NotInterruptibleError, TransportError
from conkernelclient.state.presence import News
from conkernelclient.state.router import Phase

from ..clients import LONG, until
from ..messages import incoming, kind
from .line import Line, request


class Watcher:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def began(self) -> None:
        """Keep that it began."""
        self.told.append("began")

    def finished(self) -> None:
        """Keep that it finished."""
        self.told.append("finished")

    def failed(self, error: BaseException) -> None:
        """Keep the error."""
        self.told.append(error)


def launched(line: Any, msg_id: str = "m", **more: Any) -> tuple[Execution, Watcher]:
    """An execution on its way, and its watcher."""
    watcher = Watcher()
    message = request(msg_id, **more)
    execution = Execution(line, line.loop, watcher, message, (), False, None)
    execution.launch()
    return execution, watcher


@pytest.mark.parametrize("ends", [("reply", "idle"), ("idle", "reply")])
async def test_the_watcher_hears_of_begin_and_end_once(ends: tuple[str, str]) -> None:
    """Reply and idle come in either order."""
    line = Line()
    execution, watcher = launched(line)
    line.enter("m")
    line.say("m", "x")
    assert watcher.told == ["began"]
    for end in ends:
        assert not execution.is_finished
        getattr(line, end)("m")
    assert watcher.told == ["began", "finished"]
    assert execution.is_finished
    assert execution.reducer is not None
    assert [one["text"] for one in execution.reducer.outputs] == ["x"]
    assert (line.router.pending, line._window.drain()) == (0, [])


async def test_an_output_before_any_busy_begins_it() -> None:
    """The busy came before iopub was subscribed."""
    line = Line()
    execution, watcher = launched(line)
    line.say("m", "x")
    assert watcher.told == ["began"]
    assert execution.began_at is not None
    line.busy("m")
    assert watcher.told == ["began"]


async def test_the_watcher_is_let_go_at_the_end_without_the_collector() -> None:
    """A run that nobody holds is gone with its last message, and its late output with it."""
    line = Line()
    execution, watcher = launched(line)
    there = weakref.ref(watcher)
    del watcher
    line.enter("m")
    assert there() is not None  # its timeouts and handlers go on
    line.reply("m")
    line.idle("m")
    assert there() is None
    line.say("m", "late")
    assert [event.text for event in execution.late or ()] == ["late"]
    gone = weakref.ref(execution)
    del execution
    assert gone() is None
    line.say("m", "later")  # reaches nobody


async def test_given_up_it_keeps_its_place_and_follows_the_kernel_for_nobody() -> None:
    """The next one leaves when the kernel has finished with it; its callers are held by nothing."""
    line = Line()
    execution, watcher = launched(line)
    launched(line, "next")
    line.enter("m")
    execution.give_up(is_interrupting=False)
    there = weakref.ref(watcher)
    told = watcher.told
    del watcher
    assert there() is None
    assert execution.is_over
    assert line.router.pending == 1
    line.say("m", "on")
    line.reply("m")
    assert (line.sent, execution.is_finished) == (["m"], False)
    line.idle("m")
    assert (line.sent, execution.is_finished) == (["m", "next"], True)
    assert execution.reducer is not None
    assert execution.reducer.outputs[0]["text"] == "on"
    assert told == ["began"]


async def test_given_up_before_it_left_it_never_leaves() -> None:
    """The kernel need not be interrupted for that."""
    line = Line()
    launched(line)
    execution, watcher = launched(line, "never")
    assert execution.ahead() == ("m", "code of m")
    execution.give_up(is_interrupting=True)
    assert (execution.is_finished, execution.request.phase) == (True, Phase.DONE)
    line.enter("m")
    line.reply("m")
    line.idle("m")
    await asyncio.sleep(0)
    assert (line.sent, line.interrupts, watcher.told) == (["m"], 0, [])


async def test_given_up_in_the_kernel_it_is_interrupted() -> None:
    """Only with `is_interrupting`, and only where an interrupt reaches."""
    line = Line()
    line._window.limit = None
    for msg_id, shell, is_interrupting in (("sub", "shell", True), ("left alone", None, False)):
        other, _ = launched(line, msg_id, subshell_id=shell)
        line.enter(msg_id)
        other.give_up(is_interrupting=is_interrupting)
        assert other._ladder is None
    execution, _ = launched(line)
    line.enter("m")
    execution.give_up(is_interrupting=True)
    await until(lambda: line.interrupts)
    assert execution.is_interrupted
    line.reply("m", "error")
    line.idle("m")
    assert line.interrupts == 1


async def test_a_failure_is_told_once_and_frees_the_place() -> None:
    """One that was given up has nobody to tell."""
    line = Line()
    execution, watcher = launched(line)
    given_up, nobody = launched(line, "given up")
    error = TransportError("cut")
    execution.fail(error)
    execution.fail(TransportError("again"))
    assert watcher.told == [error]
    assert line.sent == ["m", "given up"]
    given_up.give_up(is_interrupting=False)
    given_up.fail(error)
    assert (given_up.is_finished, nobody.told) == (True, [])


async def test_what_cannot_be_sent_leaves_nothing_behind() -> None:
    """Neither in the router, nor in the window, nor a watcher that is held."""
    line = Line()
    line.refuses = TypeError("no JSON")
    watcher = Watcher()
    execution = Execution(line, line.loop, watcher, request("m"), (), False, None)
    with pytest.raises(TypeError, match="no JSON"):
        execution.launch()
    assert (execution.is_finished, execution.is_over, watcher.told) == (True, True, [])
    line.refuses = None
    launched(line, "next")
    assert line.sent == ["next"]


async def test_without_a_kernel_it_fails_at_once() -> None:
    """It is not registered."""
    line = Line()
    line.presence.feed(News.ENDED)
    line.presence.feed(News.READ)
    execution, watcher = launched(line)
    assert [kind(error) for error in watcher.told] == [DeadKernelError]
    assert (execution.is_finished, line.router.pending, line.sent) == (True, 0, [])


@pytest.mark.parametrize(
    ("replies", "is_silent", "told"),
    [
        (["ok"], False, TransportError),
        (["ok"], True, str),
        (["error"], False, str),
        ([], False, str),
    ],
)
async def test_what_is_owed_at_the_end_is_told(
    replies: list[str], is_silent: bool, told: type
) -> None:
    """A reply "ok" of which nothing was published is no success; without a reply it just ends."""
    line = Line()
    execution, watcher = launched(line, silent=is_silent)
    line.was_interrupted = True
    for state in replies:
        line.reply("m", state)
    line.router.end(execution.request)
    execution.end()
    execution.end()
    assert [type(one) for one in watcher.told] == [told]
    assert execution.is_interrupted == (not replies)


async def test_an_interrupt_that_may_have_cost_the_reply_is_asked_about() -> None:
    """When the kernel is idle, and only then."""
    line = Line()
    execution, _ = launched(line)
    line.enter("m")
    execution.note_interrupt()
    line.say("m", "x")
    assert (execution.lacks_reply, line.asked) == (False, [])
    line.idle("m")
    assert (execution.lacks_reply, line.asked) == (True, ["m"])


async def test_an_interrupt_is_for_the_main_shell_and_for_what_has_not_ended() -> None:
    """A process interrupt never reaches a subshell."""
    line = Line()
    elsewhere, _ = launched(line, "s", subshell_id="sub")
    with pytest.raises(NotInterruptibleError, match="subshell sub"):
        await elsewhere.interrupt()
    execution, _ = launched(line)
    line.enter("m")
    line.reply("m")
    line.idle("m")
    assert await execution.interrupt()
    assert line.interrupts == 0


async def test_it_is_interruptible_while_the_kernel_is_inside_the_code() -> None:
    """Before that the kernel drops an interrupt; after that it hits whatever runs next."""
    line = Line()
    execution, _ = launched(line)
    seen = [execution.is_interruptible]
    for step in (line.busy, line.enter, line.reply, line.idle):
        step("m")
        seen.append(execution.is_interruptible)
    assert seen == [False, False, True, False, False]
    silent, _ = launched(line, "silent", silent=True)
    line.busy("silent")
    assert silent.is_interruptible  # no notice will come


async def test_who_asks_after_the_last_one_was_cancelled_has_interrupts_of_his_own() -> None:
    """He joined those that were called off, and was cancelled with them."""
    line = Line()
    execution, _ = launched(line)
    line.enter("m")
    first = asyncio.ensure_future(execution.interrupt())
    await until(lambda: line.interrupts == 1)

    async def end() -> None:
        await until(lambda: line.interrupts == 2)
        line.reply("m", "error")
        line.idle("m")

    ending = asyncio.ensure_future(end())
    first.cancel()
    await asyncio.sleep(0)
    assert first.done()
    async with asyncio.timeout(LONG):
        assert await execution.interrupt()
        await ending


async def test_who_waits_for_a_change_is_woken_by_messages_and_by_the_end() -> None:
    """And leaves nothing behind when he is cancelled."""
    line = Line()
    execution, _ = launched(line)
    for change in (line.busy, line.reply, line.idle):
        waiting = asyncio.ensure_future(execution.changed(lambda: False))
        await asyncio.sleep(0)
        change("m")
        await asyncio.wait_for(waiting, LONG)
    cancelled = asyncio.ensure_future(execution.changed(lambda: False))
    await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.wait([cancelled])
    assert execution._news is not None
    assert not execution._news.waiters


async def test_what_is_to_follow_its_end_does_so_whenever_that_is_asked() -> None:
    """Before the end or after it."""
    line = Line()
    execution, _ = launched(line)
    done: list[str] = []
    execution.when_finished(lambda: done.append("first"))
    execution.when_finished(lambda: done.append("second"))
    line.busy("m")
    assert done == []
    line.reply("m")
    line.idle("m")
    execution.when_finished(lambda: done.append("third"))
    assert done == ["first", "second", "third"]


async def test_its_notice_counts_for_events_that_are_asked_for_later() -> None:
    """Most runs have no other output, and none keeps a log for it."""
    line = Line()
    execution, _ = launched(line)
    line.enter("m")
    assert execution.reducer is None
    line.feed("iopub", incoming("execute_input", "m", code="", execution_count=2))
    event = execution.cursor().next()
    assert event is not None
    assert type(event).__name__ == "Started"
    assert execution.notice is not None
    assert execution.notice.content["execution_count"] == 1
