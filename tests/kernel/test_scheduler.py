"""The scheduler starts each request in its turn, ends each once, and keeps nothing of it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conkernelclient.kernel import scheduler as module
from conkernelclient.kernel.modes import Options, RunMode
from conkernelclient.kernel.request import Ending, Request, State
from conkernelclient.kernel.scheduler import REMEMBERED, Decision, Limits, Reason, Scheduler

WELL, ILL = Ending.WELL, Ending.ILL
TASK, THREAD = RunMode.TASK, RunMode.THREAD
CANCELLED = Reason("Cancelled", "it was cancelled")


def made(
    msg_id: str,
    *after: str,
    mode: RunMode = RunMode.QUEUE,
    lane: str = "",
    priority: int = 0,
    place: str | None = None,
) -> Request:
    return Request(msg_id, Options(mode, lane, priority, after), place)


def submit(scheduler: Scheduler, msg_id: str, *after: str, **more: Any) -> Request:
    request = made(msg_id, *after, **more)
    scheduler.submit(request)
    return request


def started(decision: Decision) -> list[str]:
    return [request.msg_id for request in decision.start]


def dropped(decision: Decision) -> list[tuple[str, str]]:
    return [(it.request.msg_id, it.reason.ename) for it in decision.drop]


def is_empty(scheduler: Scheduler) -> bool:
    """Whether it keeps nothing but how requests ended."""
    left = (scheduler._open, scheduler._waiters, scheduler._lanes, scheduler._beside._heap)
    return not any(left) and scheduler._waiting == scheduler._running_beside == 0


# Turns


def test_a_lane_runs_one_at_a_time_by_priority_and_then_by_arrival() -> None:
    """The one that runs is left alone."""
    scheduler = Scheduler()
    first = made("first", priority=-1)
    assert started(scheduler.submit(first)) == ["first"]
    for number, priority in enumerate([0, 5, -1, 5, 0]):
        assert scheduler.submit(made(str(number), priority=priority)) == Decision()
    order, running = [], first
    while running is not None:
        decision = scheduler.finish(running, WELL)
        running = next(iter(decision.start), None)
        order += started(decision)
    assert order == list("13042")
    assert is_empty(scheduler)


def test_lanes_and_places_do_not_wait_for_each_other() -> None:
    """A subshell has lanes of its own."""
    scheduler = Scheduler()
    for number, (place, lane) in enumerate([(None, ""), (None, "a"), ("s", ""), ("s", "a")]):
        assert started(scheduler.submit(made(str(number), place=place, lane=lane))) == [str(number)]
        assert not scheduler.submit(made(f"{number}b", place=place, lane=lane)).start
    assert len(scheduler) == 8
    assert [it.msg_id for it in scheduler][:3] == ["0", "0b", "1"]


def test_tasks_and_threads_run_beside_all_up_to_the_limit() -> None:
    """Beyond it they wait, by priority; a lane is not counted."""
    scheduler = Scheduler(Limits(running=2))
    tasks = [made(f"t{n}", mode=TASK, priority=n == 3) for n in range(4)]
    found = [started(scheduler.submit(task)) for task in tasks]
    assert found == [["t0"], ["t1"], [], []]
    assert started(scheduler.submit(made("q"))) == ["q"]
    assert started(scheduler.finish(tasks[0], WELL)) == ["t3"]
    assert started(scheduler.finish(tasks[1], ILL)) == ["t2"]
    scheduler.finish(tasks[3], WELL)
    assert started(scheduler.submit(made("h", mode=THREAD))) == ["h"]


def test_of_those_that_are_released_together_the_first_by_priority_runs() -> None:
    """And not the one that was sent first."""
    scheduler = Scheduler(Limits(running=1))
    first = submit(scheduler, "first")
    for number, priority in enumerate([0, 5]):
        submit(scheduler, f"q{number}", "first", priority=priority)
        submit(scheduler, f"t{number}", "first", priority=priority, mode=TASK)
    assert started(scheduler.finish(first, WELL)) == ["q1", "t1"]


# After others


def test_a_request_waits_for_all_that_it_comes_after() -> None:
    """Whether they run, wait, or have ended."""
    scheduler = Scheduler()
    ended = submit(scheduler, "ended")
    scheduler.finish(ended, WELL)
    a = submit(scheduler, "a", mode=TASK)
    b = submit(scheduler, "b")
    held = submit(scheduler, "c", "ended", "a", "b", "a", mode=TASK)
    assert (held.state, held.waits_for) == (State.HELD, {"a", "b"})
    assert not scheduler.finish(b, WELL).start
    assert started(scheduler.finish(a, WELL)) == ["c"]
    assert scheduler.ending("a") is WELL
    assert scheduler.ending("c") is None
    scheduler.finish(held, WELL)
    assert is_empty(scheduler)


def test_what_comes_after_one_that_failed_never_runs() -> None:
    """Nor what comes after that, each with the reason; others go on."""
    scheduler = Scheduler()
    a = submit(scheduler, "a", mode=TASK)
    b = submit(scheduler, "b", mode=TASK)
    for msg_id, *after in (["c", "a"], ["d", "a", "b"], ["e", "c", "d"], ["f", "b"]):
        submit(scheduler, msg_id, *after, mode=TASK)
    decision = scheduler.finish(a, ILL)
    assert [(it.request.msg_id, it.reason.evalue) for it in decision.drop] == [
        ("c", "request a, which it comes after, failed"),
        ("e", "request c, which it comes after, failed"),
        ("d", "request a, which it comes after, failed"),
    ]
    assert all(it.reason.is_abort for it in decision.drop)
    assert started(scheduler.finish(b, WELL)) == ["f"]
    assert dropped(scheduler.submit(made("g", "f", "e"))) == [("g", "Aborted")]
    assert scheduler.ending("g") is ILL


def test_one_that_comes_after_two_that_fail_is_dropped_once() -> None:
    """Though it is reached on two ways."""
    scheduler = Scheduler()
    a = submit(scheduler, "a")
    submit(scheduler, "b", "a")
    submit(scheduler, "c", "a", "b")
    submit(scheduler, "d", "a", "b", "c")
    assert [one for one, _ in dropped(scheduler.finish(a, ILL))] == ["b", "c", "d"]
    assert is_empty(scheduler)


def test_one_that_was_dropped_is_no_longer_released() -> None:
    """What it came after keeps nothing of it."""
    scheduler = Scheduler()
    a, b = submit(scheduler, "a", mode=TASK), submit(scheduler, "b", mode=TASK)
    held = submit(scheduler, "c", "a", "b")
    other = submit(scheduler, "d", "b")
    assert dropped(scheduler.drop([held], CANCELLED)) == [("c", "Cancelled")]
    assert list(scheduler._waiters) == ["b"]
    assert scheduler.finish(a, WELL) == Decision()
    assert started(scheduler.finish(b, WELL)) == ["d"]
    scheduler.finish(other, WELL)
    assert is_empty(scheduler)


@pytest.mark.parametrize("ending", Ending)
def test_a_chain_of_twenty_thousand_falls_at_once_or_runs_through(ending: Ending) -> None:
    """Without a recursion."""
    count = 20_000
    scheduler = Scheduler()
    running = submit(scheduler, "0")
    for number in range(1, count):
        submit(scheduler, str(number), str(number - 1))
    if ending is ILL:
        decision = scheduler.finish(running, ILL)
        assert [int(one) for one, _ in dropped(decision)] == list(range(1, count))
    else:
        for number in range(1, count):
            (running,) = scheduler.finish(running, WELL).start
            assert running.msg_id == str(number)
        scheduler.finish(running, WELL)
    assert is_empty(scheduler)
    assert len(scheduler._ended) == REMEMBERED


# Refused


def test_each_refusal_has_its_reason() -> None:
    """It ends the request, leaves no trace of it, and costs nobody else anything."""
    scheduler = Scheduler(Limits(queued=2))
    runs = submit(scheduler, "runs")
    submit(scheduler, "waits")
    for request, ename, words in (
        (made("runs"), "DuplicateRequest", "a request runs waits or runs already"),
        (made("waits", mode=TASK), "DuplicateRequest", "a request waits waits or runs already"),
        (made("x", "x"), "CircularRequest", "request x comes after itself"),
        (made("x", "runs", "y"), "UnknownRequest", "after: no request y is known; send it first"),
        (made("x", "z" * 9999), "UnknownRequest", f"after: no request {'z' * 200} is known"),
    ):
        decision = scheduler.submit(request)
        assert dropped(decision) == [(request.msg_id, ename)]
        assert decision.drop[0].reason.evalue.startswith(words)
        assert not decision.drop[0].reason.is_abort
        assert request.state is State.ENDED
    submit(scheduler, "held", "runs", mode=TASK)
    decision = scheduler.submit(made("x"))
    assert dropped(decision) == [("x", "QueueFull")]
    assert decision.drop[0].reason.evalue == "2 requests wait; send more when some have ended"
    assert {it.msg_id for it in scheduler} == {"runs", "waits", "held"}
    assert scheduler.ending("x") is None
    assert started(scheduler.finish(runs, WELL)) == ["waits", "held"]
    assert not scheduler.submit(made("x")).drop


def test_any_number_may_wait_without_a_limit() -> None:
    """None is any number."""
    scheduler = Scheduler(Limits(queued=None))
    assert not any(scheduler.submit(made(str(number))).drop for number in range(1000))


def test_a_msg_id_may_come_again_when_its_request_has_ended() -> None:
    """What comes after it then comes after the second."""
    scheduler = Scheduler()
    scheduler.finish(submit(scheduler, "a"), ILL)
    again = submit(scheduler, "a")
    assert scheduler.ending("a") is None
    assert scheduler.submit(made("b", "a")) == Decision()
    assert started(scheduler.finish(again, WELL)) == ["b"]


def test_what_did_not_run_cannot_finish() -> None:
    """That is an error of the caller, who is told, and nothing has changed."""
    scheduler = Scheduler()
    runs = submit(scheduler, "runs")
    waits = submit(scheduler, "waits")
    for request in (waits, made("never")):
        with pytest.raises(KeyError):
            scheduler.finish(request, WELL)
    assert started(scheduler.finish(runs, WELL)) == ["waits"]
    with pytest.raises(KeyError):
        scheduler.finish(runs, WELL)


# Dropped


def test_an_error_drops_what_waits_in_its_lane() -> None:
    """In order; what runs, and other lanes, tasks and what is held are left alone."""
    scheduler = Scheduler(Limits(running=0))
    runs = submit(scheduler, "runs")
    submit(scheduler, "a")
    submit(scheduler, "b", priority=1)
    submit(scheduler, "gone")
    submit(scheduler, "lane", lane="x")
    submit(scheduler, "task", mode=TASK)
    submit(scheduler, "held", "runs")
    submit(scheduler, "next", "a", lane="x")
    gone = scheduler.get("gone")
    assert gone is not None
    scheduler.drop([gone], CANCELLED)
    decision = scheduler.abort(runs)
    assert dropped(decision) == [("b", "Aborted"), ("a", "Aborted"), ("next", "Aborted")]
    assert decision.drop[0].reason == Reason("Aborted", "request runs before it failed", True)
    assert {it.msg_id for it in scheduler} == {"runs", "lane", "task", "held"}


def test_what_has_no_lane_aborts_nobody() -> None:
    """Nor does what has ended, when nobody is in its lane."""
    scheduler = Scheduler()
    task = submit(scheduler, "task", mode=TASK)
    runs = submit(scheduler, "runs")
    submit(scheduler, "waits")
    assert scheduler.abort(task) == Decision()
    alone = submit(scheduler, "alone", lane="x")
    scheduler.finish(alone, ILL)
    assert scheduler.abort(alone) == Decision()
    assert dropped(scheduler.abort(runs)) == [("waits", "Aborted")]


def test_only_what_waits_is_dropped() -> None:
    """What runs has to be stopped, and what has ended has ended."""
    scheduler = Scheduler()
    runs, waits = submit(scheduler, "runs"), submit(scheduler, "waits")
    held, ended = submit(scheduler, "held", "runs"), submit(scheduler, "ended", mode=TASK)
    scheduler.finish(ended, WELL)
    decision = scheduler.drop([runs, waits, held, ended, made("new")], CANCELLED)
    assert dropped(decision) == [("waits", "Cancelled"), ("held", "Cancelled")]
    assert scheduler.finish(runs, WELL) == Decision()
    assert is_empty(scheduler)


def test_a_turn_passes_over_those_that_were_dropped() -> None:
    """They stay in line until then, if they are few."""
    scheduler = Scheduler()
    runs = submit(scheduler, "runs")
    first = submit(scheduler, "first", priority=1)
    waiting = [submit(scheduler, str(number)) for number in range(2)]
    scheduler.drop([first], CANCELLED)
    assert started(scheduler.finish(runs, WELL)) == ["0"]
    scheduler.drop([waiting[1]], CANCELLED)
    assert scheduler.finish(waiting[0], WELL) == Decision()
    assert is_empty(scheduler)


@pytest.mark.parametrize(
    "more", [{}, {"mode": TASK}, {"after": "stuck"}], ids=["lane", "limit", "after"]
)
def test_what_is_dropped_does_not_pile_up_behind_one_that_is_stuck(more: dict[str, Any]) -> None:
    """A front end may send and cancel for days."""
    scheduler = Scheduler(Limits(running=0))
    submit(scheduler, "stuck")
    after = (more.pop("after"),) if "after" in more else ()
    keep = [submit(scheduler, f"keep{number}", *after, **more) for number in range(3)]
    for number in range(2_000):
        request = submit(scheduler, str(number), *after, **more)
        assert len(scheduler.drop([request], CANCELLED).drop) == 1
    kept = [
        *scheduler._beside._heap,
        *scheduler._lanes[None, ""].waiting._heap,
        *(it for waiters in scheduler._waiters.values() for it in waiters),
    ]
    assert 3 <= len(kept) <= 8
    assert len(scheduler) == 4
    assert all(request.state in (State.HELD, State.QUEUED) for request in keep)


def test_as_many_ended_requests_are_remembered_as_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last ones; what comes after an older one is refused."""
    monkeypatch.setattr(module, "REMEMBERED", 3)
    scheduler = Scheduler()
    for number in range(5):
        scheduler.finish(submit(scheduler, str(number)), WELL)
    assert [scheduler.ending(str(number)) for number in range(5)] == [None, None, WELL, WELL, WELL]
    assert dropped(scheduler.submit(made("x", "1"))) == [("x", "UnknownRequest")]


