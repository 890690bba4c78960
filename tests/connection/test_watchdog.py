"""Nobody waits for a reply, or an idle, that an interrupt cost the kernel."""

from __future__ import annotations

import asyncio
import itertools
import threading
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import pytest

from conkernelclient import errors
from conkernelclient.connection import watchdog
from conkernelclient.state import overdue
from conkernelclient.state.presence import News, Presence, State
from conkernelclient.state.router import Destination, Phase, Request, Router, Takes
from conkernelclient.testing import FakeKernel, Faults, Hold, Reply, Say, Silence
from tests.clients import LONG, opened, until
from tests.messages import incoming, status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from conkernelclient import ConKernelClient
    from conkernelclient.protocol.incoming import Incoming
    from conkernelclient.protocol.messages import Channel, Message
    from conkernelclient.testing import Action


async def test_a_client_gets_ready_whose_first_question_an_interrupt_swallowed() -> None:
    """It asks again."""
    with FakeKernel() as kernel:
        is_subscribed = threading.Event()
        first = [Hold(is_subscribed), Silence()]
        kernel.on("kernel_info_request", lambda _: [first.pop(0), first.pop(0)] if first else [])
        kc = await kernel.client().start_channels()
        try:
            await until(kc._connection.is_subscribed)  # its idle is not lost as well
            is_subscribed.set()
            await kc.wait_for_ready(timeout=LONG)
            assert (await kc.execute("1", reply=True))["content"]["status"] == "ok"
            assert len([r for r in kernel.requests if r["msg_type"] == "kernel_info_request"]) > 1
        finally:
            kc.stop_channels()


async def test_a_reply_that_is_only_late_is_waited_for() -> None:
    """However long it takes: an answer to a question tells that nothing more will come."""
    with FakeKernel() as kernel:
        kernel.on_code("swallowed", [Say("x"), Silence()])
        kernel.on_code("late", [Say("x"), Silence(is_idle=False)])
        kc = await kernel.client().start_channels()
        try:
            late = kc.execute("late", reply=True)
            swallowed = kc.execute("swallowed", reply=True)
            with pytest.raises(errors.ReplyTimeout, match="will not come"):
                await asyncio.wait_for(swallowed, LONG)
            asked = [message["content"].get("code") for message in kernel.requests]
            assert [code for code in asked if code] == ["late", "swallowed"]
            assert not late.done()
        finally:
            kc.stop_channels()
        with pytest.raises(errors.ChannelsClosedError):
            await late


async def test_a_kernel_that_does_not_read_is_asked_when_it_does() -> None:
    """A full backlog refuses the question as it refuses everything: it is asked again."""
    with FakeKernel() as kernel:
        kernel.on_code("swallowed", [Say("x"), Silence()])
        kc = await opened(kernel.client())
        try:
            connection = kc._connection
            run = kc.run("swallowed")
            post, refused = connection._outbound.post, list[str]()

            def refuse(channel: Any, message: dict[str, Any], ident: Any, buffers: Any) -> None:
                if len(refused) < 3:
                    refused.append(message["msg_type"])
                    raise errors.BacklogFullError("full")
                post(channel, message, ident, buffers)

            connection._outbound.post = refuse
            result = await asyncio.wait_for(run, LONG)
            assert (result.status, result.reply) == ("error", None)
            assert refused == ["execute_request"] * 3
        finally:
            kc.stop_channels()


async def test_a_lost_answer_is_asked_for_again() -> None:
    """Its reply, or its idle, may be what the next interrupt hits."""
    with FakeKernel() as kernel:
        silences = iter([Silence(), Silence(is_idle=False), Silence()])

        def swallow(request: Message) -> Iterator[Action]:
            silence = next(silences, None)
            if silence is not None:
                if not silence.is_idle:
                    yield Reply()
                yield silence

        kernel.on("execute_request", swallow)
        kc = await kernel.client().start_channels()
        try:
            result = await asyncio.wait_for(kc.run("1"), LONG)
            assert (result.status, result.interrupted, result.reply) == ("error", False, None)
            assert kc.stats()["pending"] == 0
        finally:
            kc.stop_channels()


