"""Each execute request that has come is begun or answered, and what is stopped is told of."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from conkernelclient.kernel import jobs as module
from conkernelclient.kernel.answers import Answers
from conkernelclient.kernel.cells import Cell
from conkernelclient.kernel.jobs import Jobs
from conkernelclient.kernel.modes import Options, RunMode
from conkernelclient.kernel.request import Ending, Request, State
from conkernelclient.kernel.scheduler import Limits
from conkernelclient.kernel.wire import Wire
from tests.kernel.parts import Posts, cell, session

TASK: Any = object()  # of a cell that has one: its code may have begun

_numbers = itertools.count()


class Kernel:
    """Jobs, with what a kernel has around them; nothing runs until a test says so."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.posts: Any = Posts()
        self.begun: list[Cell] = []
        self.stopped: list[tuple[Cell, str]] = []
        self.fails: set[Cell] = set()
        self.answers = Answers(Wire(session()), self.posts, self.posts, "id", ())
        self.jobs = Jobs(self.answers, self.posts, limits or Limits(), self.begin)
        self.jobs.stopper = self  # type: ignore[assignment]

    def begin(self, one: Cell) -> None:
        if one in self.fails:
            raise RuntimeError("can't start new thread")
        self.begun.append(one)

    def stop(self, one: Cell, why: BaseException) -> None:
        self.stopped.append((one, str(why)))

    def sent(
        self, *after: Cell, place: str | None = None, fails: bool = False, **more: Any
    ) -> Cell:
        """A request that has come."""
        one = made(*after, place=place, **more)
        if fails:
            self.fails.add(one)
        self.jobs.submit(one)
        return one

    def cancel(self, *msg_ids: Any) -> Any:
        """What is said at once to a cancel."""
        return self.jobs.cancel(interrupt(list(msg_ids)))

    def replies(self, kind: str = "execute_reply") -> list[dict[str, Any]]:
        return [it["content"] for _channel, it in self.posts.messages() if it["msg_type"] == kind]

    def look_again(self) -> None:
        """Let the time come for which something waits."""
        ((_seconds, function),) = self.posts.later
        self.posts.later.clear()
        function()


def made(*after: Cell, place: str | None = None, **more: Any) -> Cell:
    one = cell()
    options = Options(after=tuple(it.request.msg_id for it in after), **more)
    one.request = Request(f"r{next(_numbers)}", options, place, payload=one)
    return one


def interrupt(msg_ids: Any) -> Cell:
    return cell("interrupt_request", "control", {"msg_ids": msg_ids})


def test_one_begins_as_the_one_before_it_ends() -> None:
    """And is among those that run meanwhile."""
    kernel = Kernel()
    first, second = kernel.sent(), kernel.sent()
    assert kernel.begun == [first]
    assert list(kernel.jobs.running.values()) == [first]
    kernel.jobs.finish(first, Ending.WELL)
    assert kernel.begun == [first, second]
    assert kernel.jobs.running == {second.request.msg_id: second}
    kernel.jobs.finish(second, Ending.WELL)
    assert kernel.jobs.running == {}
    assert kernel.jobs.list() == []
    assert kernel.posts.posted == []


def test_what_never_runs_is_answered_with_the_reason() -> None:
    """As an error, or as aborted."""
    kernel = Kernel(Limits(queued=1))
    first = kernel.sent()
    held = kernel.sent(first)
    refused = kernel.sent()
    assert refused.request.state is State.ENDED
    kernel.jobs.finish(first, Ending.ILL)
    assert held.request.state is State.ENDED
    assert [(it["status"], it["ename"]) for it in kernel.replies()] == [
        ("error", "QueueFull"),
        ("aborted", "Aborted"),
    ]
    assert [one for _channel, one in kernel.posts.told()] == ["busy", "execute_reply", "idle"] * 2


def test_an_error_aborts_what_waits_and_tells_of_it_when_it_is_time() -> None:
    """After the reply of the one that failed, and with what came before that was seen."""
    kernel = Kernel()
    failed, waiting, task = kernel.sent(), kernel.sent(), kernel.sent(mode=RunMode.TASK)
    tell = kernel.jobs.abort(failed)
    assert waiting.request.state is State.ENDED
    assert kernel.replies() == []
    tell()
    assert [it["status"] for it in kernel.replies()] == ["aborted"]
    came, other = made(), made(lane="other")
    kernel.jobs.submit(came, aborting=failed)
    kernel.jobs.submit(other, aborting=failed)
    assert [it["status"] for it in kernel.replies()] == ["aborted"] * 2
    kernel.jobs.finish(failed, Ending.ILL)
    assert kernel.begun == [failed, task, other]


def test_a_cell_that_cannot_begin_is_answered_and_the_next_begins() -> None:
    """Such as one for which there is no thread; a thousand of them are no recursion."""
    kernel = Kernel(Limits(running=1))
    first = kernel.sent(mode=RunMode.THREAD)
    unable = [kernel.sent(mode=RunMode.THREAD, fails=True) for _ in range(2_000)]
    able = kernel.sent(mode=RunMode.THREAD)
    after = kernel.sent(unable[0])
    kernel.jobs.finish(first, Ending.WELL)
    assert kernel.begun == [first, able]
    assert list(kernel.jobs.running.values()) == [able]
    assert {it.request.state for it in [*unable, after]} == {State.ENDED}
    replies = kernel.replies()
    assert len(replies) == 2_001
    assert replies[0]["ename"] == "RuntimeError"
    assert sum(it["status"] == "aborted" for it in replies) == 1


