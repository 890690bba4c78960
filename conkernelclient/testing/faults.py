"""
What goes wrong on the way, and when?

`Faults` says how often; a `Route` does it to the messages of one fake kernel or one transport. The
fate of a message depends on the seed and on its place among those of its channel, not on the clock
or on other channels: a run with the same seed meets the same faults.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Final, NamedTuple

from .route import Fate, Route

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from random import Random

    from ..protocol.messages import Channel
    from ..transport.base import Sink
    from ..transport.sockets import ConSocket
    from .transport import FaultyTransport

__all__ = ["Faults"]

REORDER_WITHIN: Final = 0.02  # seconds by which a message is late that others are to overtake


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
        self._lines: weakref.WeakSet[Route] = weakref.WeakSet()

    def transport(
        self,
        sink: Sink,
        *,
        connect: Callable[[Channel], ConSocket],
        max_messages: int,
        max_bytes: int,
    ) -> FaultyTransport:
        """Make a transport that has these faults: a client's `transport_factory`."""
        from .transport import FaultyTransport

        return FaultyTransport(
            sink, self, connect=connect, max_messages=max_messages, max_bytes=max_bytes
        )

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

    def line(self) -> Route:
        """Make a line that has these faults."""
        line = Route(self)
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
