"""
Where does an action stand?

From its making to the moment when its handlers have seen all of it. `TRANSITIONS` has every pair
that can happen; this module only decides.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["STATUSES", "TRANSITIONS", "ActionNews", "ActionState", "ActionStatus", "next_state"]

ActionStatus: TypeAlias = Literal["waiting", "sent", "running", "done"]


class ActionState(Enum):
    """Where an action stands."""

    WAITING = auto()
    """It was not sent."""
    SENT = auto()
    RUNNING = auto()
    """The kernel said busy."""
    ANSWERED = auto()
    """Idle and the reply are in, or it was given up; its handlers have not seen all of it yet."""
    DONE = auto()


class ActionNews(Enum):
    """What happens to an action."""

    SEND = auto()
    BUSY = auto()
    """A handler was shown the kernel's busy."""
    ANSWER = auto()
    """Idle and the reply are in, or they will not come."""
    SEEN = auto()
    """Its handlers have seen all of it, also that it is complete."""


S = ActionState
# fmt: off
_COLUMNS: Final = (ActionNews.SEND, ActionNews.BUSY, ActionNews.ANSWER, ActionNews.SEEN)
_ROWS: Final[Mapping[ActionState, tuple[ActionState | None, ...]]] = {
    S.WAITING:  (S.SENT,           None,            S.ANSWERED,         None),
    S.SENT:     (None,             S.RUNNING,       S.ANSWERED,         None),
    S.RUNNING:  (None,             S.RUNNING,       S.ANSWERED,         None),
    S.ANSWERED: (None,             S.ANSWERED,      None,               S.DONE),
    S.DONE:     (None,             S.DONE,          None,               None),
}
# fmt: on

# A pair that is missing cannot happen: an error in a test, and logged in use.
TRANSITIONS: Final[Mapping[tuple[ActionState, ActionNews], ActionState]] = {
    (state, news): to
    for state, row in _ROWS.items()
    for news, to in zip(_COLUMNS, row, strict=True)
    if to is not None
}

# What a program is told: that its handlers lag behind is no news of the kernel.
STATUSES: Final[Mapping[ActionState, ActionStatus]] = {
    S.WAITING: "waiting",
    S.SENT: "sent",
    S.RUNNING: "running",
    S.ANSWERED: "running",
    S.DONE: "done",
}


def next_state(state: ActionState, news: ActionNews) -> ActionState | None:
    """Give what `news` make of `state`; None if that cannot happen."""
    return TRANSITIONS.get((state, news))
