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
        # By what they come after, then by their own msg_ids.
        self._waiters: dict[str, dict[str, Request]] = {}
        self._lanes: dict[tuple[str | None, str], _Lane] = {}
        self._beside = _Line()  # tasks and threads over the limit
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
        self._ended.pop(request.msg_id, None)
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
                self._waiters.setdefault(msg_id, {})[request.msg_id] = request
        else:
            self._queue(request)
            self._start_all([request], decision)
        return decision

    def finish(self, request: Request, ending: Ending) -> Decision:
        """
        Note that a request which ran has ended.

        Raises KeyError if it did not run.
        """
        request.note(News.END)
        decision = Decision()
        if request.is_queued_in_lane:
            self._lanes[request.lane].running = None
        else:
            self._running_beside -= 1
        self._remember(request, ending)
        released = self._release(request, ending, decision)
        self._start_all([request, *released], decision)
        return decision

    def abort(self, failed: Request) -> Decision:
        """Drop what waits in the lane of a request that failed."""
        decision = Decision()
        lane = self._lanes.get(failed.lane) if failed.is_queued_in_lane else None
        if lane is not None:
            reason = Reason("Aborted", f"request {failed.msg_id} before it failed", is_abort=True)
            for request in lane.waiting.requests():
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

    def _queue(self, request: Request) -> None:
        request.note(News.QUEUE)
        self._line_of(request).push(request)

    def _line_of(self, request: Request) -> _Line:
        if not request.is_queued_in_lane:
            return self._beside
        return self._lanes.setdefault(request.lane, _Lane()).waiting

    def _start_all(self, changed: list[Request], decision: Decision) -> None:
        """Start what may run where these have ended or are queued now."""
        for key in dict.fromkeys(it.lane for it in changed if it.is_queued_in_lane):
            self._start_in(key, decision)
        self._start_beside(decision)

    def _start_in(self, key: tuple[str | None, str], decision: Decision) -> None:
        lane = self._lanes[key]
        if lane.running is not None:
            return
        request = lane.waiting.pop()
        if request is None:
            del self._lanes[key]
            return
        lane.running = request
        self._start(request, decision)

    def _start_beside(self, decision: Decision) -> None:
        most = self.limits.running
        while most is None or self._running_beside < most:
            request = self._beside.pop()
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
            was = one.state
            one.note(News.DROP)
            if was is State.QUEUED:
                self._line_of(one).forget_one()
            if was is not State.NEW:
                self._waiting -= 1
            self._stop_waiting(one)
            decision.drop.append(Dropped(one, why))
            self._remember(one, Ending.ILL)
            after = reversed(self._waiters.pop(one.msg_id, {}).values())
            to_drop += [(waiter, _came_after(one.msg_id)) for waiter in after]

    def _stop_waiting(self, request: Request) -> None:
        for msg_id in request.waits_for:
            waiters = self._waiters.get(msg_id)
            if waiters is None:  # it has just ended
                continue
            del waiters[request.msg_id]
            if not waiters:
                del self._waiters[msg_id]
        request.waits_for.clear()

    def _release(self, ended: Request, ending: Ending, decision: Decision) -> list[Request]:
        """Tell those that come after a request which ran; the ones that are queued now."""
        released: list[Request] = []
        for waiter in self._waiters.pop(ended.msg_id, {}).values():
            if ending is Ending.ILL:
                self._drop(waiter, _came_after(ended.msg_id), decision)
                continue
            waiter.waits_for.discard(ended.msg_id)
            if not waiter.waits_for:
                self._queue(waiter)
                released.append(waiter)
        return released

    def _remember(self, request: Request, ending: Ending) -> None:
        del self._open[request.msg_id]
        self._ended[request.msg_id] = ending
        if len(self._ended) > REMEMBERED:
            self._ended.popitem(last=False)


class _Line:
    """Requests in the order of their ranks; at most half of what it keeps was dropped."""

    __slots__ = ("_dropped", "_heap")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Request]] = []
        self._dropped = 0

    def push(self, request: Request) -> None:
        heapq.heappush(self._heap, (*request.rank, request))

    def pop(self) -> Request | None:
        """Take the first that has not been dropped."""
        while self._heap:
            request = heapq.heappop(self._heap)[2]
            if request.state is State.QUEUED:
                return request
            self._dropped -= 1
        return None

    def forget_one(self) -> None:
        """Note that one of them was dropped."""
        self._dropped += 1
        if self._dropped * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].state is State.QUEUED]
            heapq.heapify(self._heap)
            self._dropped = 0

    def requests(self) -> list[Request]:
        """Give all that have not been dropped, in order."""
        return [it for *_rank, it in sorted(self._heap) if it.state is State.QUEUED]


class _Lane:
    """One at a time."""

    __slots__ = ("running", "waiting")

    def __init__(self) -> None:
        self.running: Request | None = None
        self.waiting = _Line()


def _came_after(msg_id: str) -> Reason:
    return Reason("Aborted", f"request {msg_id}, which it comes after, failed", is_abort=True)
