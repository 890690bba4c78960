"""
Whose is this message, and is its request finished?

The router knows the open requests by `msg_id` and the phase that each is in. It decides, and
its caller acts: `feed` says where a message goes, and has changed every state before it returns.
Reply and idle come over two sockets, so in either order.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from enum import Enum, IntEnum, auto
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, cast

from ..errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..protocol.incoming import Incoming
    from ..protocol.messages import Channel

__all__ = [
    "TRANSITIONS",
    "Delivery",
    "Destination",
    "LateOwner",
    "Owner",
    "Phase",
    "Request",
    "Router",
    "Signal",
    "Takes",
]

# Requests given up by their callers, whose late messages are to reach nobody.
FORGOTTEN_KEPT: Final = 10_000
FINISHED_KEPT: Final = 1_000  # finished runs, which may still print from threads


class Owner(Protocol):
    """
    What gets the messages of a request, and its end.

    Attributes:
        subshell_id: The subshell that has the request; None for the main shell.
    """

    subshell_id: str | None

    def receive(self, channel: Channel, message: Incoming) -> None:
        """Take one message; the router has advanced the request's phase."""
        ...

    def end(self) -> None:
        """Learn that there will be no more than has come; the router has let the request go."""
        ...

    def fail(self, error: BaseException) -> None:
        """Learn that it failed; the router has let the request go."""
        ...


class LateOwner(Protocol):
    """What an owner that takes late output has to do, once its request has ended."""

    def receive_late(self, message: Incoming) -> None:
        """Take one message that came after the end."""
        ...


class Takes(Enum):
    """
    Which of a request's messages its owner takes; the others go to the channel objects.

    Attributes:
        iopub: Whether it takes what the kernel publishes for it.
        stdin: Whether it takes what its code asks.
    """

    REPLY = (False, False)
    """The reply alone."""
    REPLY_AND_IOPUB = (True, False)
    RUN = (True, True)

    def __init__(self, iopub: bool, stdin: bool) -> None:
        self.iopub: bool = iopub
        self.stdin: bool = stdin


# Both are looked up with each message: an IntEnum's hash is its integer's, an Enum's is computed.
class Phase(IntEnum):
    """Where a request stands."""

    WAITING = auto()
    """Registered, not sent."""
    SENT = auto()
    RUNNING = auto()
    """The kernel said busy."""
    REPLIED = auto()
    """The reply is in, idle is not."""
    IDLED = auto()
    """Idle is in, the reply is not."""
    DONE = auto()


class Signal(IntEnum):
    """What happens to a request, mostly by a message."""

    SEND = auto()
    BUSY = auto()
    REPLY = auto()
    IDLE = auto()
    OUTPUT = auto()
    """Any other iopub or stdin message."""
    ONLY_REPLY = auto()
    """The reply, to an owner that takes nothing else."""
    UNTAKEN_IDLE = auto()
    """Idle, which such an owner does not get."""
    END = auto()
    """What has not come will not: the kernel that had it is gone, or was asked."""


# The whole life of a request. A pair that is missing here is against the protocol: counted, and no
# phase changes.
TRANSITIONS: Final[Mapping[tuple[Phase, Signal], Phase]] = {
    (Phase.WAITING, Signal.SEND): Phase.SENT,
    (Phase.SENT, Signal.BUSY): Phase.RUNNING,
    (Phase.SENT, Signal.OUTPUT): Phase.RUNNING,  # its busy came before we were subscribed
    (Phase.SENT, Signal.REPLY): Phase.REPLIED,  # the shell socket was read before the iopub socket
    (Phase.SENT, Signal.IDLE): Phase.IDLED,
    (Phase.RUNNING, Signal.OUTPUT): Phase.RUNNING,
    (Phase.RUNNING, Signal.REPLY): Phase.REPLIED,
    (Phase.RUNNING, Signal.IDLE): Phase.IDLED,
    (Phase.REPLIED, Signal.BUSY): Phase.REPLIED,
    (Phase.REPLIED, Signal.OUTPUT): Phase.REPLIED,
    (Phase.REPLIED, Signal.IDLE): Phase.DONE,
    (Phase.IDLED, Signal.OUTPUT): Phase.IDLED,  # a thread printed on
    (Phase.IDLED, Signal.REPLY): Phase.DONE,
    # Of an owner that takes the reply alone.
    (Phase.SENT, Signal.ONLY_REPLY): Phase.DONE,
    (Phase.SENT, Signal.UNTAKEN_IDLE): Phase.IDLED,
    (Phase.IDLED, Signal.ONLY_REPLY): Phase.DONE,
    (Phase.IDLED, Signal.UNTAKEN_IDLE): Phase.IDLED,
    # Whatever has come of it.
    (Phase.WAITING, Signal.END): Phase.DONE,
    (Phase.SENT, Signal.END): Phase.DONE,
    (Phase.RUNNING, Signal.END): Phase.DONE,
    (Phase.REPLIED, Signal.END): Phase.DONE,
    (Phase.IDLED, Signal.END): Phase.DONE,
    (Phase.DONE, Signal.END): Phase.DONE,  # twice is harmless
}

