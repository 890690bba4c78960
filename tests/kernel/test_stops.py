"""A stop is raised in the code that it is meant for, once, and nowhere else."""

from __future__ import annotations

import asyncio
import gc
import queue
import random
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conkernelclient.kernel import stops
from conkernelclient.kernel.stops import (
    CellTimeoutError,
    Guard,
    MainGuard,
    Stepped,
    ThreadGuard,
)
from tests.kernel.parts import BOUND, Stepping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Quiet(ThreadGuard):
    """One that throws nothing into the test itself, which asks."""

    __slots__ = ()

    def ask(self, why: BaseException) -> None:
        before, self.is_in_step = self.is_in_step, False
        super().ask(why)
        self.is_in_step = before


GUARDS = [pytest.param(MainGuard, id="main"), pytest.param(Quiet, id="thread")]


class Clock:
    """A time that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(stops, "time", clock)
    return clock


@pytest.fixture(params=GUARDS)
def guard(request: pytest.FixtureRequest) -> Guard:
    made: Guard = request.param()
    return made


def test_a_stop_that_was_asked_for_before_is_raised_at_enter(guard: Guard) -> None:
    """Once; and the level is as before."""
    why = KeyboardInterrupt("why")
    guard.ask(why)
    assert (guard.is_asked, guard.is_pending) == (True, True)
    with pytest.raises(KeyboardInterrupt) as raised:
        guard.enter()
    assert raised.value is why
    assert (guard.level, guard.depth, guard.is_pending) == (0, 0, False)
    guard.leave(guard.enter())


def test_a_stop_waits_while_masked_and_is_raised_at_the_last_unmask(guard: Guard) -> None:
    """However many masks are on."""
    guard.enter()
    guard.mask()
    guard.mask()
    guard.ask(KeyboardInterrupt())
    guard.unmask()
    with pytest.raises(KeyboardInterrupt):
        guard.unmask()
    assert (guard.level, guard.depth, guard.is_pending) == (1, 0, False)
    guard.mask()
    guard.unmask()


def test_a_stop_waits_outside_of_the_code(guard: Guard) -> None:
    """What the kernel does before, between and after is never hit."""
    guard.ask(KeyboardInterrupt())
    guard.mask()
    guard.unmask()
    assert guard.is_pending
    assert not guard.take()


def test_take_takes_the_stop_once(guard: Guard) -> None:
    """For a task that awaits, which is cancelled in its place."""
    guard.enter()
    assert not guard.take()
    guard.ask(KeyboardInterrupt())
    assert guard.take()
    assert not guard.take()
    assert guard.is_asked


def test_levels_nest(guard: Guard) -> None:
    """A magic runs a cell in a cell, and its end is not the end of the outer one."""
    outer = guard.enter()
    inner = guard.enter()
    guard.leave(inner)
    assert guard.level == 1
    guard.ask(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        guard.enter()
    assert guard.level == 1
    guard.leave(outer)
    assert guard.level == 0


@pytest.mark.parametrize("make", GUARDS)
def test_two_stops_are_some_time_apart(clock: Clock, make: Callable[[], Guard]) -> None:
    """So that what handles the first one is not hit by a second that means the same."""
    guard = make()
    guard.ask(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        guard.enter()
    guard.enter()
    guard.ask(KeyboardInterrupt())
    guard.mask()
    guard.unmask()
    clock.now += 2 * stops.APART
    guard.mask()
    with pytest.raises(KeyboardInterrupt):
        guard.unmask()


def test_a_signal_raises_in_the_code_and_nowhere_else() -> None:
    """The handler calls `strike`, wherever the main thread is."""
    guard = MainGuard()
    guard.ask(KeyboardInterrupt())
    guard.strike()
    with pytest.raises(KeyboardInterrupt):
        guard.enter()
    guard = MainGuard()
    before = guard.enter()
    guard.strike()
    guard.ask(KeyboardInterrupt())
    guard.mask()
    guard.strike()
    guard.depth = 0
    with pytest.raises(KeyboardInterrupt):
        guard.strike()
    guard.strike()
    guard.leave(before)
    guard.ask(KeyboardInterrupt())
    guard.strike()


def test_a_signal_amid_enter_leaves_the_level_as_it_was() -> None:
    """The outer cell's code can be stopped afterwards."""

    class Struck(MainGuard):
        __slots__ = ()

        @property
        def _is_due(self) -> bool:
            if self.level == 2:
                raise KeyboardInterrupt
            return False

    guard = Struck()
    guard.enter()
    with pytest.raises(KeyboardInterrupt):
        guard.enter()
    assert guard.level == 1


