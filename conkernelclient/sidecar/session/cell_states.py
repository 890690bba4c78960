"""
How does a cell stand: does it wait for the kernel, run, or neither?

One that runs may be queued again. `TRANSITIONS` has every pair that can happen; this module only
decides.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .session_events import CellShown

__all__ = ["SHOWN", "TRANSITIONS", "CellNews", "CellState", "next_state"]


class CellState(Enum):
    """How a cell stands."""

    IDLE = auto()
    QUEUED = auto()
    """It was not sent, or the kernel has not begun with it."""
    RUNNING = auto()
    RUNNING_AND_QUEUED = auto()
    """It runs, and is to run again."""


class CellNews(Enum):
    """What happens to a cell."""

    QUEUE = auto()
    """It is to run."""
    BEGIN = auto()
    """The kernel has begun with what was queued."""
    END = auto()
    """What runs has ended."""
    DROP = auto()
    """What was queued has ended without having begun: cancelled, aborted, refused."""


S = CellState
# fmt: off
_COLUMNS: Final = (CellNews.QUEUE, CellNews.BEGIN, CellNews.END, CellNews.DROP)
_ROWS: Final[Mapping[CellState, tuple[CellState | None, ...]]] = {
    S.IDLE:               (S.QUEUED,             None,      None,     None),
    S.QUEUED:             (None,                 S.RUNNING, None,     S.IDLE),
    S.RUNNING:            (S.RUNNING_AND_QUEUED, None,      S.IDLE,   None),
    S.RUNNING_AND_QUEUED: (None,                 None,      S.QUEUED, S.RUNNING),
}
# fmt: on

# A pair that is missing cannot happen: an error in a test, and logged in use.
TRANSITIONS: Final[Mapping[tuple[CellState, CellNews], CellState]] = {
    (state, news): to
    for state, row in _ROWS.items()
    for news, to in zip(_COLUMNS, row, strict=True)
    if to is not None
}

# What front ends are told.
SHOWN: Final[Mapping[CellState, CellShown]] = {
    S.IDLE: "idle",
    S.QUEUED: "queued",
    S.RUNNING: "running",
    S.RUNNING_AND_QUEUED: "running",
}


def next_state(state: CellState, news: CellNews) -> CellState | None:
    """Give what `news` make of `state`; None if that cannot happen."""
    return TRANSITIONS.get((state, news))
