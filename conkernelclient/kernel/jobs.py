"""
What becomes of the execute requests that have come?

The scheduler decides; here stand the lock around it, the cells that run, and what is said about
those that never will. From whichever thread something happens.
"""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from .answers import error_content
from .cells import Cell
from .modes import is_list_of_str
from .request import Ending, News, Request, State
from .scheduler import Decision, Dropped, Limits, Reason, Scheduler

if TYPE_CHECKING:
    from collections.abc import Callable

    from .answers import Answers
    from .channels import Channels
    from .stopper import Stopper

__all__ = ["Jobs"]

UNTIL_GIVEN_UP = 5  # seconds that a cancel waits for what it stops
LOOKS = 0.005  # seconds between two looks whether it has ended


class Jobs:
    """
    The execute requests.

    Args:
        begin: Runs a cell, where it belongs; its turn has come.

    Attributes:
        running: The cells that run, by the msg_ids of their requests.
        has_begun: Whether any cell has ever begun.
    """

    stopper: Stopper
    """Set when the kernel starts."""

    def __init__(
        self,
        answers: Answers,
        channels: Channels,
        limits: Limits,
        begin: Callable[[Cell], None],
    ) -> None:
        self._answers = answers
        self._channels = channels
        self._begin = begin
        self._scheduler = Scheduler(limits)
        self._lock = threading.RLock()  # a signal may come while it is held
        self.running: dict[str, Cell] = {}
        self.has_begun: bool = False

    def submit(self, cell: Cell, aborting: Cell | None = None) -> None:
        """Take a request, which is aborted if it stands in the lane of one that has failed."""
        if aborting is not None and aborting.request.aborts(cell.request):
            self._answers.refuse(cell, {"status": "aborted"})
            return
        with self._lock:
            decision = self._scheduler.submit(cell.request)
        self._carry_out(decision)

    def finish(self, cell: Cell, ending: Ending) -> None:
        """Note the end of a cell that ran, and let the next begin."""
        self._carry_out(self._finish(cell, ending))

    def _finish(self, cell: Cell, ending: Ending) -> Decision:
        self.running.pop(cell.request.msg_id, None)
        with self._lock:
            return self._scheduler.finish(cell.request, ending)

    def abort(self, failed: Cell) -> Callable[[], None]:
        """Drop what waits in the lane of a cell that failed; returns what tells of it."""
        with self._lock:
            decision = self._scheduler.abort(failed.request)
        return partial(self._carry_out, decision)

    def _carry_out(self, decision: Decision) -> None:
        decisions = [decision]
        for one in decisions:  # which grows, where a cell cannot begin
            for dropped in one.drop:
                self._tell_dropped(dropped)
            for request in one.start:
                cell: Cell = request.payload
                self.running[request.msg_id] = cell
                self.has_begun = True
                try:
                    self._begin(cell)
                except (OSError, RuntimeError) as error:  # of threads or files there are too many
                    self._answers.refuse(cell, error_content(type(error).__name__, str(error)))
                    decisions.append(self._finish(cell, Ending.ILL))

    def _tell_dropped(self, dropped: Dropped) -> None:
        reason = dropped.reason
        content = error_content(reason.ename, reason.evalue)
        if reason.is_abort:
            content["status"] = "aborted"
        self._answers.refuse(dropped.request.payload, content)

    # Stops

    def stop(self, cell: Cell, why: BaseException) -> None:
        """Stop a cell, if it runs."""
        with self._lock:
            if cell.request.state not in (State.RUNNING, State.STOPPING):
                return
            cell.request.note(News.STOP)
            cell.why = why
        self.stopper.stop(cell, why)

    def cancel(self, cell: Cell) -> dict[str, Any] | None:
        """Cancel what an interrupt request names; its reply comes when that has ended."""
        msg_ids: Any = cell.parent["content"]["msg_ids"]
        if not is_list_of_str(msg_ids):
            return error_content("BadOptionError", "msg_ids: give a list of msg_ids")
        outcomes = {msg_id: self._cancel_one(msg_id) for msg_id in msg_ids}
        self._reply_when_stopped(cell, outcomes, time.monotonic() + UNTIL_GIVEN_UP)
        return None

    def _cancel_one(self, msg_id: str) -> str:
        reason = Reason("Cancelled", "it was cancelled before its turn", is_abort=True)
        with self._lock:
            request = self._scheduler.get(msg_id)
            if request is None:
                return "unknown" if self._scheduler.ending(msg_id) is None else "ended"
            decision = self._scheduler.drop([request], reason)
        self._carry_out(decision)
        if decision.drop:
            return "dequeued"
        if request.payload.is_over:  # its reply may be seen before this is known here
            return "ended"
        self.stop(request.payload, KeyboardInterrupt("it was cancelled"))
        # Without a task its code has not begun, and now never does.
        return "dequeued" if request.payload.task is None else "interrupted"

    def _reply_when_stopped(self, cell: Cell, outcomes: dict[str, str], deadline: float) -> None:
        stopped = [msg_id for msg_id, found in outcomes.items() if found == "interrupted"]
        pending = [msg_id for msg_id in stopped if msg_id in self.running]
        if pending and time.monotonic() < deadline:
            again = partial(self._reply_when_stopped, cell, outcomes, deadline)
            self._channels.call_later(LOOKS, again)
            return
        outcomes |= dict.fromkeys(pending, "uncancellable")
        self._answers.finish(cell, {"status": "ok", "requests": outcomes})

    def end_place(self, place: str | None, why: str) -> list[Request]:
        """Drop what waits in a subshell or the main shell, and stop what runs there; what ran."""
        with self._lock:
            mine = [request for request in self._scheduler if request.place == place]
            decision = self._scheduler.drop(mine, Reason("Aborted", why, is_abort=True))
        self._carry_out(decision)
        run = [request for request in mine if request.state is not State.ENDED]
        for request in run:
            self.stop(request.payload, KeyboardInterrupt(why))
        return run

    def list(self) -> list[dict[str, Any]]:
        """Give what waits and what runs, in the order of arrival."""
        with self._lock:
            requests = sorted(self._scheduler, key=lambda it: it.number)
        return [
            {
                "msg_id": it.msg_id,
                "state": it.state.name.lower(),
                "mode": str(it.options.mode),
                "lane": it.options.lane,
                "subshell_id": it.place,
                "priority": it.options.priority,
                "after": sorted(it.waits_for),
            }
            for it in requests
        ]