# Any order of what may happen, against a model that looks through all each time


@dataclass
class Model:
    """What is known of all requests; it decides by searching, and remembers everything."""

    limits: Limits
    order: list[Request] = field(default_factory=list)
    waiting: list[Request] = field(default_factory=list)
    running: list[Request] = field(default_factory=list)
    ended: dict[str, Ending] = field(default_factory=dict)

    def refuses(self, request: Request) -> bool:
        known = {it.msg_id for it in self.order}
        is_open = request.msg_id in {it.msg_id for it in [*self.waiting, *self.running]}
        full = self.limits.queued is not None and len(self.waiting) >= self.limits.queued
        after = set(request.options.after)
        return full or is_open or not after <= known

    def submit(self, request: Request) -> None:
        self.order.append(request)
        self.waiting.append(request)

    def end(self, request: Request, ending: Ending) -> None:
        (self.running if request in self.running else self.waiting).remove(request)
        self.ended[request.msg_id] = ending

    def doomed(self) -> list[Request]:
        """Drop all that come after one that ended ill."""
        found: list[Request] = []
        while more := [
            it for it in self.waiting if any(self.ended.get(a) is ILL for a in it.options.after)
        ]:
            for it in more:
                self.end(it, ILL)
            found += more
        return found

    def is_ready(self, request: Request) -> bool:
        return all(self.ended.get(it) is WELL for it in request.options.after)

    def may_start(self, request: Request) -> bool:
        if request.options.mode is RunMode.QUEUE:
            return not any(
                it.options.mode is RunMode.QUEUE and it.lane == request.lane for it in self.running
            )
        beside = [it for it in self.running if it.options.mode is not RunMode.QUEUE]
        return self.limits.running is None or len(beside) < self.limits.running

    def starts(self) -> list[Request]:
        """Start all that may, the first by priority and arrival before the others."""
        found: list[Request] = []
        ready = sorted(
            filter(self.is_ready, self.waiting),
            key=lambda it: (-it.options.priority, self.order.index(it)),
        )
        for request in ready:
            if self.may_start(request):
                self.waiting.remove(request)
                self.running.append(request)
                found.append(request)
        return found


