"""
Where does a comm stand, and what becomes of it by what happens to it?

A comm that the client opened is on its way until the kernel has handled its `comm_open`. The kernel
refuses one by a `comm_close` before that. Source: Jupyter messaging 5.5, "Custom Messages".
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["IS_OPEN", "TRANSITIONS", "CommNews", "CommState"]


class CommState(Enum):
    """Where a comm stands, as far as one client knows."""

    OPENING = auto()
    """We opened it, and the kernel has not handled that yet."""
    OPEN = auto()
    REFUSED = auto()
    """The kernel closed it in answer to its opening."""
    CLOSED = auto()
    """One of the two sides closed it."""
    LOST = auto()
    """Its kernel is gone, or our channels were closed."""


class CommNews(Enum):
    """What happens to a comm."""

    HANDLED = auto()
    """The kernel is idle after its opening, and had not closed it before."""
    CLOSED_THERE = auto()
    """The kernel closed it."""
    CLOSED_HERE = auto()
    """We closed it."""
    LOST = auto()
    """The kernel is gone, or our channels are."""


S = CommState
# fmt: off
_COLUMNS: Final = (
                 CommNews.HANDLED, CommNews.CLOSED_THERE, CommNews.CLOSED_HERE, CommNews.LOST)
_ROWS: Final[Mapping[CommState, tuple[CommState, ...]]] = {
    S.OPENING:  (S.OPEN,           S.REFUSED,             S.CLOSED,             S.LOST),
    S.OPEN:     (S.OPEN,           S.CLOSED,              S.CLOSED,             S.LOST),
    S.REFUSED:  (S.REFUSED,        S.REFUSED,             S.REFUSED,            S.REFUSED),
    S.CLOSED:   (S.CLOSED,         S.CLOSED,              S.CLOSED,             S.CLOSED),
    S.LOST:     (S.LOST,           S.LOST,                S.LOST,               S.LOST),
}
# fmt: on

TRANSITIONS: Final[Mapping[tuple[CommState, CommNews], CommState]] = {
    (state, news): to
    for state, row in _ROWS.items()
    for news, to in zip(_COLUMNS, row, strict=True)
}

IS_OPEN: Final = frozenset({CommState.OPENING, CommState.OPEN})
"""It can send."""
