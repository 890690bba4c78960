"""
What goes wrong on the way, and when?

`Faults` says how often; a `Line` does it to the messages of one fake kernel or one transport. Which
fate a message has depends on the seed and on its place among those of its channel, not on the clock
or on other channels: a run with the same seed meets the same faults.
"""

from __future__ import annotations

import contextlib
import heapq
import threading
import time
import weakref
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TypeAlias

import orjson

from ..protocol.messages import CHANNELS
from ..protocol.wire import DELIMITER

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from ..protocol.messages import Channel, Frame
    from .transport import FaultyTransport

__all__ = ["Clock", "Fate", "Faults", "Line"]

REORDER_WITHIN: Final = 0.02  # seconds by which a message is late that others are to overtake
Way: TypeAlias = "tuple[Channel, bool]"  # a channel, and whether towards the kernel


class Timer(Protocol):
    """What a clock gives for a call to come."""

    def cancel(self) -> object:
        """Let it not come."""
        ...


class Clock(Protocol):
    """What a line needs of an event loop, or of the thread of a fake kernel."""

    def call_later(self, delay: float, callback: Callable[[], object], /) -> Timer:
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


class Faults:
    """
    What goes wrong between a client and its kernel.

    For what a fake kernel sends: `FakeKernel(faults=faults)`. For a client of any kernel:
    `km.client(transport_factory=faults.transport)`. The probabilities are from 0 to 1.

    Args:
        seed: Another seed, other messages that are hit.
        delay: Seconds by which each message is late: at most so many, or (at least, at most).
        drop: Probability that a message never comes.
        duplicate: Probability that it comes twice, the same bytes.
        reorder: Probability that it is late by up to 0.02 s more, and what comes meanwhile passes
            it. Messages of one request on one channel stay in order, as a kernel sends them.
        shuffle: Let nothing stay in order: a message may also pass those of its own request.
        channels: Only messages of these channels; None: of all.
        msg_types: Only messages of these types; None: of all.
        outgoing: Whether a transport does it also to what the client sends.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        delay: float | tuple[float, float] = 0.0,
        drop: float = 0.0,
        duplicate: float = 0.0,
        reorder: float = 0.0,
        shuffle: bool = False,
        channels: Collection[Channel] | None = None,
        msg_types: Collection[str] | None = None,
        outgoing: bool = False,
    ) -> None:
        for name, chance in (("drop", drop), ("duplicate", duplicate), ("reorder", reorder)):
            if not 0 <= chance <= 1:
                raise ValueError(f"{name}={chance!r} must be a probability, from 0 to 1")
        self.seed: int = seed
        self.delay: tuple[float, float] = delay if isinstance(delay, tuple) else (0.0, delay)
        self.drop: float = drop
        self.duplicate: float = duplicate
        self.reorder: float = reorder
        self.shuffle: bool = shuffle
        self.channels: frozenset[Channel] | None = None if channels is None else frozenset(channels)
        self.msg_types: frozenset[str] | None = None if msg_types is None else frozenset(msg_types)
        self.outgoing: bool = outgoing
        self._cuts: list[_Cut] = []
        self._lines: weakref.WeakSet[Line] = weakref.WeakSet()

    def transport(self, sink: Any, *, max_messages: int, max_bytes: int) -> FaultyTransport:
        """Make a transport that has these faults: a client's `transport_factory`."""
        from .transport import FaultyTransport

        return FaultyTransport(sink, self, max_messages=max_messages, max_bytes=max_bytes)

    def cut(
        self,
        *,
        channels: Collection[Channel] | None = None,
        msg_types: Collection[str] | None = None,
    ) -> None:
        """
        Let nothing pass from now on, in either direction, until `mend()`; what comes waits.

        May be called from any thread, and several times for several kinds of messages.

        Args:
            channels: Only messages of these channels; None: of all.
            msg_types: Only messages of these types; None: of all.
        """
        self._cuts.append(
            _Cut(
                None if channels is None else frozenset(channels),
                None if msg_types is None else frozenset(msg_types),
            )
        )

    def mend(self) -> None:
        """Let pass what waits, in its order, and all that comes. Harmless if nothing is cut."""
        lines = list(self._lines)
        for line in lines:
            line.hold_all()
        self._cuts.clear()
        for line in lines:
            line.release()

    @property
    def is_cut(self) -> bool:
        """Whether some messages do not pass at present."""
        return bool(self._cuts)

    def line(self) -> Line:
        """Make a line that has these faults."""
        line = Line(self)
        self._lines.add(line)
        return line

    def is_held(self, channel: Channel, msg_type: str) -> bool:
        """Tell whether a message does not pass because its way is cut."""
        return any(cut.hits(channel, msg_type) for cut in tuple(self._cuts))

    def hits(self, channel: Channel, msg_type: str) -> bool:
        """Tell whether these faults are for messages of that kind."""
        return (self.channels is None or channel in self.channels) and (
            self.msg_types is None or msg_type in self.msg_types
        )

    def fate(self, chance: Random) -> Fate:
        """Decide about one message; takes the same number of draws for each."""
        dropped, doubled, overtaken = chance.random(), chance.random(), chance.random()
        delay, more = chance.uniform(*self.delay), chance.uniform(0, REORDER_WITHIN)
        is_overtaken = overtaken < self.reorder
        copies = 0 if dropped < self.drop else 2 if doubled < self.duplicate else 1
        return Fate(copies, delay + more if is_overtaken else delay, is_overtaken)

    def __repr__(self) -> str:
        names = ("seed", "delay", "drop", "duplicate", "reorder")
        figures = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"<Faults {figures}{' cut' if self._cuts else ''}>"


class _Cut(NamedTuple):
    channels: frozenset[Channel] | None
    msg_types: frozenset[str] | None

    def hits(self, channel: Channel, msg_type: str) -> bool:
        return (self.channels is None or channel in self.channels) and (
            self.msg_types is None or msg_type in self.msg_types
        )


class Parcel(NamedTuple):
    """A message that is on its way."""

    due: float
    number: int
    channel: Channel
    msg_type: str
    deliver: Callable[[], object]
    sequences: tuple[object, ...]
    """Those in which it may not pass the one before it."""


class Line:
    """
    The way of the messages between one client and one kernel.

    What is to be late is delivered by a clock, in its thread; without one it waits for one.
    """

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._clock: Clock | None = None
        self._timer: Timer | None = None
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
        faults = self._faults
        channel, is_outgoing = way
        if (is_outgoing and not faults.outgoing) or not faults.hits(channel, msg_type):
            return Fate()
        chance = self._chances.get(way)
        if chance is None:
            chance = self._chances[way] = Random(f"{faults.seed} {way}")
        return faults.fate(chance)

    def _queue(
        self, way: Way, msg_type: str, parent_id: str, deliver: Callable[[], object], fate: Fate
    ) -> Parcel | None:
        """Queue a message; gives it back if nothing keeps it from being delivered now."""
        sequences: list[object] = []
        if not fate.is_overtaken:
            sequences.append(way)
        if not self._faults.shuffle:
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
            if self._is_releasing or self._faults.is_held(parcel.channel, parcel.msg_type):
                self._held.append(parcel)
                return
        parcel.deliver()

    def _release(self) -> None:
        while self._is_releasing:
            with self._guard:
                free = [p for p in self._held if not self._faults.is_held(p.channel, p.msg_type)]
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