class Walk:
    """One scheduler and its model, which take the same steps."""

    def __init__(self, limits: Limits, luck: random.Random) -> None:
        self.scheduler = Scheduler(limits)
        self.model = Model(limits)
        self.luck = luck
        self.gone: list[Request] = []

    def agree(self, decision: Decision, also: list[Request]) -> None:
        """What the scheduler says is what the model finds; `also` are dropped first."""
        for request in also:
            self.model.end(request, ILL)
        drops = [*also, *self.model.doomed()]
        assert {id(it.request) for it in decision.drop} == set(map(id, drops))
        assert len(decision.drop) == len(drops)
        starts = self.model.starts()
        assert {id(it) for it in decision.start} == set(map(id, starts))
        assert len(decision.start) == len(starts)
        self.gone += drops

    def submit(self) -> None:
        luck = self.luck
        known = [it.msg_id for it in self.model.order]
        after = luck.sample(known, min(len(known), luck.choice([0, 0, 1, 2])))
        twice = [it.msg_id for it in self.model.running]
        request = made(
            luck.choice(twice) if twice and luck.random() < 0.05 else f"r{len(known)}",
            *after,
            *(["unknown"] if luck.random() < 0.03 else []),
            mode=luck.choice([RunMode.QUEUE, RunMode.QUEUE, TASK, THREAD]),
            lane=luck.choice(["", "a"]),
            place=luck.choice([None, None, "s"]),
            priority=luck.choice([0, 0, 1, -1]),
        )
        refuses = self.model.refuses(request)
        decision = self.scheduler.submit(request)
        if refuses:
            assert [it.request for it in decision.drop] == [request]
            assert not decision.start
        else:
            self.model.submit(request)
            self.agree(decision, [])

    def finish(self) -> None:
        if self.model.running:
            request = self.luck.choice(self.model.running)
            ending = self.luck.choice([WELL, WELL, ILL])
            self.model.end(request, ending)
            self.gone.append(request)
            self.agree(self.scheduler.finish(request, ending), [])

    def abort(self) -> None:
        lanes = [it for it in self.model.running if it.is_queued_in_lane]
        if lanes:
            failed = self.luck.choice(lanes)
            ready = [it for it in self.model.waiting if self.model.is_ready(it)]
            self.agree(self.scheduler.abort(failed), [it for it in ready if failed.aborts(it)])

    def drop(self) -> None:
        if self.model.order:
            some = self.luck.sample(self.model.order, min(3, len(self.model.order)))
            first = [it for it in some if it in self.model.waiting]
            before = list(self.model.waiting)
            decision = self.scheduler.drop(some, CANCELLED)
            for request in first:
                self.model.end(request, ILL)
            doomed = [*first, *self.model.doomed()]
            assert all(it in before for it in doomed)
            assert sorted(it.request.msg_id for it in decision.drop) == sorted(
                it.msg_id for it in doomed
            )
            assert not decision.start
            self.gone += doomed

    def look(self) -> None:
        model, scheduler = self.model, self.scheduler
        assert {id(it) for it in scheduler} == {id(it) for it in [*model.waiting, *model.running]}
        assert scheduler._waiting == len(model.waiting)
        for request in model.order:
            assert scheduler.ending(request.msg_id) is model.ended.get(request.msg_id)


@given(
    st.lists(st.sampled_from(["submit"] * 5 + ["finish"] * 4 + ["abort", "drop"]), max_size=80),
    st.builds(Limits, st.none() | st.integers(1, 3), st.none() | st.integers(3, 20)),
    st.integers(0, 2**32),
)
def test_any_order_of_what_happens_does_what_the_model_says(
    steps: list[str], limits: Limits, seed: int
) -> None:
    """Each request that was taken ends exactly once, and at last nothing is left."""
    walk = Walk(limits, random.Random(seed))
    for step in steps:
        getattr(walk, step)()
        walk.look()
    while walk.model.running:
        walk.finish()
        walk.look()
    assert walk.model.waiting == []
    assert len(walk.gone) == len(set(walk.gone)) == len(walk.model.order)
    assert all(request.state is State.ENDED for request in walk.model.order)
    assert is_empty(walk.scheduler)