# The same by phase. These are looked at with each message: a name of a module is found sooner than
# a member of an enum.
NEXT: Final[Mapping[Phase, Mapping[Signal, Phase]]] = {
    phase: {signal: to for (at, signal), to in TRANSITIONS.items() if at is phase}
    for phase in Phase
}
WAITING: Final = Phase.WAITING
SENT: Final = Phase.SENT
DONE: Final = Phase.DONE
REPLY: Final = Signal.REPLY
OUTPUT: Final = Signal.OUTPUT
ONLY_REPLY: Final = Signal.ONLY_REPLY
STATUS: Final[Mapping[object, Signal]] = {"busy": Signal.BUSY, "idle": Signal.IDLE}


class Request:
    """
    One request, from its registration to its end.

    Attributes:
        msg_id: Its id.
        takes_iopub: Whether its owner takes what the kernel publishes for it.
        takes_stdin: Whether its owner takes what its code asks.
        owner: What gets its messages; the router only hands it out.
        channel: Where it is sent, and its reply comes.
        phase: Where it stands.
        sent_at: When it was sent, by the sender's clock.
        abandoned: The owner gave it up; its messages are counted, and go nowhere.
    """

    __slots__ = (
        "abandoned",
        "channel",
        "msg_id",
        "owner",
        "phase",
        "sent_at",
        "takes_iopub",
        "takes_stdin",
    )

    def __init__(
        self,
        msg_id: str,
        takes: Takes,
        owner: Any = None,
        channel: Channel = "shell",
        phase: Phase = Phase.WAITING,
    ) -> None:
        self.msg_id: str = msg_id
        self.takes_iopub: bool = takes.iopub
        self.takes_stdin: bool = takes.stdin
        self.owner: Any = owner
        self.channel: Channel = channel
        self.phase: Phase = phase
        self.sent_at: float = 0.0
        self.abandoned: bool = False

    def __repr__(self) -> str:
        return f"<Request {self.msg_id} {self.phase.name.lower()}>"


class Destination(Enum):
    """Where a message goes."""

    OWNER = auto()
    """To the request that it belongs to."""
    LATE = auto()
    """To a run that is finished already: output of its threads."""
    CHANNEL = auto()
    """To the channel object: nobody claimed it."""
    NOBODY = auto()
    """Nowhere: its request was given up, or it repeats what had come."""


# What is to be done with a message: where it goes, the request, and whether the router let that go
# with it. A plain tuple, as one is made for each message.
Delivery: TypeAlias = tuple[Destination, "Request | None", bool]

OWNER: Final = Destination.OWNER
TO_CHANNEL: Final[Delivery] = (Destination.CHANNEL, None, False)
TO_NOBODY: Final[Delivery] = (Destination.NOBODY, None, False)


