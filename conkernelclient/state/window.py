"""
Which execute request may leave now?

While the kernel is not there nothing leaves; afterwards all do, in the order of the calls, as if
they were made then.

Execute requests of one (sub)shell leave in the order of the calls. One that was made by `execute()`
leaves as soon as nothing waits before it; a run leaves when fewer than `limit` earlier runs of this
client are in that shell of the kernel. Questions for input go to a socket that all shells of a
kernel share, and answers carry no address: so of the runs that answer questions one is in the
kernel at a time, whatever their shells.

Pure: it decides, its caller sends.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

__all__ = ["Call", "Entry", "Window"]


class Entry(Protocol):
    """
    One request that is to leave.

    Attributes:
        subshell_id: Where it is to run; None: the main shell.
        takes_turn: Whether it waits behind others of its shell, as execute requests do.
        is_run: Whether it takes a place inside until the kernel is through with it.
        answers_questions: Whether its code may ask for input.
        msg_id: Id of the request.
    """

    subshell_id: str | None
    takes_turn: bool
    is_run: bool
    answers_questions: bool
    msg_id: str

    def leave(self) -> None:
        """Send it; may raise."""

    def fail(self, error: Exception, /) -> None:
        """Tell its caller why it could not be sent."""

    def released(self) -> None:
        """Learn that the kernel for which it was held is there."""


class Call:
    """An entry that calls `leave` and `fail`, and `on_release` if it was held."""

    __slots__ = (
        "_fail",
        "_leave",
        "_on_release",
        "answers_questions",
        "is_run",
        "msg_id",
        "subshell_id",
        "takes_turn",
    )

    def __init__(
        self,
        leave: Callable[[], None],
        fail: Callable[[Exception], None],
        subshell_id: str | None = None,
        *,
        is_run: bool = False,
        answers_questions: bool = False,
        msg_id: str = "",
        takes_turn: bool = True,
        on_release: Callable[[], None] | None = None,
    ) -> None:
        self._leave = leave
        self._fail = fail
        self._on_release = on_release
        self.takes_turn: bool = takes_turn
        self.subshell_id: str | None = subshell_id
        self.is_run: bool = is_run
        self.answers_questions: bool = answers_questions
        self.msg_id: str = msg_id

    def leave(self) -> None:
        """Send it; may raise."""
        self._leave()

    def fail(self, error: Exception, /) -> None:
        """Tell its caller why it could not be sent."""
        self._fail(error)

    def released(self) -> None:
        """Learn that the kernel for which it was held is there."""
        if self._on_release is not None:
            self._on_release()


class _Lane:
    """The requests of one shell, those that wait and the runs that are inside, oldest first."""

    __slots__ = ("inside", "waiting")

    def __init__(self) -> None:
        self.waiting: OrderedDict[Entry, None] = OrderedDict()
        self.inside: dict[Entry, None] = {}


class Window:
    """
    The requests of one client that do not leave at once, by shell.

    Args:
        limit: How many runs may be in one shell of the kernel at once; None: any number.

    Attributes:
        is_held: Nothing leaves, since the kernel is not there.
        held: What is to leave when it is, oldest first, and until when it waits.
    """

    def __init__(self, limit: int | None = 1) -> None:
        self.limit: int | None = limit
        self.is_held: bool = False
        self.held: OrderedDict[Entry, float] = OrderedDict()
        self._lanes: dict[str | None, _Lane] = {}
        self._waiting = 0  # in all lanes
        self._answering: Entry | None = None

    def hold(self) -> None:
        """Let nothing leave until `release`."""
        self.is_held = True

    def release(self) -> list[Entry]:
        """Let leave again what may; gives that, in order."""
        self.is_held = False
        leaving = self.leaving()
        held, self.held = self.held, OrderedDict()
        for entry in held:
            leaving.extend(self.submit(entry))
        return leaving

    def expire(self, now: float) -> list[Entry]:
        """Take back what was to be held until `now` at the latest."""
        expired = [entry for entry, until in self.held.items() if until <= now]
        for entry in expired:
            del self.held[entry]
        return expired

    def submit(self, entry: Entry, until: float = math.inf) -> list[Entry]:
        """
        Queue `entry`; gives what may leave now, in order.

        While nothing leaves it is held, until the time `until` by whatever clock `expire` goes by.
        """
        if self.is_held:
            self.held[entry] = until
            return []
        lane = self._lanes.get(entry.subshell_id)
        if not entry.takes_turn or not (entry.is_run or (lane is not None and lane.waiting)):
            return [entry]
        if lane is None:
            lane = self._lanes[entry.subshell_id] = _Lane()
        if not lane.waiting and self._may_leave(lane, entry):
            self._enter(lane, entry)
            return [entry]
        lane.waiting[entry] = None
        self._waiting += 1
        return self.leaving()

    def done(self, entry: Entry) -> list[Entry]:
        """
        Note that the kernel is through with `entry`; gives what may leave now.

        Harmless if it is not inside.
        """
        lane = self._lanes.get(entry.subshell_id)
        if lane is not None:
            lane.inside.pop(entry, None)
            self._sweep(lane, entry.subshell_id)
        if self._answering is entry:
            inside = (one for each in self._lanes.values() for one in each.inside)
            self._answering = next((one for one in inside if one.answers_questions), None)
        return self.leaving() if self._waiting else []

    def withdraw(self, entry: Entry) -> tuple[bool, list[Entry]]:
        """Take back `entry`: whether it had not left, and what may leave now in its place."""
        if self.held.pop(entry, None) is not None:
            return True, []
        lane = self._lanes.get(entry.subshell_id)
        if lane is None or entry not in lane.waiting:
            return False, []
        del lane.waiting[entry]
        self._waiting -= 1
        self._sweep(lane, entry.subshell_id)
        return True, self.leaving()

    def take_out(self, msg_ids: Collection[str]) -> list[Entry]:
        """Forget those requests, wherever they are; gives what may leave now."""
        leaving: list[Entry] = []
        lanes = self._lanes.values()
        kept = (*self.held, *(one for lane in lanes for one in (*lane.waiting, *lane.inside)))
        for entry in kept:
            if entry.msg_id in msg_ids:
                leaving += self.withdraw(entry)[1]
                leaving += self.done(entry)
        return [entry for entry in leaving if entry.msg_id not in msg_ids]

    def drain(self) -> list[Entry]:
        """Forget what is inside and what waits its turn; gives that, in order of the shells."""
        waiting = [entry for lane in self._lanes.values() for entry in lane.waiting]
        self._lanes.clear()
        self._waiting = 0
        self._answering = None
        return waiting

    def drain_held(self, *, executes_only: bool = False) -> list[Entry]:
        """Forget what is held, or its execute requests; gives that, in order."""
        held = [entry for entry in self.held if entry.takes_turn or not executes_only]
        for entry in held:
            del self.held[entry]
        return held

    def holder(self, entry: Entry) -> Entry | None:
        """Give the oldest run inside that `entry` waits for; None if it waits for no other one."""
        lane = self._lanes.get(entry.subshell_id)
        holder = next(iter(lane.inside if lane else ()), self._answering)
        return None if holder is entry else holder

    def leaving(self) -> list[Entry]:
        """Let go what may leave now; it is inside from then on."""
        leaving: list[Entry] = []
        if self.is_held:
            return leaving
        for subshell_id, lane in list(self._lanes.items()):
            while lane.waiting and self._may_leave(lane, next(iter(lane.waiting))):
                entry, _ = lane.waiting.popitem(last=False)
                self._waiting -= 1
                if entry.is_run:
                    self._enter(lane, entry)
                leaving.append(entry)
            self._sweep(lane, subshell_id)
        return leaving

    def _enter(self, lane: _Lane, entry: Entry) -> None:
        lane.inside[entry] = None
        if entry.answers_questions and self._answering is None:
            self._answering = entry

    def _sweep(self, lane: _Lane, subshell_id: str | None) -> None:
        if subshell_id is not None and not (lane.waiting or lane.inside):
            self._lanes.pop(subshell_id, None)

    def _may_leave(self, lane: _Lane, entry: Entry) -> bool:
        if not entry.is_run:
            return True
        if self.limit is not None and len(lane.inside) >= self.limit:
            return False
        if not entry.answers_questions or self._answering is None:
            return True
        return self._answering.subshell_id == entry.subshell_id
