"""Which cells does the kernel run, and which wait for it, in which order?"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from .cell_states import SHOWN, CellNews, CellState, next_state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .session_events import CellShown

__all__ = ["CellRun", "CellRuns"]

logger: Final = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class CellRun:
    """
    One run of a cell.

    Attributes:
        cell_id: The cell.
        msg_id: The request.
        source: What the cell had when it was queued.
        action: The sidecar's action.
        has_begun: Whether the kernel has begun with it.
    """

    cell_id: str
    msg_id: str
    source: str
    action: Any
    has_begun: bool = False


class CellRuns:
    """The runs of a notebook's cells that have not ended."""

    def __init__(self) -> None:
        self._runs: dict[str, CellRun] = {}  # by request, the oldest first
        self._states: dict[str, CellState] = {}  # of cells that are not idle

    def __iter__(self) -> Iterator[CellRun]:
        """Give the runs, the oldest first."""
        return iter(tuple(self._runs.values()))

    @property
    def cell_ids(self) -> list[str]:
        """Their cells: those that run first, then those that wait, in their order."""
        runs = sorted(self._runs.values(), key=lambda run: not run.has_begun)
        return [run.cell_id for run in runs]

    def find(self, msg_id: object) -> CellRun | None:
        """Give the run of a request; None if there is none, or it has ended."""
        return self._runs.get(msg_id) if isinstance(msg_id, str) else None

    def queued(self, cell_id: str) -> CellRun | None:
        """Give the run of a cell that waits; None if there is none."""
        return self._of(cell_id, has_begun=False)

    def running(self, cell_id: str) -> CellRun | None:
        """Give the run of a cell that the kernel has begun with; None if there is none."""
        return self._of(cell_id, has_begun=True)

    def state(self, cell_id: str) -> CellState:
        """Tell how a cell stands."""
        return self._states.get(cell_id, CellState.IDLE)

    def queue(self, run: CellRun) -> CellShown:
        """Let a run wait; gives how its cell stands."""
        self._runs[run.msg_id] = run
        return self._note(run.cell_id, CellNews.QUEUE)

    def begin(self, run: CellRun) -> CellShown:
        """Learn that the kernel has begun with it; gives how its cell stands."""
        run.has_begun = True
        return self._note(run.cell_id, CellNews.BEGIN)

    def end(self, run: CellRun) -> CellShown:
        """Learn that it has ended, or will never begin; gives how its cell stands."""
        del self._runs[run.msg_id]
        return self._note(run.cell_id, CellNews.END if run.has_begun else CellNews.DROP)

    def _of(self, cell_id: str, *, has_begun: bool) -> CellRun | None:
        if cell_id not in self._states:
            return None
        runs = self._runs.values()
        mine = (run for run in runs if run.cell_id == cell_id and run.has_begun is has_begun)
        return next(mine, None)

    def _note(self, cell_id: str, news: CellNews) -> CellShown:
        state = next_state(self.state(cell_id), news)
        if state is None:
            logger.error("cell %r is %s: %s", cell_id, self.state(cell_id).name, news.name)
            state = self.state(cell_id)
        if state is CellState.IDLE:
            self._states.pop(cell_id, None)
        else:
            self._states[cell_id] = state
        return SHOWN[state]
