"""
Where does a request stand, in the kernel?

What happens to it is one of a few news; `TRANSITIONS` has every pair of state and news that can
be. A pair that is missing is an error.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, auto
from typing import TYPE_CHECKING, Any, Final

from .modes import Options, RunMode

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["TRANSITIONS", "Ending", "News", "Request", "State"]


class State(IntEnum):
    """How a request stands."""

    NEW = auto()
    """The kernel has read it."""
    HELD = auto()
    """It waits for the requests that it comes after."""
    QUEUED = auto()
    """It waits for its turn."""
    RUNNING = auto()
    """Its code runs."""
    STOPPING = auto()
    """Its code runs, and was told to stop."""
    ENDED = auto()
    """It was answered, and its status is idle."""


class News(IntEnum):
    """What happens to a request."""

    HOLD = auto()
    """It comes after others that have not ended."""
    QUEUE = auto()
    """All that it comes after has ended well."""
    START = auto()
    """It is its turn."""
    STOP = auto()
    """It is cancelled, interrupted, or its time is over."""
    END = auto()
    """Its code has ended."""
    DROP = auto()
    """It will not run: it was cancelled, aborted or refused before its turn."""


_S, _N = State, News

TRANSITIONS: Final[Mapping[tuple[State, News], State]] = {
    (_S.NEW, _N.HOLD): _S.HELD,
    (_S.NEW, _N.QUEUE): _S.QUEUED,
    (_S.NEW, _N.DROP): _S.ENDED,
    (_S.HELD, _N.QUEUE): _S.QUEUED,
    (_S.HELD, _N.DROP): _S.ENDED,
    (_S.QUEUED, _N.START): _S.RUNNING,
    (_S.QUEUED, _N.DROP): _S.ENDED,
    (_S.RUNNING, _N.STOP): _S.STOPPING,
    (_S.RUNNING, _N.END): _S.ENDED,
    # A second stop is a firmer one.
    (_S.STOPPING, _N.STOP): _S.STOPPING,
    (_S.STOPPING, _N.END): _S.ENDED,
    # It was told to stop as it ended.
    (_S.ENDED, _N.STOP): _S.ENDED,
}


class Ending(IntEnum):
    """How a request ended, for those that come after it."""

    WELL = auto()
    ILL = auto()


@dataclass(slots=True, eq=False)
class Request:
    """
    One request, as the scheduler sees it.

    Attributes:
        msg_id: Its message's id.
        options: What it wants.
        place: Where its lane is: a subshell's id, or None for the main shell.
        stop_on_error: Whether its error aborts what waits in its lane.
        payload: What runs it; the scheduler never looks inside.
        state: Changed by `note` alone.
        number: The place in the order of arrival.
        waits_for: The msg_ids that have not ended, of those that it comes after.
    """

    msg_id: str
    options: Options = field(default_factory=Options)
    place: str | None = None
    stop_on_error: bool = True
    payload: Any = None
    state: State = State.NEW
    number: int = 0
    waits_for: set[str] = field(default_factory=set[str])

    def note(self, news: News) -> None:
        """Take news. Raises KeyError for news that cannot be in this state."""
        self.state = TRANSITIONS[self.state, news]

    @property
    def lane(self) -> tuple[str | None, str]:
        """The lane in which it queues. Tasks and threads have none."""
        return self.place, self.options.lane

    @property
    def is_queued_in_lane(self) -> bool:
        """Whether it runs one at a time with others."""
        return self.options.mode is RunMode.QUEUE

    def aborts(self, other: Request) -> bool:
        """Whether the error of this one aborts another that waits."""
        both = self.is_queued_in_lane and other.is_queued_in_lane
        return both and self.lane == other.lane

    @property
    def rank(self) -> tuple[int, int]:
        """The order of those that wait: by priority, then by arrival."""
        return -self.options.priority, self.number