@contextmanager
def swallowing(release: threading.Event) -> Iterator[FakeKernel]:
    """A kernel that swallows a reply, and is held until `release` is set, when it is told to."""
    with FakeKernel() as kernel:
        kernel.on_code("swallowed", [Say("x"), Silence()])
        kernel.on_code("held", [Hold(release)])
        yield kernel


@asynccontextmanager
async def attached(kernel: FakeKernel, **traits: Any) -> AsyncIterator[ConKernelClient]:
    """A client without a process to watch; in the end nothing is open, and nobody looks."""
    kc = await opened(kernel.client(**traits))
    connection = kc._connection
    try:
        async with asyncio.timeout(LONG):
            yield kc
            await until(lambda: not kc._watchdog.is_watching)
            assert kc.stats()["pending"] == connection._router.pending == 0
            assert not kc._watchdog.overdue.questions
    finally:
        kc.stop_channels()


async def lose_connection(kc: ConKernelClient, then: Callable[[], None] = lambda: None) -> None:
    """What the kernel sends meanwhile is lost, as with a cable that is pulled and put back."""
    peer = kc._peer
    peer.disconnected("shell")
    presence = kc._connection.presence
    assert presence.state is State.SEEKING
    await until(lambda: not peer._connected)
    await until(lambda: "shell" in peer._connected)
    then()
    await until(lambda: presence.state is State.HERE)


async def test_a_client_that_has_nothing_to_wait_for_does_not_look() -> None:
    """Also after a start, whose first idle may have come before the subscription."""
    with FakeKernel() as kernel:
        async with attached(kernel) as kc:
            await until(lambda: not kc._watchdog.is_watching)
            assert (await kc.run("1")).status == "ok"


async def test_a_reply_that_was_lost_with_the_connection_is_not_waited_for() -> None:
    """In a subshell as in the main shell; a run in a subshell may be at it still."""
    release = threading.Event()
    with FakeKernel() as kernel:
        kernel.on_code("held", [Hold(release), Say("done")])
        async with attached(kernel) as kc:
            subshell_id = await kc.create_subshell()
            reply = kc.execute("held", reply=True, subshell_id=subshell_id)
            other = await kc.create_subshell()
            run = kc.run("held", subshell_id=other)
            await until(lambda: run.started and len(kernel.requests) > 3)
            await lose_connection(kc)
            with pytest.raises(errors.TransportError):
                await reply
            release.set()
            assert (await run).stdout == "done"


async def test_a_question_that_was_lost_with_the_connection_is_forgotten() -> None:
    """It was counted as pending for ever, and kept the client looking."""
    release = threading.Event()
    with swallowing(release) as kernel:
        async with attached(kernel, window=None) as kc:
            runs = [kc.run("swallowed"), kc.run("held")]
            await until(lambda: kc._watchdog.overdue.questions)
            await lose_connection(kc, release.set)
            assert not kc._watchdog.overdue.questions
            outcomes = await asyncio.gather(*runs, return_exceptions=True)
            assert [type(outcome) for outcome in outcomes] == [errors.TransportError] * 2
            assert (await kc.run("1")).status == "ok"


async def test_a_question_of_a_subshell_that_was_lost_is_asked_again() -> None:
    """The run and its question were spared, and nobody asked any more."""
    release = threading.Event()
    with swallowing(release) as kernel:
        async with attached(kernel, window=None) as kc:
            subshell_id = await kc.create_subshell()
            run = kc.run("swallowed", subshell_id=subshell_id)
            held = kc.run("held", subshell_id=subshell_id)
            await until(lambda: kc._watchdog.overdue.questions)
            await lose_connection(kc)
            release.set()
            assert ((await run).status, (await run).stdout) == ("error", "x")
            await asyncio.wait_for(held, LONG)


async def test_a_run_that_was_given_up_does_not_hold_the_window_of_a_new_connection() -> None:
    """Nobody looked for its end where nobody waited for it."""
    release = threading.Event()
    with FakeKernel() as kernel:
        kernel.on_code("held", [Hold(release)])
        async with attached(kernel) as kc:
            left = await kc.run("held", timeout=0.01, on_timeout="leave")
            assert left.still_running
            await lose_connection(kc, release.set)
            assert (await kc.run("1")).status == "ok"


