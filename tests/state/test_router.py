"""The router gives each message once, to its owner, and keeps nothing of what has ended."""

from __future__ import annotations

import itertools
import weakref
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conkernelclient.state.router import (
    FINISHED_KEPT,
    FORGOTTEN_KEPT,
    TRANSITIONS,
    Destination,
    Phase,
    Request,
    Router,
    Signal,
    Takes,
)
from tests.messages import incoming, status

if TYPE_CHECKING:
    from conkernelclient.protocol.incoming import Incoming
    from conkernelclient.protocol.messages import Channel


class Fed(NamedTuple):
    """What the router says of a message, with names."""

    to: Destination
    request: Request | None
    ended: bool


def feed(router: Router, channel: Channel, message: Incoming) -> Fed:
    """Feed one message."""
    return Fed(*router.feed(channel, message))


def stream(msg_id: str) -> Incoming:
    return incoming("stream", msg_id, name="stdout", text=msg_id)


def reply(msg_id: str) -> Incoming:
    return incoming("execute_reply", msg_id, status="ok")


def opened(router: Router, msg_id: str = "r", takes: Takes = Takes.RUN, **more: Any) -> Request:
    request = Request(msg_id, takes, **more)
    router.open(request)
    router.sent(request)
    return request


@dataclass
class Case:
    """Requests, and one order of what happens to them."""

    takes: list[Takes]
    channels: list[Channel]
    outputs: list[int]
    steps: list[tuple[str, int]] = field(default_factory=list)


@st.composite
def interleavings(draw: st.DrawFn) -> Case:
    """
    Any merge of N requests' shell or control, iopub and stdin streams, each in its own order.

    With cancels, timeouts (which are cancels to the router), ends and one death anywhere.
    """
    count = draw(st.integers(1, 6))
    takes = draw(
        st.lists(st.sampled_from([Takes.RUN, Takes.REPLY]), min_size=count, max_size=count)
    )
    channels = draw(st.lists(st.sampled_from(["shell", "control"]), min_size=count, max_size=count))
    outputs = draw(st.lists(st.integers(0, 3), min_size=count, max_size=count))
    case = Case(takes, channels, outputs)
    streams: list[list[tuple[str, int]]] = []
    for number in range(count):
        shown = [("output", number)] * outputs[number]
        streams.append([("busy", number), *shown, ("idle", number)])
        streams.append([("reply", number)])
        if draw(st.booleans()):
            streams.append([("question", number)])
        if draw(st.booleans()):
            streams.append([(draw(st.sampled_from(["cancel", "end"])), number)])
    if draw(st.booleans()):
        streams.append([("death", 0)])
    while any(streams):
        chosen = draw(st.sampled_from([one for one in streams if one]))
        case.steps.append(chosen.pop(0))
    return case


MESSAGES = {
    "busy": ("iopub", lambda msg_id: status("busy", msg_id)),
    "idle": ("iopub", lambda msg_id: status("idle", msg_id)),
    "output": ("iopub", stream),
    "question": ("stdin", lambda msg_id: incoming("input_request", msg_id, prompt="?")),
    "reply": (None, reply),
}


@given(interleavings())
def test_any_interleaving_gives_each_message_once_and_to_its_owner(case: Case) -> None:
    """And leaves nothing registered, whatever was cancelled, ended, or died on the way."""
    router = Router()
    requests = [
        opened(router, f"r{number}", takes, channel=channel, owner=object())
        for number, (takes, channel) in enumerate(zip(case.takes, case.channels, strict=True))
    ]
    alive = set(range(len(requests)))  # those that nothing has ended before its time
    got: Counter[tuple[int, str]] = Counter()
    ended: Counter[int] = Counter()
    for kind, number in case.steps:
        request = requests[number]
        if kind == "cancel":
            router.abandon(request)
            alive.discard(number)
        elif kind == "end":
            router.end(request)
            alive.discard(number)
        elif kind == "death":
            assert {id(requests[one]) for one in alive} >= set(map(id, router.open_requests))
            for one in (*router.open_requests, *router.abandoned_requests):
                router.end(one)
            alive.clear()
        else:
            channel, make = MESSAGES[kind]
            delivery = feed(router, channel or request.channel, make(request.msg_id))
            assert delivery.request in (None, request)
            if delivery.to is Destination.OWNER:
                assert number in alive
                got[number, kind] += 1
            ended[number] += delivery.ended
    for number in alive:
        wanted = {"reply": 1}
        if case.takes[number] is Takes.RUN:
            wanted |= {"busy": 1, "idle": 1}
        for kind, times in wanted.items():
            assert got[number, kind] <= times
        assert got[number, "reply"] == 1
        assert ended[number] == 1
        assert requests[number].phase is Phase.DONE
    assert all(times <= 1 for (_, kind), times in got.items() if kind != "output")
    assert all(times <= 1 for times in ended.values())
    assert router.pending == 0
    assert router.open_requests == []
    assert router.abandoned_requests == []