def test_a_guard_by_itself_stops_nothing() -> None:
    """It says what one has to have."""
    guard = Guard()
    for call in (
        lambda: guard.ask(KeyboardInterrupt()),
        guard.enter,
        lambda: guard.leave(0),
        guard.mask,
        guard.unmask,
    ):
        with pytest.raises(NotImplementedError):
            call()


@given(st.lists(st.sampled_from(["ask", "enter", "leave", "mask", "unmask", "take", "wait"])))
def test_a_random_walk_raises_once_per_ask_and_only_in_open_code(steps: list[str]) -> None:
    """Both guards do as a short model says."""
    for make in (MainGuard, Quiet):
        clock = Clock()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(stops, "time", clock)
            walk(make(), clock, steps)


def walk(guard: Guard, clock: Clock, steps: list[str]) -> None:
    stack: list[int] = []
    depth, is_pending, raised_at = 0, False, -1.0
    for step in steps:
        if (step == "leave" and not stack) or (step == "unmask" and not depth):
            continue
        level = len(stack) + (step == "enter")
        depth += (step == "mask") - (step == "unmask")
        is_open = level > 0 and depth == 0
        may_raise = is_pending and is_open and clock.now - raised_at >= stops.APART
        wanted = may_raise and step in ("enter", "unmask")
        if step == "enter" and isinstance(guard, ThreadGuard):
            wanted = is_pending  # nothing of it can be torn at its begin
        if step == "take":
            assert guard.take() is (is_pending and level > 0)
        is_raised = raises(guard, clock, step, stack)
        raised_at = clock.now if is_raised else raised_at
        assert is_raised is wanted
        took = step == "take" and level > 0
        is_pending = step == "ask" or (is_pending and not (is_raised or took))
        assert (guard.level, guard.depth, guard.is_pending) == (len(stack), depth, is_pending)


def raises(guard: Guard, clock: Clock, step: str, stack: list[int]) -> bool:
    """Take a step; whether it raised the stop."""
    try:
        match step:
            case "ask":
                guard.ask(KeyboardInterrupt())
            case "enter":
                stack.append(guard.enter())
            case "leave":
                guard.leave(stack.pop())
            case "mask":
                guard.mask()
            case "unmask":
                guard.unmask()
            case _:
                clock.now += 0.03
    except KeyboardInterrupt:
        return True
    return False


# Into another thread


def spin(guard: ThreadGuard, entered: threading.Event) -> None:
    """Be a cell's code that never ends by itself."""
    guard.thread = threading.get_ident()
    before = 0
    try:
        before = guard.enter()
        entered.set()
        while True:
            pass
    finally:
        guard.leave(before)


def test_a_stop_is_thrown_into_code_that_runs() -> None:
    """The very exception, with its words."""
    guard, entered = ThreadGuard(), threading.Event()
    stepping = Stepping(lambda: spin(guard, entered))
    assert entered.wait(BOUND)
    why = CellTimeoutError("the cell ran longer than 1 s")
    guard.ask(why)
    assert stepping.joined() is why
    assert type(stepping.error) is CellTimeoutError
    assert (guard.level, guard.is_pending) == (0, False)


def test_a_stop_arrives_in_code_that_a_debugger_traces() -> None:
    """The very exception as well, once."""
    guard, entered = ThreadGuard(), threading.Event()

    def trace(*_event: Any) -> Any:
        return trace

    def traced() -> None:
        sys.settrace(trace)
        spin(guard, entered)

    stepping = Stepping(traced)
    assert entered.wait(BOUND)
    why = KeyboardInterrupt("traced")
    guard.ask(why)
    assert stepping.joined() is why
    assert not guard.is_pending