async def test_a_kernel_that_publishes_nothing_any_more_fails_its_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An interrupt had left its publishing thread waiting for a lock, and the run hung."""
    monkeypatch.setattr(overdue, "MUTE_AFTER", 0.5)
    monkeypatch.setitem(cast("dict[Phase, float]", overdue.PATIENCE), Phase.REPLIED, 0.2)
    faults = Faults(1)
    with FakeKernel(faults=faults) as kernel:
        kc = await kernel.client().start_channels()
        try:
            release = threading.Event()
            kernel.on_code("mute", [Say("x"), Hold(release)])
            run = kc.run("mute")
            await until(lambda: run.started and run.outcome.stdout)
            faults.cut(channels=["iopub"])
            release.set()
            with pytest.raises(errors.TransportError, match="publishes nothing") as caught:
                await asyncio.wait_for(run, LONG)
            assert caught.value.result.stdout == "x"
            behind = kc.execute("1", reply=True)
            assert (await asyncio.wait_for(behind, LONG))["content"]["status"] == "ok"
            assert kc.stats()["pending"] == 0
        finally:
            kc.stop_channels()


class Clock:
    """A loop that runs only its timers, and whose time is what the test says."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now
        self.timers: list[Timer] = []

    def time(self) -> float:
        return self.now

    def is_closed(self) -> bool:
        return False

    def call_at(self, when: float, callback: Callable[..., None], *args: Any) -> Timer:
        timer = Timer(self, when, lambda: callback(*args))
        self.timers.append(timer)
        return timer

    def run_until(self, moment: float) -> list[float]:
        """Let the timers run that are due until then; gives when they ran."""
        ran: list[float] = []
        while self.timers and (first := min(self.timers, key=lambda one: one.when)).when <= moment:
            self.timers.remove(first)
            self.now = first.when
            ran.append(self.now)
            first.run()
        self.now = moment
        return ran


@dataclass
class Timer:
    """A call that is to come."""

    clock: Clock
    when: float
    run: Callable[[], None]

    def cancel(self) -> None:
        if self in self.clock.timers:
            self.clock.timers.remove(self)


class Wires:
    """What the watchdog finds in a connection: a router, and a kernel that may be asked."""

    def __init__(self, clock: Clock) -> None:
        self.loop: Clock = clock
        self.router = Router()
        self.presence = Presence(errors.DeadKernelError)
        self.overdue = overdue.Overdue(self.router)
        self.is_behind = False
        self.published = 0
        self.is_watched = False
        self.refusal: BaseException | None = None
        self.asked: list[tuple[float, Request]] = []
        self.companions: list[Any] = []
        self.watchdog = watchdog.Watchdog(self)  # type: ignore[arg-type]

    def join(self, companion: Any) -> None:
        self.companions.append(companion)

    def is_open(self, _channel: str) -> bool:
        return True

    def pump(self, channel: str) -> None:
        """Nothing more has come."""

    def open_request(
        self, owner: Any, _msg_type: str, _content: Any, takes: Takes, *, subshell_id: Any
    ) -> Request:
        """Send a question, or refuse it."""
        if self.refusal is not None:
            raise self.refusal
        assert subshell_id is None
        request = Request(f"q{len(self.asked)}", takes, owner)
        self.router.open(request)
        self.router.sent(request)
        self.asked.append((self.loop.time(), request))
        return request

    def begin(self, phase: Phase) -> Owed:
        """Send a run, of which that half of the answer comes at once."""
        owner = Owed()
        request = Request("r", Takes.RUN, owner)
        self.router.open(request)
        self.router.sent(request)
        self.feed(request, "idle" if phase is Phase.IDLED else "reply")
        self.watchdog.sent()
        return owner

    def feed(self, request: Request, sign: str) -> None:
        """Let that come for `request`."""
        channel: Channel = "shell" if sign == "reply" else "iopub"
        if sign == "reply":
            message = incoming("execute_reply", request.msg_id)
        else:
            message = status(sign, request.msg_id)
            self.published += 1
        to, found, _ = self.router.feed(channel, message)
        if to is Destination.OWNER and found is not None:
            found.owner.receive(channel, message)


