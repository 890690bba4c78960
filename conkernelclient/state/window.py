"""
Which execute request may be sent now?

While the kernel is not there the window is paused, and admits nothing. When it resumes, it admits
the paused requests in the order of the calls, as if they were made then.

Execute requests of one (sub)shell are sent in the order of the calls. One that was made by
`execute()` is sent as soon as nothing waits before it, and a run when fewer than `limit` earlier
runs of this client are in that shell of the kernel. Questions for input go to a socket that all
shells of a kernel share, and answers carry no address: so of the runs that answer questions one is
in the kernel at a time, whatever their shells.

Pure: it decides, its caller sends.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from ..protocol.incoming import Incoming

__all__ = ["Call", "Entry", "Window"]


class Entry(Protocol):
    """
    One request that is to be sent.

    Attributes:
        lane: Whose turn it waits for: the id of its subshell, None for the main shell, or an id of
            its own if it runs beside all others.
        takes_turn: Whether it waits behind others of its shell, as execute requests do.
        is_run: Whether it takes a place inside until the kernel has finished it.
        answers_questions: Whether its code may ask for input.
        msg_id: Id of the request.
    """

    lane: str | None
    takes_turn: bool
    is_run: bool
    answers_questions: bool
    msg_id: str

    def send(self) -> None:
        """Send it; may raise."""

    def fail(self, error: Exception, /) -> None:
        """Tell its caller why it could not be sent."""

    def resumed(self) -> None:
        """Learn that the kernel for which it was paused is there."""


class Call:
    """
    An entry that calls `send` and `fail`, and `on_resume` if it was paused.

    With `answer` it takes a reply that does not come from the kernel.
    """

    __slots__ = (
        "_answer",
        "_fail",
        "_on_resume",
        "_send",
        "answers_questions",
        "is_run",
        "lane",
        "msg_id",
        "takes_turn",
    )

    def __init__(
        self,
        send: Callable[[], None],
        fail: Callable[[Exception], None],
        lane: str | None = None,
        *,
        is_run: bool = False,
        answers_questions: bool = False,
        msg_id: str = "",
        takes_turn: bool = True,
        on_resume: Callable[[], None] | None = None,
        answer: Callable[[Incoming], None] | None = None,
    ) -> None:
        self._send = send
        self._fail = fail
        self._answer = answer
        self._on_resume = on_resume
        self.takes_turn: bool = takes_turn
        self.lane: str | None = lane
        self.is_run: bool = is_run
        self.answers_questions: bool = answers_questions
        self.msg_id: str = msg_id

    def send(self) -> None:
        """Send it; may raise."""
        self._send()

    def fail(self, error: Exception, /) -> None:
        """Tell its caller why it could not be sent."""
        self._fail(error)

    def answer(self, reply: Incoming) -> None:
        """Give its caller a reply: it will not be sent."""
        if self._answer is not None:
            self._answer(reply)

    def resumed(self) -> None:
        """Learn that the kernel for which it was paused is there."""
        if self._on_resume is not None:
            self._on_resume()


class _Lane:
    """The requests of one shell, those that wait and the runs that are inside, oldest first."""

    __slots__ = ("inside", "waiting")

    def __init__(self) -> None:
        self.waiting: OrderedDict[Entry, None] = OrderedDict()
        self.inside: dict[Entry, None] = {}


class Window:
    """
    The requests of one client that are not sent at once, by shell.

    Args:
        limit: How many runs may be in one shell of the kernel at once; None: any number.

    Attributes:
        is_paused: Nothing is sent, since the kernel is not there.
        paused: What is to be sent when it is, oldest first, and until when it waits.
    """

    def __init__(self, limit: int | None = 1) -> None:
        self.limit: int | None = limit
        self.is_paused: bool = False
        self.paused: OrderedDict[Entry, float] = OrderedDict()
        self._lanes: dict[str | None, _Lane] = {}
        self._waiting = 0  # in all lanes
        self._answering: Entry | None = None

    def pause(self) -> None:
        """Let nothing be sent until `resume`."""
        self.is_paused = True

    def resume(self) -> list[Entry]:
        """Admit again what may be sent; gives that, in order."""
        self.is_paused = False
        admitted = self.admit()
        paused, self.paused = self.paused, OrderedDict()
        for entry in paused:
            admitted.extend(self.submit(entry))
        return admitted

    def expire(self, now: float) -> list[Entry]:
        """Take back what was to be paused until `now` at the latest."""
        expired = [entry for entry, until in self.paused.items() if until <= now]
        for entry in expired:
            del self.paused[entry]
        return expired

    def submit(self, entry: Entry, until: float = math.inf) -> list[Entry]:
        """
        Queue `entry`; gives what may be sent now, in order.

        While nothing is sent it is paused, until `until` by whatever clock `expire` goes by.
        """
        if self.is_paused:
            self.paused[entry] = until
            return []
        lane = self._lanes.get(entry.lane)
        if not entry.takes_turn or not (entry.is_run or (lane is not None and lane.waiting)):
            return [entry]
        if lane is None:
            lane = self._lanes[entry.lane] = _Lane()
        if not lane.waiting and self._may_enter(lane, entry):
            self._enter(lane, entry)
            return [entry]
        lane.waiting[entry] = None
        self._waiting += 1
        return self.admit()

    def done(self, entry: Entry) -> list[Entry]:
        """
        Note that the kernel has finished `entry`; gives what may be sent now.

        Harmless if it is not inside.
        """
        lane = self._lanes.get(entry.lane)
        if lane is not None:
            lane.inside.pop(entry, None)
            self._sweep(lane, entry.lane)
        if self._answering is entry:
            inside = (one for each in self._lanes.values() for one in each.inside)
            self._answering = next((one for one in inside if one.answers_questions), None)
        return self.admit() if self._waiting else []

    def withdraw(self, entry: Entry) -> tuple[bool, list[Entry]]:
        """Take back `entry`: whether it was not sent, and what may be sent now in its place."""
        if self.paused.pop(entry, None) is not None:
            return True, []
        lane = self._lanes.get(entry.lane)
        if lane is None or entry not in lane.waiting:
            return False, []
        del lane.waiting[entry]
        self._waiting -= 1
        self._sweep(lane, entry.lane)
        return True, self.admit()

    def take_out(self, msg_ids: Collection[str]) -> list[Entry]:
        """Forget those requests, wherever they are; gives what may be sent now."""
        admitted: list[Entry] = []
        lanes = self._lanes.values()
        kept = (*self.paused, *(one for lane in lanes for one in (*lane.waiting, *lane.inside)))
        for entry in kept:
            if entry.msg_id in msg_ids:
                admitted += self.withdraw(entry)[1]
                admitted += self.done(entry)
        return [entry for entry in admitted if entry.msg_id not in msg_ids]

    def drain(self) -> list[Entry]:
        """Forget what is inside and what waits its turn; gives that, in order of the shells."""
        waiting = [entry for lane in self._lanes.values() for entry in lane.waiting]
        self._lanes.clear()
        self._waiting = 0
        self._answering = None
        return waiting

    def drain_paused(self, *, executes_only: bool = False) -> list[Entry]:
        """Forget what is paused, or its execute requests; gives that, in order."""
        paused = [entry for entry in self.paused if entry.takes_turn or not executes_only]
        for entry in paused:
            del self.paused[entry]
        return paused

    def ahead_of(self, entry: Entry) -> Entry | None:
        """Give the oldest run inside that `entry` waits for; None if it waits for no other one."""
        lane = self._lanes.get(entry.lane)
        oldest = next(iter(lane.inside if lane else ()), self._answering)
        return None if oldest is entry else oldest

    def admit(self) -> list[Entry]:
        """Give what may be sent now; the runs among it are inside from then on."""
        admitted: list[Entry] = []
        if self.is_paused:
            return admitted
        for name, lane in list(self._lanes.items()):
            while lane.waiting and self._may_enter(lane, next(iter(lane.waiting))):
                entry, _ = lane.waiting.popitem(last=False)
                self._waiting -= 1
                if entry.is_run:
                    self._enter(lane, entry)
                admitted.append(entry)
            self._sweep(lane, name)
        return admitted

    def _enter(self, lane: _Lane, entry: Entry) -> None:
        lane.inside[entry] = None
        if entry.answers_questions and self._answering is None:
            self._answering = entry

    def _sweep(self, lane: _Lane, name: str | None) -> None:
        if name is not None and not (lane.waiting or lane.inside):
            self._lanes.pop(name, None)

    def _may_enter(self, lane: _Lane, entry: Entry) -> bool:
        if not entry.is_run:
            return True
        if self.limit is not None and len(lane.inside) >= self.limit:
            return False
        if not entry.answers_questions or self._answering is None:
            return True
        return self._answering.lane == entry.lane