@given(st.permutations([0, 1, 2, 3]), st.integers(0, 5))
def test_outputs_of_runs_reach_their_owner_in_order(order: list[int], count: int) -> None:
    """All of them, whichever run the kernel works on."""
    router = Router()
    runs = {number: opened(router, f"r{number}") for number in order}
    for number in order:
        msg_id = f"r{number}"
        for message in (status("busy", msg_id), *[stream(msg_id)] * count, status("idle", msg_id)):
            assert feed(router, "iopub", message)[:2] == (Destination.OWNER, runs[number])
        assert router.pending > 0
        assert feed(router, "shell", reply(msg_id)) == (Destination.OWNER, runs[number], True)
    assert router.pending == 0


def test_reply_and_idle_may_come_in_either_order() -> None:
    """A run is done when both are in; a request for its reply alone when that is."""
    router = Router()
    first, second, third = (
        opened(router, "a"),
        opened(router, "b"),
        opened(router, "c", Takes.REPLY),
    )
    assert not feed(router, "shell", reply("a")).ended
    assert first.phase is Phase.REPLIED
    assert not feed(router, "iopub", status("busy", "a")).ended
    assert feed(router, "iopub", status("idle", "a")).ended
    assert not feed(router, "iopub", status("idle", "b")).ended
    assert feed(router, "iopub", stream("b")).to is Destination.OWNER
    assert feed(router, "shell", reply("b")).ended
    assert feed(router, "iopub", status("idle", "c")).to is Destination.CHANNEL
    assert feed(router, "shell", reply("c")).ended
    assert first.phase is second.phase is third.phase is Phase.DONE


def test_output_before_busy_means_that_it_runs() -> None:
    """Its busy was published before the subscription."""
    router = Router()
    run = opened(router)
    feed(router, "iopub", stream("r"))
    assert run.phase is Phase.RUNNING


def test_output_after_the_end_is_late_and_never_lost() -> None:
    """For the last runs; of requests without iopub nothing is kept."""
    router = Router()
    for number in range(FINISHED_KEPT + 1):
        opened(router, f"r{number}")
        feed(router, "shell", reply(f"r{number}"))
        feed(router, "iopub", status("idle", f"r{number}"))
    late = feed(router, "iopub", stream("r1"))
    assert late.to is Destination.LATE
    assert late.request is not None
    assert late.request.msg_id == "r1"
    assert feed(router, "iopub", stream("r0")).to is Destination.CHANNEL
    assert feed(router, "shell", reply("r1")).to is Destination.CHANNEL


def test_what_nobody_claimed_goes_to_the_channel() -> None:
    """Foreign messages, replies to requests made by hand, and what a request does not claim."""
    router = Router()
    opened(router, "mine", Takes.REPLY)
    assert feed(router, "iopub", stream("theirs")).to is Destination.CHANNEL
    assert feed(router, "shell", reply("by hand")).to is Destination.CHANNEL
    assert feed(router, "iopub", stream("mine")).to is Destination.CHANNEL
    assert feed(router, "stdin", incoming("input_request", "mine")).to is Destination.CHANNEL
    assert feed(router, "control", reply("mine")).to is Destination.CHANNEL
    assert feed(router, "shell", incoming("nonsense", "mine")).to is Destination.CHANNEL
    assert router.pending == 1


