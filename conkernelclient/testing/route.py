"""
What happens to a message on its way?

A `Route` is the way between one client and one kernel. Its plan decides each message's fate: how
often it arrives, how late, and whether others overtake it.
"""

from __future__ import annotations

import contextlib
import heapq
import threading
import time
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

import orjson

from ..protocol.messages import CHANNELS
from ..protocol.wire import DELIMITER

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from ..protocol.messages import Channel, Frame

__all__ = ["Clock", "Fate", "Plan", "Route", "kind_of"]

Way: TypeAlias = "tuple[Channel, bool]"  # a channel, and whether towards the kernel


class Cancellable(Protocol):
    """What a clock gives for a call to come."""

    def cancel(self) -> object:
        """Let it not come."""
        ...


class Clock(Protocol):
    """What a line needs of an event loop, or of the thread of a fake kernel."""

    def call_later(self, delay: float, callback: Callable[[], object], /) -> Cancellable:
        """Call `callback` in `delay` seconds."""
        ...

    def call_soon_threadsafe(self, callback: Callable[[], object], /) -> object:
        """Call `callback` soon, in the thread of the clock."""
        ...


class Fate(NamedTuple):
    """What happens to one message."""

    copies: int = 1
    """0: it is dropped; 2: it comes twice."""
    delay: float = 0.0
    """Seconds."""
    is_overtaken: bool = False
    """Whether others of its channel that come later may pass it."""


class Plan(Protocol):
    """
    What decides about messages.

    Attributes:
        seed: Of what chance decides.
        shuffle: Whether the messages of one request may overtake each other.
        outgoing: Whether it is also for what the client sends.
    """

    seed: int
    shuffle: bool
    outgoing: bool

    def hits(self, channel: Channel, msg_type: str) -> bool:
        """Tell whether it is for messages of that kind."""
        ...

    def fate(self, chance: Random) -> Fate:
        """Decide about one message."""
        ...

    def is_held(self, channel: Channel, msg_type: str) -> bool:
        """Tell whether a message does not pass at present."""
        ...


class Parcel(NamedTuple):
    """A message that is on its way."""

    due: float
    number: int
    channel: Channel
    msg_type: str
    deliver: Callable[[], object]
    sequences: tuple[object, ...]
    """Those in which it may not pass the one before it."""