class Owed:
    """Who waits for an answer."""

    subshell_id: str | None = None

    def __init__(self) -> None:
        self.learned: list[str] = []

    def receive(self, channel: Channel, _message: Incoming) -> None:
        """Take it."""

    def end(self) -> None:
        self.learned.append("end")

    def fail(self, error: BaseException) -> None:
        self.learned.append(str(error))


def test_the_shell_is_asked_when_the_patience_is_over_and_not_at_the_tick_after_that() -> None:
    """The timer is set for the moment that is named, and for none when nothing is under way."""
    clock = Clock()
    wires = Wires(clock)
    owner = wires.begin(Phase.IDLED)
    assert wires.is_watched
    seen = overdue.TICK
    asked = seen + overdue.PATIENCE[Phase.IDLED]
    assert clock.run_until(asked) == [seen, asked]
    [(moment, question)] = wires.asked
    assert moment == asked
    wires.feed(question, "reply")
    assert owner.learned == ["end"]
    wires.feed(question, "idle")
    assert clock.run_until(asked + overdue.TICK) == [asked + overdue.TICK]
    assert (clock.timers, wires.is_watched, wires.watchdog.is_watching) == ([], False, False)
    assert wires.router.pending == 0


def test_a_question_that_is_open_waits_by_the_clock_of_the_loop_that_is_served() -> None:
    """By one that is far ahead the kernel was mute at once, and it was asked a second time."""
    clock, other = Clock(), Clock(1e6)
    wires = Wires(clock)
    owner = wires.begin(Phase.REPLIED)
    clock.run_until(5.0)
    [(_, question)] = wires.asked
    wires.feed(question, "reply")
    wires.loop = other
    wires.watchdog.rebound()
    assert clock.timers == []
    other.run_until(1e6 + overdue.MUTE_AFTER - 0.1)
    assert owner.learned == []
    other.run_until(1e6 + overdue.MUTE_AFTER + overdue.TICK)
    assert len(owner.learned) == 1
    assert "publishes nothing" in owner.learned[0]
    assert len(wires.asked) == 1


@pytest.mark.parametrize("refusal", [errors.BacklogFullError("full"), TypeError("no such thing")])
def test_a_question_that_cannot_be_sent_is_not_open(refusal: Exception) -> None:
    """It is asked again a tick later; what is no refusal of ours is not hidden."""
    clock = Clock()
    wires = Wires(clock)
    wires.begin(Phase.IDLED)
    wires.refusal = refusal
    moment = overdue.TICK + overdue.PATIENCE[Phase.IDLED]
    if isinstance(refusal, errors.ConKernelError):
        clock.run_until(moment)
    else:
        with pytest.raises(TypeError, match="no such thing"):
            clock.run_until(moment)
    assert (wires.asked, wires.watchdog.overdue.questions) == ([], {})
    assert wires.router.pending == 1
    wires.refusal = None
    clock.run_until(moment + overdue.TICK)
    assert [when for when, _ in wires.asked] == [moment + overdue.TICK]


def test_nobody_is_asked_while_the_kernel_is_looked_for() -> None:
    """What is lost with the connection fails by itself; what is left is asked for afterwards."""
    clock = Clock()
    wires = Wires(clock)
    wires.begin(Phase.IDLED)
    wires.presence.feed(News.CUT)
    clock.run_until(100.0)
    assert wires.asked == []
    wires.presence.feed(News.ANSWERED)
    clock.run_until(100.0 + overdue.TICK)
    assert len(wires.asked) == 1


def test_a_kernel_that_never_idles_is_asked_ever_more_rarely() -> None:
    """One question is open at a time: they were asked about one another, without an end."""
    clock = Clock()
    wires = Wires(clock)
    owner = wires.begin(Phase.REPLIED)
    for number in range(1, 6):
        while len(wires.asked) < number:
            clock.run_until(clock.now + overdue.TICK)
        _, question = wires.asked[-1]
        wires.feed(question, "reply")
        wires.published += 1  # something else
        assert len(wires.router.open_requests) == 2
    moments = [moment for moment, _ in wires.asked]
    waits = [later - sooner for sooner, later in itertools.pairwise(moments)]
    patience = overdue.PATIENCE[Phase.REPLIED]
    assert [round(wait / patience) for wait in waits] == [2, 4, 8, 16]
    assert (owner.learned, wires.router.pending) == ([], 2)