def test_one_ask_that_was_caught_is_not_raised_again() -> None:
    """Code that catches its stop and goes on is left alone until the next."""
    guard, entered, caught = ThreadGuard(), threading.Event(), threading.Event()
    counts = {"raised": 0}

    def code() -> None:
        guard.thread = threading.get_ident()
        before = guard.enter()
        try:
            entered.set()
            while True:
                pass
        except KeyboardInterrupt:
            counts["raised"] += 1
        end = time.monotonic() + 3 * stops.APART
        while time.monotonic() < end:
            guard.mask()
            guard.unmask()
        guard.leave(before)
        caught.set()

    stepping = Stepping(code)
    assert entered.wait(BOUND)
    guard.ask(KeyboardInterrupt())
    assert stepping.joined() is None
    assert caught.is_set()
    assert counts["raised"] == 1
    assert not guard.is_pending


class Yields:
    """What a coroutine awaits, step by step."""

    def __await__(self) -> Any:
        return (yield "future")


async def awaiting(found: list[Any]) -> str:
    while True:
        try:
            found.append(await Yields())
        except KeyboardInterrupt as error:
            return str(error)


def test_steps_are_those_of_the_coroutine() -> None:
    """With its values, errors, end and names; between them the guard is shut."""
    found: list[Any] = []
    guard = Quiet()
    guard.enter()
    stepped = Stepped(awaiting(found), guard)
    assert stepped.send(None) == "future"
    assert not guard.is_in_step
    assert stepped.send(1) == "future"
    assert stepped.__name__ == "awaiting"
    with pytest.raises(StopIteration, match="thrown"):
        stepped.throw(KeyboardInterrupt("thrown"))
    assert found == [1]
    assert not guard.is_in_step
    stepped.close()
    other = Stepped(awaiting(found), guard)
    assert other.__await__().send(None) == "future"
    other.close()
    with pytest.raises(RuntimeError):
        other.send(None)


@pytest.mark.parametrize("is_before", [True, False])
def test_what_arrives_beside_a_step_is_thrown_into_the_coroutine(is_before: bool) -> None:
    """Where it awaits: neither the loop nor the task sees it."""
    found: list[Any] = []
    guard = Quiet()
    stepped = Stepped(awaiting(found), guard)
    stepped.send(None)
    send, why = stepped._coroutine.send, KeyboardInterrupt("beside")

    class Beside:
        cr_frame = stepped._coroutine.cr_frame
        throw = stepped._coroutine.throw

        def send(self, value: Any) -> None:
            if not is_before:
                send(value)
            raise guard._arrived(why)

    stepped._coroutine = Beside()  # type: ignore[assignment]
    with pytest.raises(StopIteration, match="beside"):
        stepped.send(2)
    assert found == ([] if is_before else [2])
    assert not guard.is_in_step


def test_an_ask_beside_one_that_is_on_its_way_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """One exception answers both; a mask takes it back, and unmask raises it."""
    thrown: list[Any] = []
    monkeypatch.setattr(stops, "RAISE_IN", lambda _thread, kind: thrown.append(kind))
    guard = ThreadGuard()
    guard.enter()
    first = KeyboardInterrupt("first")
    guard.ask(first)
    guard.ask(KeyboardInterrupt("second"))
    assert len(thrown) == 1
    guard.mask()
    assert (thrown[1], guard.is_pending) == (stops.NOTHING, True)
    with pytest.raises(KeyboardInterrupt, match="first"):
        guard.unmask()
    assert len(thrown) == 2


def test_leave_waits_for_who_is_just_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    """What that one throws is taken back then."""
    guard = ThreadGuard()
    before = guard.enter()
    guard._lock.acquire()
    monkeypatch.setattr(stops, "pause", lambda _seconds: guard._lock.release())
    guard.leave(before)
    assert not guard._lock.locked()