class Route:
    """
    The way of the messages between one client and one kernel.

    What is to be late is delivered by a clock, in its thread; without one it waits for one.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._clock: Clock | None = None
        self._timer: Cancellable | None = None
        self._chances: dict[Way, Random] = {}
        self._late: list[Parcel] = []  # a heap
        self._tails: dict[object, Parcel] = {}  # the last one of each sequence, until it is through
        self._held: list[Parcel] = []  # what came while its way was cut
        self._is_releasing = False  # mended, and what was held is not delivered yet
        self._numbers = count()
        self._guard = threading.Lock()  # never held while something is delivered

    def __len__(self) -> int:
        """Give how many messages are on their way."""
        return len(self._late) + len(self._held)

    def put(self, way: Way, msg_type: str, parent_id: str, deliver: Callable[[], object]) -> None:
        """
        Send a message on its way. May be called from any thread.

        Args:
            way: Its channel, and whether it goes to the kernel.
            msg_type: Its type.
            parent_id: The request that it belongs to.
            deliver: Called when it arrives, once or twice or never: now, or by the clock.
        """
        fate = self._fate(way, msg_type)
        for _ in range(fate.copies):
            parcel = self._queue(way, msg_type, parent_id, deliver, fate)
            if parcel is not None:
                self._deliver(parcel)

    def clear(self, channels: Collection[Channel] = CHANNELS) -> None:
        """Lose all that is on its way on these channels."""
        with self._guard:
            self._late = [parcel for parcel in self._late if parcel.channel not in channels]
            heapq.heapify(self._late)
            self._held = [parcel for parcel in self._held if parcel.channel not in channels]
            tails = self._tails.items()
            self._tails = {key: last for key, last in tails if last.channel not in channels}

    def wind(self, clock: Clock | None) -> None:
        """Go on by `clock`; None: not before there is another one. In the clock's thread."""
        with self._guard:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._clock = clock
        self._ring()

    def hold_all(self) -> None:
        """Deliver nothing before `release`, so that what waits does not get behind."""
        self._is_releasing = True

    def release(self) -> None:
        """Deliver what was held, by the clock."""
        self._ring()

    def _fate(self, way: Way, msg_type: str) -> Fate:
        plan = self._plan
        channel, is_outgoing = way
        if (is_outgoing and not plan.outgoing) or not plan.hits(channel, msg_type):
            return Fate()
        chance = self._chances.get(way)
        if chance is None:
            chance = self._chances[way] = Random(f"{plan.seed} {way}")
        return plan.fate(chance)

    def _queue(
        self, way: Way, msg_type: str, parent_id: str, deliver: Callable[[], object], fate: Fate
    ) -> Parcel | None:
        """Queue a message; gives it back if nothing keeps it from being delivered now."""
        sequences: list[object] = []
        if not fate.is_overtaken:
            sequences.append(way)
        if not self._plan.shuffle:
            sequences.append((way, parent_id))
        with self._guard:
            before = [self._tails[each] for each in sequences if each in self._tails]
            now = time.monotonic()
            due = max([now + fate.delay, *(parcel.due for parcel in before)])
            number = next(self._numbers)
            parcel = Parcel(due, number, way[0], msg_type, deliver, tuple(sequences))
            if due <= now and not before:
                return parcel
            for sequence in sequences:
                self._tails[sequence] = parcel
            heapq.heappush(self._late, parcel)
            is_next = self._late[0] is parcel
        if is_next:
            self._ring()
        return None

    def _deliver(self, parcel: Parcel) -> None:
        with self._guard:
            if self._is_releasing or self._plan.is_held(parcel.channel, parcel.msg_type):
                self._held.append(parcel)
                return
        parcel.deliver()

    def _release(self) -> None:
        while self._is_releasing:
            with self._guard:
                free = [p for p in self._held if not self._plan.is_held(p.channel, p.msg_type)]
                self._held = [parcel for parcel in self._held if parcel not in free]
                self._is_releasing = bool(free)
            for parcel in free:
                parcel.deliver()

    def _ring(self) -> None:
        """Look, in the clock's thread, what is due."""
        clock = self._clock
        if clock is not None:
            with contextlib.suppress(RuntimeError):  # a loop that is closed; there may be another
                clock.call_soon_threadsafe(self._turn)

    def _turn(self) -> None:
        self._release()
        with self._guard:
            now = time.monotonic()
            due: list[Parcel] = []
            while self._late and self._late[0].due <= now:
                due.append(heapq.heappop(self._late))
        for parcel in due:
            self._deliver(parcel)
            with self._guard:
                for sequence in parcel.sequences:
                    if self._tails.get(sequence) is parcel:
                        del self._tails[sequence]
        self._arm()

    def _arm(self) -> None:
        with self._guard:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            clock = self._clock
            if clock is not None and self._late:
                pause = max(0.0, self._late[0].due - time.monotonic())
                self._timer = clock.call_later(pause, self._turn)


def kind_of(frames: Sequence[Frame]) -> tuple[str, str]:
    """Give type and parent id of a message that may be damaged; ("", "") if it has none."""
    try:
        start = [bytes(frame) for frame in frames].index(DELIMITER)
        header: Any = orjson.loads(frames[start + 2])
        parent: Any = orjson.loads(frames[start + 3])
        return str(header["msg_type"]), str(parent.get("msg_id") or header["msg_id"])
    except (ValueError, LookupError, AttributeError, TypeError):
        return "", ""
