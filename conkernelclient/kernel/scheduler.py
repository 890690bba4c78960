"""
Which execute request may run now?

It decides, and runs nothing: each method gives the requests that may start, and those that never
will, with the reason. It is not safe against threads; who has it holds a lock around each call.
"""

from __future__ import annotations

import heapq
import itertools
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from .request import Ending, News, Request, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Decision", "Dropped", "Limits", "Reason", "Scheduler"]

REMEMBERED: Final = 10_000  # ended requests, for those that come after them


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a request never runs: an error's name and words, and whether it counts as aborted."""

    ename: str
    evalue: str
    is_abort: bool = False


@dataclass(frozen=True, slots=True)
class Dropped:
    """A request that never runs, and why."""

    request: Request
    reason: Reason


@dataclass(slots=True)
class Decision:
    """What follows: requests that run now, in order, and requests that never will."""

    start: list[Request] = field(default_factory=list[Request])
    drop: list[Dropped] = field(default_factory=list[Dropped])


@dataclass(frozen=True, slots=True)
class Limits:
    """How much there may be at once; None is any number."""

    running: int | None = None
    """Tasks and threads that run; more wait. A lane runs one, whatever the limit."""
    queued: int | None = 100_000
    """Requests that wait; more are refused."""


class Scheduler:
    """The requests that wait and run."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits: Limits = limits or Limits()
        self._open: dict[str, Request] = {}
        self._ended: OrderedDict[str, Ending] = OrderedDict()
        self._waiters: dict[str, list[Request]] = {}  # by what they come after
        self._lanes: dict[tuple[str | None, str], _Lane] = {}
        self._beside: list[tuple[int, int, Request]] = []  # tasks and threads over the limit
        self._running_beside = 0
        self._waiting = 0
        self._numbers = itertools.count(1)

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Request]:
        return iter(self._open.values())

    def get(self, msg_id: str) -> Request | None:
        """Give a request that has not ended."""
        return self._open.get(msg_id)

    def ending(self, msg_id: str) -> Ending | None:
        """Tell how a request ended, if that was not long ago."""
        return self._ended.get(msg_id)

    def submit(self, request: Request) -> Decision:
        """Take a new request."""
        decision = Decision()
        reason = self._refusal(request)
        if reason is not None:
            request.note(News.DROP)
            decision.drop.append(Dropped(request, reason))
            return decision
        request.number = next(self._numbers)
        self._open[request.msg_id] = request
        after = request.options.after
        ill = next((it for it in after if self._ended.get(it) is Ending.ILL), None)
        if ill is not None:
            self._drop(request, _came_after(ill), decision)
            return decision
        request.waits_for = {it for it in after if it in self._open}
        self._waiting += 1
        if request.waits_for:
            request.note(News.HOLD)
            for msg_id in request.waits_for:
                self._waiters.setdefault(msg_id, []).append(request)
        else:
            self._queue(request, decision)
        return decision

    def finish(self, request: Request, ending: Ending) -> Decision:
        """
        Note that a request which ran has ended.

        Raises KeyError if it did not run.
        """
        request.note(News.END)
        decision = Decision()
        if request.is_queued_in_lane:
            lane = self._lanes[request.lane]
            lane.running = None
            self._settle(request, ending, decision)
            self._start_in(request.lane, decision)
        else:
            self._running_beside -= 1
            self._settle(request, ending, decision)
            self._start_beside(decision)
        return decision

    def abort(self, failed: Request) -> Decision:
        """Drop what waits in the lane of a request that failed."""
        decision = Decision()
        lane = self._lanes.get(failed.lane) if failed.is_queued_in_lane else None
        if lane is not None:
            reason = Reason("Aborted", f"request {failed.msg_id} before it failed", is_abort=True)
            for *_rank, request in sorted(lane.waiting):
                if request.state is State.QUEUED:
                    self._drop(request, reason, decision)
        return decision

    def drop(self, requests: Iterable[Request], reason: Reason) -> Decision:
        """Drop requests that have not started; others are left alone."""
        decision = Decision()
        for request in requests:
            if request.state in (State.HELD, State.QUEUED):
                self._drop(request, reason, decision)
        return decision

    # What is behind them

    def _refusal(self, request: Request) -> Reason | None:
        if request.msg_id in self._open:
            return Reason("DuplicateRequest", f"a request {request.msg_id} waits or runs already")
        if request.msg_id in request.options.after:
            return Reason("CircularRequest", f"request {request.msg_id} comes after itself")
        for msg_id in request.options.after:
            if msg_id not in self._open and msg_id not in self._ended:
                words = f"after: no request {msg_id[:200]} is known; send it first"
                return Reason("UnknownRequest", words)
        most = self.limits.queued
        if most is not None and self._waiting >= most:
            words = f"{most} requests wait; send more when some have ended"
            return Reason("QueueFull", words)
        return None

    def _queue(self, request: Request, decision: Decision) -> None:
        request.note(News.QUEUE)
        entry = (*request.rank, request)
        if request.is_queued_in_lane:
            lane = self._lanes.setdefault(request.lane, _Lane())
            heapq.heappush(lane.waiting, entry)
            self._start_in(request.lane, decision)
        else:
            heapq.heappush(self._beside, entry)
            self._start_beside(decision)

    def _start_in(self, key: tuple[str | None, str], decision: Decision) -> None:
        lane = self._lanes[key]
        if lane.running is not None:
            return
        request = _next(lane.waiting)
        if request is None:
            del self._lanes[key]
            return
        lane.running = request
        self._start(request, decision)

    def _start_beside(self, decision: Decision) -> None:
        most = self.limits.running
        while most is None or self._running_beside < most:
            request = _next(self._beside)
            if request is None:
                return
            self._running_beside += 1
            self._start(request, decision)

    def _start(self, request: Request, decision: Decision) -> None:
        request.note(News.START)
        self._waiting -= 1
        decision.start.append(request)

    def _drop(self, request: Request, reason: Reason, decision: Decision) -> None:
        """Drop it, and what comes after it, and what comes after that."""
        to_drop = [(request, reason)]
        while to_drop:
            one, why = to_drop.pop()
            if one.state is State.ENDED:
                continue
            if one.state is not State.NEW:
                self._waiting -= 1
            one.note(News.DROP)
            decision.drop.append(Dropped(one, why))
            self._remember(one, Ending.ILL)
            after = reversed(self._waiters.pop(one.msg_id, []))
            to_drop += [(waiter, _came_after(one.msg_id)) for waiter in after]

    def _settle(self, request: Request, ending: Ending, decision: Decision) -> None:
        """Remember how a request that ran has ended, and tell those that come after it."""
        self._remember(request, ending)
        for waiter in self._waiters.pop(request.msg_id, ()):
            if waiter.state is not State.HELD:
                continue
            if ending is Ending.ILL:
                self._drop(waiter, _came_after(request.msg_id), decision)
                continue
            waiter.waits_for.discard(request.msg_id)
            if not waiter.waits_for:
                self._queue(waiter, decision)

    def _remember(self, request: Request, ending: Ending) -> None:
        del self._open[request.msg_id]
        self._ended[request.msg_id] = ending
        if len(self._ended) > REMEMBERED:
            self._ended.popitem(last=False)


class _Lane:
    """One at a time."""

    __slots__ = ("running", "waiting")

    def __init__(self) -> None:
        self.running: Request | None = None
        self.waiting: list[tuple[int, int, Request]] = []


def _next(waiting: list[tuple[int, int, Request]]) -> Request | None:
    """Take the first that has not been dropped."""
    while waiting:
        request = heapq.heappop(waiting)[2]
        if request.state is State.QUEUED:
            return request
    return None


def _came_after(msg_id: str) -> Reason:
    return Reason("Aborted", f"request {msg_id}, which it comes after, failed", is_abort=True)
