"""
How do subshells come and go (JEP 91)?

A subshell is a thread with a loop of its own, whose cells run one after the other beside the main
shell's.
"""

from __future__ import annotations

import time
import uuid
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from .answers import error_content
from .request import Request, State

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .answers import Answers
    from .cells import Cell
    from .channels import Channels
    from .jobs import Jobs
    from .workers import Worker

__all__ = ["Subshells"]

UNTIL_ANSWERED: Final = 2  # seconds that a deletion waits for what runs there
LOOKS: Final = 0.002  # seconds between two looks whether it has ended


class Subshells:
    """The subshells; `workers` has their threads, by their ids. In the thread of the sockets."""

    def __init__(
        self,
        answers: Answers,
        channels: Channels,
        jobs: Jobs,
        workers: dict[str, Worker],
        make_worker: Callable[[str], Worker],
    ) -> None:
        self._answers = answers
        self._channels = channels
        self._jobs = jobs
        self._workers = workers
        self._make_worker = make_worker

    def create(self, _cell: Cell) -> dict[str, Any]:
        """Answer a `create_subshell_request`."""
        subshell_id = str(uuid.uuid4())
        worker = self._make_worker(f"subshell-{subshell_id}")
        self._workers[subshell_id] = worker
        worker.start()
        return {"status": "ok", "subshell_id": subshell_id}

    def list(self, _cell: Cell) -> dict[str, Any]:
        """Answer a `list_subshell_request`."""
        return {"status": "ok", "subshell_id": list(self._workers)}

    def delete(self, cell: Cell) -> dict[str, Any] | None:
        """Answer a `delete_subshell_request`, when the thread has ended."""
        subshell_id = cell.parent["content"].get("subshell_id")
        worker = self._workers.pop(subshell_id, None)
        if worker is None:
            return error_content("UnknownSubshellError", f"Unknown subshell_id {subshell_id!r}")
        ran = self._jobs.end_place(subshell_id, "its subshell was deleted")
        self._reply_when_ended(cell, worker, ran, time.monotonic() + UNTIL_ANSWERED)
        return None

    def _reply_when_ended(
        self, cell: Cell, worker: Worker, ran: Sequence[Request], deadline: float
    ) -> None:
        runs = any(request.state is not State.ENDED for request in ran)
        if not runs:
            worker.end()
        if worker.is_alive() and time.monotonic() < deadline:
            again = partial(self._reply_when_ended, cell, worker, ran, deadline)
            self._channels.call_later(LOOKS, again)
            return
        worker.end()
        self._answers.finish(cell, {"status": "ok"})