def test_an_abandoned_request_is_followed_to_its_end_and_reaches_nobody() -> None:
    """Its messages are counted; what it did not claim is the channel's, as before."""
    router = Router()
    run = opened(router, owner=object())
    feed(router, "iopub", status("busy", "r"))
    router.abandon(run)
    router.abandon(run)
    assert (router.pending, router.abandoned_requests) == (0, [run])
    assert feed(router, "iopub", stream("r")) == (Destination.NOBODY, run, False)
    assert feed(router, "shell", reply("r")) == (Destination.NOBODY, run, False)
    assert feed(router, "iopub", status("idle", "r")) == (Destination.NOBODY, run, True)
    assert router.orphans == 3
    assert router.abandoned_requests == []
    other = opened(router, "o", Takes.REPLY)
    router.abandon(other)
    assert feed(router, "iopub", stream("o")).to is Destination.CHANNEL
    assert feed(router, "shell", reply("o")) == (Destination.NOBODY, other, True)


def test_messages_of_a_request_that_never_had_an_owner_are_no_orphans() -> None:
    """Such as the probes of readiness."""
    router = Router()
    router.abandon(opened(router, "probe", Takes.REPLY))
    feed(router, "shell", reply("probe"))
    assert router.orphans == 0


def test_a_request_that_was_not_sent_is_abandoned_without_a_trace() -> None:
    """Nothing can come for it."""
    router = Router()
    request = Request("r", Takes.RUN)
    router.open(request)
    router.abandon(request)
    assert router.abandoned_requests == []


def test_the_abandoned_are_bounded() -> None:
    """A kernel that never answers does not fill the memory."""
    router = Router()
    for number in range(FORGOTTEN_KEPT + 5):
        router.abandon(opened(router, f"r{number}", Takes.REPLY))
    assert len(router.abandoned_requests) == FORGOTTEN_KEPT


def test_an_abandoned_run_is_followed_however_many_replies_are_given_up_after_it() -> None:
    """What waits behind it has to learn when the kernel is through with it."""
    router = Router()
    run = opened(router, "run")
    router.abandon(run)
    for number in range(FORGOTTEN_KEPT + 5):
        router.abandon(opened(router, f"r{number}", Takes.REPLY))
    for message in (status("busy", "run"), status("idle", "run")):
        assert feed(router, "iopub", message).request is run
    assert feed(router, "shell", reply("run")) == (Destination.NOBODY, run, True)
    assert run not in router.abandoned_requests


def test_a_request_shows_where_it_stands() -> None:
    """In logs and in failed tests."""
    assert repr(opened(Router(), "r")) == "<Request r sent>"


def test_two_requests_of_one_id_are_refused() -> None:
    """Their answers could not be told apart."""
    router = Router()
    request = opened(router)
    with pytest.raises(ValueError, match="under way"):
        router.open(Request("r", Takes.REPLY))
    router.abandon(request)
    with pytest.raises(ValueError, match="under way"):
        router.open(Request("r", Takes.REPLY))
    router.end(request)
    router.open(Request("r", Takes.REPLY))


def test_owner_of_finds_who_owns_what_is_under_way_or_ended_not_long_ago() -> None:
    """One that nobody has any more, and one that was never there, has none."""
    router, owner = Router(), Owner()
    opened(router, "open", owner=owner)
    given_up = opened(router, "given up", owner=weakref.ref(owner))
    router.abandon(given_up)
    opened(router, "ended", owner=owner)
    router.feed("shell", reply("ended"))
    router.feed("iopub", status("idle", "ended"))
    assert [router.owner_of(it) for it in ("open", "given up", "ended")] == [owner] * 3
    assert router.owner_of("never there") is None


class Owner:
    """Of a request."""


def test_get_finds_what_is_open() -> None:
    """And nothing else."""
    router = Router()
    request = opened(router)
    assert router.get("r") is request
    assert router.is_under_way(request)
    router.abandon(request)
    assert router.get("r") is None
    assert router.is_under_way(request)
    assert not router.is_under_way(Request("r", Takes.REPLY))
    router.end(request)
    router.end(request)
    assert router.get("r") is None
    assert not router.is_under_way(request)


