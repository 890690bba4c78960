"""The router gives each message once, to its owner, and keeps nothing of what has ended."""

from __future__ import annotations

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
            left = router.clear()
            assert {id(one) for one in left} <= {id(requests[one]) for one in alive}
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
        assert requests[number].phase in (Phase.DONE, Phase.REPLIED)
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


def test_clear_gives_what_somebody_waited_for() -> None:
    """As when the kernel is gone."""
    router = Router()
    waited, given_up = opened(router, "a"), opened(router, "b")
    router.abandon(given_up)
    assert router.clear() == [waited]
    assert waited.phase is Phase.DONE
    assert (router.pending, router.abandoned_requests) == (0, [])


@pytest.mark.parametrize(
    ("phase", "signal"),
    [(p, s) for p in Phase for s in Signal if (p, s) not in TRANSITIONS and p is not Phase.DONE],
)
def test_a_pair_that_is_missing_in_the_table_is_counted_and_changes_nothing(
    phase: Phase, signal: Signal
) -> None:
    """It is never a silent pass, and the owner does not see it."""
    router = Router()
    request = Request("r", Takes.RUN, phase=phase)
    router.open(request)
    if signal is Signal.SEND:
        router.sent(request)
    else:
        channel, message = {
            Signal.BUSY: ("iopub", status("busy", "r")),
            Signal.IDLE: ("iopub", status("idle", "r")),
            Signal.OUTPUT: ("iopub", status("thinking", "r")),
            Signal.REPLY: ("shell", reply("r")),
        }[signal]
        assert feed(router, channel, message).to is Destination.NOBODY
    assert request.phase is phase
    assert router.violations == 1


def test_each_row_of_the_table_can_happen() -> None:
    """From each phase, each signal that it names leads where it says."""
    for (phase, signal), wanted in TRANSITIONS.items():
        router = Router()
        request = Request("r", Takes.RUN, phase=phase)
        router.open(request)
        match signal:
            case Signal.SEND:
                router.sent(request)
            case Signal.REPLY:
                feed(router, "shell", reply("r"))
            case Signal.OUTPUT:
                feed(router, "iopub", stream("r"))
            case _:
                feed(router, "iopub", status(signal.name.lower(), "r"))
        assert request.phase is wanted


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