class Router:
    """
    The open requests of one client.

    Attributes:
        orphans: Messages of requests that had been given up.
        violations: Messages that the protocol does not allow in their request's phase.
    """

    def __init__(self) -> None:
        self._open: dict[str, Request] = {}
        self._abandoned: dict[str, Request] = {}
        self._unanswered: OrderedDict[str, None] = OrderedDict()  # the abandoned without outputs
        self._finished: OrderedDict[str, Request] = OrderedDict()
        self.orphans: int = 0
        self.violations: int = 0

    @property
    def pending(self) -> int:
        """How many requests somebody waits for."""
        return len(self._open)

    @property
    def open_requests(self) -> list[Request]:
        """The requests that somebody waits for, oldest first."""
        return list(self._open.values())

    @property
    def abandoned_requests(self) -> list[Request]:
        """The requests given up by their owners that the kernel has not answered, oldest first."""
        return list(self._abandoned.values())

    def get(self, msg_id: str) -> Request | None:
        """Give the open request of that id."""
        return self._open.get(msg_id)

    def owner_of(self, msg_id: str) -> object:
        """Give the owner of a request that is under way, or of a run that ended not long ago."""
        found = self._open.get(msg_id) or self._abandoned.get(msg_id) or self._finished.get(msg_id)
        owner: object = None if found is None else found.owner
        return cast("weakref.ref[object]", owner)() if isinstance(owner, weakref.ref) else owner

    def is_under_way(self, request: Request) -> bool:
        """Tell whether the kernel may still have something for it, wanted or not."""
        found = self._open.get(request.msg_id) or self._abandoned.get(request.msg_id)
        return found is request

    def open(self, request: Request) -> None:
        """
        Register `request`, before it is sent.

        Raises:
            ProtocolError: One with this msg_id is registered; its answers could not be told apart.
        """
        if request.msg_id in self._open or request.msg_id in self._abandoned:
            raise ProtocolError(
                f"a request with msg_id {request.msg_id!r} is under way; take another one"
            )
        self._open[request.msg_id] = request

    def sent(self, request: Request) -> None:
        """Note that `request` was sent."""
        if request.phase is WAITING:
            request.phase = SENT
        else:
            self._advance(request, Signal.SEND)

    def abandon(self, request: Request) -> None:
        """
        Forget `request` for its owner: nothing that still comes for it reaches anybody.

        What the kernel has of it is still followed, so that `feed` tells when the kernel has
        finished it. Harmless when it has ended.
        """
        if self._open.pop(request.msg_id, None) is None:
            return
        request.abandoned = True
        if request.phase is WAITING:
            return  # it was never sent
        self._abandoned[request.msg_id] = request
        if request.takes_iopub:
            return  # a run is followed as long as it takes: others may wait for its end
        self._unanswered[request.msg_id] = None
        if len(self._unanswered) > FORGOTTEN_KEPT:
            oldest, _ = self._unanswered.popitem(last=False)
            del self._abandoned[oldest]

    def _drop_abandoned(self, msg_id: str) -> None:
        self._abandoned.pop(msg_id, None)
        self._unanswered.pop(msg_id, None)

    def end(self, request: Request) -> None:
        """
        Let `request` go as finished, whatever has not come of it.

        For when the kernel that had it is gone, or was asked.
        """
        was_open = self._open.pop(request.msg_id, None)
        self._drop_abandoned(request.msg_id)
        self._advance(request, Signal.END)
        if was_open is not None:
            self._keep_finished(request)

    def feed(self, channel: Channel, message: Incoming) -> Delivery:
        """Take one message, advance its request, and say where it goes."""
        request = self._open.get(message.parent_id)
        if request is None:
            return self._feed_past(channel, message)
        if channel == "iopub" and request.takes_iopub:  # as `_signal` does: these are the most
            signal = OUTPUT
            if message.msg_type == "status":
                state = message.content.get("execution_state")
                try:
                    signal = STATUS.get(state, OUTPUT)
                except TypeError:  # a list or a dict
                    state = None
                if signal is OUTPUT and type(state) is not str:
                    self.violations += 1
                    return TO_NOBODY
        else:
            signal = self._signal(request, channel, message)
            if signal is None:
                if message.msg_type == "status" and request.channel == "shell":
                    self._note_untaken(request, message)
                return TO_CHANNEL
        phase = NEXT[request.phase].get(signal)
        if phase is None:
            self.violations += 1
            return TO_NOBODY
        request.phase = phase
        if phase is DONE:
            del self._open[request.msg_id]
            self._keep_finished(request)
            return OWNER, request, True
        return OWNER, request, False

    def _note_untaken(self, request: Request, message: Incoming) -> None:
        """Note a status of a request whose owner does not take it: its reply may be lost."""
        if message.content.get("execution_state") == "idle":
            self._advance(request, Signal.UNTAKEN_IDLE)

    def _feed_past(self, channel: Channel, message: Incoming) -> Delivery:
        """Take a message for which no open request is."""
        request = self._abandoned.get(message.parent_id)
        if request is not None:
            return self._feed_abandoned(request, channel, message)
        if channel == "iopub":
            request = self._finished.get(message.parent_id)
            if request is not None:
                return Destination.LATE, request, False
        return TO_CHANNEL

    def _feed_abandoned(self, request: Request, channel: Channel, message: Incoming) -> Delivery:
        signal = self._signal(request, channel, message)
        if signal is None:
            return TO_CHANNEL
        is_status = signal is OUTPUT and message.msg_type == "status"
        if is_status and type(message.content.get("execution_state")) is not str:
            self.violations += 1
            return TO_NOBODY
        if request.owner is not None:
            self.orphans += 1
        self._advance(request, signal)
        ended = request.phase is DONE
        if ended:
            self._drop_abandoned(request.msg_id)
        return Destination.NOBODY, request, ended

    @staticmethod
    def _signal(request: Request, channel: Channel, message: Incoming) -> Signal | None:
        """Give what a message means for `request`; None if its owner does not take it."""
        if channel == "iopub":
            if not request.takes_iopub:
                return None
            if message.msg_type == "status":
                state = message.content.get("execution_state")
                return STATUS.get(state, OUTPUT) if type(state) is str else OUTPUT
            return OUTPUT
        if channel == request.channel and message.msg_type.endswith("_reply"):
            return REPLY if request.takes_iopub else ONLY_REPLY
        return OUTPUT if channel == "stdin" and request.takes_stdin else None

    def _advance(self, request: Request, signal: Signal) -> None:
        phase = NEXT[request.phase].get(signal)
        if phase is None:
            self.violations += 1
        else:
            request.phase = phase

    def _keep_finished(self, request: Request) -> None:
        if not request.takes_iopub:
            return
        self._finished[request.msg_id] = request
        if len(self._finished) > FINISHED_KEPT:
            self._finished.popitem(last=False)