def test_an_error_of_its_own_leaves_the_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what was thrown is taken for a stop that arrived."""

    def fail(*_args: Any) -> None:
        raise MemoryError

    guard = ThreadGuard()
    guard.enter()
    guard._is_thrown = True
    monkeypatch.setattr(stops, "RAISE_IN", fail)
    with pytest.raises(MemoryError):
        guard.mask()


ROUNDS = 2_000


class Hammered:
    """A thread of rounds, each with its code, which may be stopped, and the kernel's."""

    def __init__(self) -> None:
        self.rounds: queue.SimpleQueue[ThreadGuard | None] = queue.SimpleQueue()
        self.taken: queue.SimpleQueue[None] = queue.SimpleQueue()
        self.raised = self.hit = self.masked = 0
        self._luck = random.Random(1)

    def work(self) -> None:
        for _ in range(ROUNDS):
            guard = ThreadGuard()
            self.rounds.put(guard)
            self.taken.get(timeout=BOUND)
            self._round(guard)
            try:
                sum(range(self._luck.randrange(1_000)))
                assert (guard.level, guard.depth, guard._is_thrown) == (0, 0, False)
            except KeyboardInterrupt:
                self.hit += 1
        self.rounds.put(None)

    def _round(self, guard: ThreadGuard) -> None:
        before = guard.level
        try:
            try:
                guard.enter()
                for _ in range(3):
                    self._code(guard)
            finally:
                guard.leave(before)
        except KeyboardInterrupt:
            guard.leave(before)
            self.raised += 1

    def _code(self, guard: ThreadGuard) -> None:
        for _ in range(self._luck.randrange(300)):
            pass
        guard.mask()
        try:
            for _ in range(100):
                pass
        except KeyboardInterrupt:
            self.masked += 1
        guard.unmask()


@pytest.fixture
def _quick_turns() -> Iterator[None]:
    """Threads take turns as often as can be."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def _no_collection() -> Iterator[None]:
    """No garbage collection, whose callbacks (hypothesis has one) Python makes ignore a stop."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_quick_turns", "_no_collection")
def test_nothing_arrives_after_leave_or_under_a_mask() -> None:
    """2,000 rounds; what runs there is the kernel's, and a stop would tear it."""
    hammered = Hammered()
    stepping = Stepping(hammered.work)
    luck, asks = random.Random(2), 0
    while (guard := hammered.rounds.get(timeout=BOUND)) is not None:
        hammered.taken.put(None)
        for _ in range(luck.randrange(4)):
            for _ in range(luck.randrange(1_000)):
                pass
            guard.ask(KeyboardInterrupt())
            asks += 1
    assert stepping.joined() is None
    assert hammered.hit == hammered.masked == 0
    assert ROUNDS / 20 < hammered.raised <= asks


# The main thread's event loop


def test_a_stop_never_costs_a_task_of_the_main_loop_its_next_step() -> None:
    """The loop's own code runs in the task's context; a stop that arose there hung the cell."""
    loop, guard = asyncio.new_event_loop(), MainGuard()
    call_soon = loop.call_soon
    asked: list[int] = []

    def call_soon_amid_a_signal(*args: Any, **options: Any) -> Any:
        if guard.level and not asked:
            asked.append(1)
            guard.ask(KeyboardInterrupt("stop"))
        guard.strike()  # as the signal's handler does, wherever it runs
        return call_soon(*args, **options)

    async def code() -> str:
        before = guard.enter()
        try:
            for _ in range(1_000):
                await asyncio.sleep(0)
                guard.strike()
        except KeyboardInterrupt as error:
            return str(error)
        finally:
            guard.leave(before)
        return "it went on"

    loop.call_soon = call_soon_amid_a_signal  # type: ignore[method-assign]
    try:
        task = loop.create_task(Stepped(code(), guard))
        assert loop.run_until_complete(asyncio.wait_for(task, BOUND)) == "stop"
        assert asked == [1]
    finally:
        loop.close()