# For each phase, what follows on SEND, BUSY, REPLY, IDLE, OUTPUT, ONLY_REPLY, UNTAKEN_IDLE and END;
# "-" where that is against the protocol.
TABLE = """
WAITING SENT -       -       -     -       -    -     DONE
SENT    -    RUNNING REPLIED IDLED RUNNING DONE IDLED DONE
RUNNING -    -       REPLIED IDLED RUNNING -    -     DONE
REPLIED -    REPLIED -       DONE  REPLIED -    -     DONE
IDLED   -    -       DONE    -     IDLED   DONE IDLED DONE
DONE    -    -       -       -     -       -    -     DONE
"""
ROWS = [
    (Phase[phase], signal, None if after == "-" else Phase[after])
    for phase, *follow in map(str.split, TABLE.strip().splitlines())
    for signal, after in zip(Signal, follow, strict=True)
]


def bring_about(router: Router, request: Request, signal: Signal) -> Fed | None:
    """Let that happen to `request`."""
    match signal:
        case Signal.SEND:
            router.sent(request)
        case Signal.END:
            router.end(request)
        case Signal.REPLY | Signal.ONLY_REPLY:
            return feed(router, "shell", reply("r"))
        case Signal.OUTPUT:
            return feed(router, "iopub", status("thinking", "r"))
        case Signal.BUSY:
            return feed(router, "iopub", status("busy", "r"))
        case Signal.IDLE | Signal.UNTAKEN_IDLE:
            return feed(router, "iopub", status("idle", "r"))
    return None


def test_the_table_has_each_pair() -> None:
    """So that none is forgotten when a phase or a signal is added."""
    assert {row[:2] for row in ROWS} == set(itertools.product(Phase, Signal))
    assert set(TRANSITIONS) == {row[:2] for row in ROWS if row[2] is not None}


@pytest.mark.parametrize(
    ("phase", "signal", "after"), ROWS, ids=lambda value: getattr(value, "name", "-")
)
def test_each_pair(phase: Phase, signal: Signal, after: Phase | None) -> None:
    """What is against the protocol is counted and changes nothing; the owner does not see it."""
    router = Router()
    is_alone = signal in (Signal.ONLY_REPLY, Signal.UNTAKEN_IDLE)
    request = Request("r", Takes.REPLY if is_alone else Takes.RUN, phase=phase)
    router.open(request)
    fed = bring_about(router, request, signal)
    assert TRANSITIONS.get((phase, signal)) is after
    assert request.phase is (phase if after is None else after)
    assert router.violations == (after is None)
    assert router.pending == (request.phase is not Phase.DONE or after is None)
    if signal is Signal.UNTAKEN_IDLE:
        assert fed == (Destination.CHANNEL, None, False)
    elif fed is not None and after is None:
        assert fed.to is Destination.NOBODY
    elif fed is not None:
        assert fed == (Destination.OWNER, request, after is Phase.DONE)


@pytest.mark.parametrize("status_of", ["busy", "idle", "starting"])
def test_a_status_that_its_owner_does_not_take_tells_of_idle_alone(status_of: str) -> None:
    """And of requests on the shell alone, whose kernel can be asked what became of the reply."""
    router = Router()
    shell = opened(router, "s", Takes.REPLY)
    control = opened(router, "c", Takes.REPLY, channel="control")
    for request in (shell, control):
        fed = feed(router, "iopub", status(status_of, request.msg_id))
        assert fed.to is Destination.CHANNEL
    assert shell.phase is (Phase.IDLED if status_of == "idle" else Phase.SENT)
    assert control.phase is Phase.SENT
    assert router.violations == 0


@pytest.mark.parametrize("state", [["idle"], {"idle": 1}, None, 5])
def test_a_status_that_is_no_string_costs_itself(state: Any) -> None:
    """It is counted, and its request goes on: of an owner that waits, and of one that gave up."""
    router = Router()
    request = opened(router)
    feed(router, "iopub", status("busy", "r"))
    odd = incoming("status", "r", execution_state=state)
    assert feed(router, "iopub", odd).to is Destination.NOBODY
    assert (request.phase, router.violations) == (Phase.RUNNING, 1)
    router.abandon(request)
    assert feed(router, "iopub", odd).to is Destination.NOBODY
    assert (request.phase, router.violations, router.orphans) == (Phase.RUNNING, 2, 0)
    feed(router, "shell", reply("r"))
    assert feed(router, "iopub", status("idle", "r")).ended