# Stops


def test_only_what_runs_is_stopped() -> None:
    """As often as one likes."""
    kernel = Kernel()
    runs, waits = kernel.sent(), kernel.sent()
    for one in (runs, waits, runs):
        kernel.jobs.stop(one, KeyboardInterrupt("why"))
    assert kernel.stopped == [(runs, "why")] * 2
    assert runs.request.state is State.STOPPING
    kernel.jobs.finish(runs, Ending.ILL)
    kernel.jobs.stop(runs, KeyboardInterrupt("late"))
    assert len(kernel.stopped) == 2


def test_a_cancel_says_what_became_of_each() -> None:
    """When those that ran have ended."""
    kernel = Kernel()
    ended = kernel.sent()
    kernel.jobs.finish(ended, Ending.WELL)
    runs, waits, held = kernel.sent(), kernel.sent(), kernel.sent(lane="other")
    runs.task = TASK
    ids = [it.request.msg_id for it in (ended, runs, waits)]
    assert kernel.cancel(*ids, "unknown") is None
    assert kernel.stopped == [(runs, "it was cancelled")]
    assert [it["status"] for it in kernel.replies()] == ["aborted"]
    assert kernel.replies("interrupt_reply") == []
    kernel.look_again()
    assert kernel.replies("interrupt_reply") == []
    kernel.jobs.finish(runs, Ending.ILL)
    kernel.look_again()
    (reply,) = kernel.replies("interrupt_reply")
    words = ["ended", "interrupted", "dequeued", "unknown"]
    assert reply == {"status": "ok", "requests": dict(zip([*ids, "unknown"], words, strict=True))}
    assert kernel.posts.later == []
    assert list(kernel.jobs.running.values()) == [held]


def test_a_cancel_of_what_is_being_answered_says_that_it_has_ended() -> None:
    """Its reply and its idle may be out, though the next one has not begun yet."""
    kernel = Kernel()
    answered = kernel.sent()
    answered.is_over = True
    assert kernel.cancel(answered.request.msg_id) is None
    assert kernel.replies("interrupt_reply")[0]["requests"] == {answered.request.msg_id: "ended"}
    assert kernel.stopped == []


def test_a_cancel_of_what_has_no_task_yet_waits_for_nothing() -> None:
    """Its code never begins."""
    kernel = Kernel()
    one = kernel.sent()
    assert kernel.cancel(one.request.msg_id) is None
    assert kernel.replies("interrupt_reply")[0]["requests"] == {one.request.msg_id: "dequeued"}
    assert str(one.why) == "it was cancelled"
    assert kernel.stopped == [(one, "it was cancelled")]


def test_a_cancel_of_what_does_not_stop_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time, and never before."""

    class Clock:
        now = 100.0

        def monotonic(self) -> float:
            return self.now

    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    kernel = Kernel()
    stuck = kernel.sent()
    stuck.task = TASK
    kernel.cancel(stuck.request.msg_id)
    clock.now += module.UNTIL_GIVEN_UP - 0.1
    kernel.look_again()
    assert kernel.replies("interrupt_reply") == []
    clock.now += 0.1
    kernel.look_again()
    (reply,) = kernel.replies("interrupt_reply")
    assert reply["requests"] == {stuck.request.msg_id: "uncancellable"}


@pytest.mark.parametrize("msg_ids", ["r1", [1], [["r1"]], {"r1": 1}, 1])
def test_a_cancel_of_what_are_no_ids_is_an_error(msg_ids: Any) -> None:
    """An empty list is one of no requests."""
    kernel = Kernel()
    error = kernel.jobs.cancel(interrupt(msg_ids))
    assert error is not None
    assert error["ename"] == "BadOptionError"
    assert kernel.cancel() is None
    assert kernel.replies("interrupt_reply") == [{"status": "ok", "requests": {}}]


def test_the_end_of_a_subshell_ends_all_that_is_there() -> None:
    """What waits is answered, what runs is stopped; others are left alone."""
    kernel = Kernel()
    other = kernel.sent()
    runs, waits = kernel.sent(place="s"), kernel.sent(place="s")
    held = kernel.sent(other, place="s")
    assert kernel.jobs.end_place("s", "it was deleted") == [runs.request]
    assert kernel.stopped == [(runs, "it was deleted")]
    assert {it.request.state for it in (waits, held)} == {State.ENDED}
    assert [it["evalue"] for it in kernel.replies()] == ["it was deleted"] * 2
    assert list(kernel.jobs.running.values()) == [other, runs]


def test_the_list_has_all_in_the_order_in_which_they_came() -> None:
    """With all that a user may want to see."""
    kernel = Kernel()
    runs = kernel.sent()
    task = kernel.sent(mode=RunMode.TASK, priority=3)
    held = kernel.sent(task, runs, place="s", lane="x")
    kernel.jobs.stop(task, KeyboardInterrupt())
    plain = {"mode": "queue", "lane": "", "subshell_id": None, "priority": 0, "after": []}
    runs_id, task_id, held_id = (it.request.msg_id for it in (runs, task, held))
    assert kernel.jobs.list() == [
        {**plain, "msg_id": runs_id, "state": "running"},
        {**plain, "msg_id": task_id, "state": "stopping", "mode": "task", "priority": 3},
        {
            **plain,
            "msg_id": held_id,
            "state": "held",
            "lane": "x",
            "subshell_id": "s",
            "after": sorted([runs_id, task_id]),
        },
    ]
