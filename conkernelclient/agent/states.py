"""
How do a session and its calls stand?

What happens to either is one of a few news; the two tables have every pair of state and news that
can come. A pair that is missing is an error.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CALL_TRANSITIONS",
    "ENDED",
    "SESSION_TRANSITIONS",
    "CallNews",
    "CallState",
    "SessionNews",
    "SessionState",
]


class SessionState(Enum):
    """How a session stands."""

    NEW = auto()
    """It was not opened yet."""
    STARTING = auto()
    """A kernel's process is made, and is waited for."""
    PREPARING = auto()
    """The kernel is there, and runs the set-up cells."""
    READY = auto()
    """Calls may run."""
    LOST = auto()
    """Its kernel is gone, and with it all variables; the next call gets another kernel."""
    CLOSED = auto()
    """It is over; there is no kernel."""


class SessionNews(Enum):
    """What happens to a session."""

    START = auto()
    """A kernel is to be started."""
    STARTED = auto()
    """The kernel answers."""
    PREPARED = auto()
    """The set-up cells have been run."""
    LOSE = auto()
    """The kernel ended, could not be started, or was ended since nothing else helped."""
    CLOSE = auto()
    """The program is done with it."""


_S, _N = SessionState, SessionNews

SESSION_TRANSITIONS: Final[Mapping[tuple[SessionState, SessionNews], SessionState]] = {
    (_S.NEW, _N.START): _S.STARTING,
    (_S.NEW, _N.CLOSE): _S.CLOSED,
    (_S.STARTING, _N.STARTED): _S.PREPARING,
    (_S.STARTING, _N.LOSE): _S.LOST,
    (_S.STARTING, _N.CLOSE): _S.CLOSED,
    (_S.PREPARING, _N.PREPARED): _S.READY,
    (_S.PREPARING, _N.LOSE): _S.LOST,
    (_S.PREPARING, _N.CLOSE): _S.CLOSED,
    (_S.READY, _N.LOSE): _S.LOST,
    (_S.READY, _N.CLOSE): _S.CLOSED,
    (_S.LOST, _N.START): _S.STARTING,
    (_S.LOST, _N.LOSE): _S.LOST,  # several are told of one end
    (_S.LOST, _N.CLOSE): _S.CLOSED,
    # What was under way when it was closed comes to its end.
    (_S.CLOSED, _N.STARTED): _S.CLOSED,
    (_S.CLOSED, _N.PREPARED): _S.CLOSED,
    (_S.CLOSED, _N.LOSE): _S.CLOSED,
    (_S.CLOSED, _N.CLOSE): _S.CLOSED,
}


class CallState(Enum):
    """How a call stands."""

    WAITING = auto()
    """Calls before it, or the start of a kernel, hold it up."""
    RUNNING = auto()
    """The kernel has its code."""
    OVERDUE = auto()
    """Its time is over; what an interrupt makes of it is waited for."""
    CANCELLING = auto()
    """Its caller gave it up; the same."""
    WITHDRAWN = auto()
    """It did not run: its time was over before its turn came."""
    DROPPED = auto()
    """It did not run: its caller gave it up, or there was no kernel to be had."""
    DONE = auto()
    """The kernel has finished with it, or has ended under it."""
    TIMED_OUT = auto()
    """It was ended since its time was over."""
    CANCELLED = auto()
    """It was ended since its caller gave it up."""


class CallNews(Enum):
    """What happens to a call."""

    BEGIN = auto()
    """Its code is sent to the kernel."""
    TIME_OVER = auto()
    """Its `timeout` has passed."""
    CANCEL = auto()
    """Its caller gives it up."""
    END = auto()
    """Nothing of it runs any more."""


_C, _M = CallState, CallNews

CALL_TRANSITIONS: Final[Mapping[tuple[CallState, CallNews], CallState]] = {
    (_C.WAITING, _M.BEGIN): _C.RUNNING,
    (_C.WAITING, _M.TIME_OVER): _C.WITHDRAWN,
    (_C.WAITING, _M.CANCEL): _C.DROPPED,
    (_C.WAITING, _M.END): _C.DROPPED,
    (_C.RUNNING, _M.TIME_OVER): _C.OVERDUE,
    (_C.RUNNING, _M.CANCEL): _C.CANCELLING,
    (_C.RUNNING, _M.END): _C.DONE,
    (_C.OVERDUE, _M.CANCEL): _C.OVERDUE,
    (_C.OVERDUE, _M.END): _C.TIMED_OUT,
    (_C.CANCELLING, _M.CANCEL): _C.CANCELLING,
    (_C.CANCELLING, _M.END): _C.CANCELLED,
    # How it ended stays so.
    (_C.WITHDRAWN, _M.CANCEL): _C.WITHDRAWN,
    (_C.WITHDRAWN, _M.END): _C.WITHDRAWN,
    (_C.DROPPED, _M.CANCEL): _C.DROPPED,
    (_C.DROPPED, _M.END): _C.DROPPED,
    (_C.DONE, _M.CANCEL): _C.DONE,
    (_C.TIMED_OUT, _M.CANCEL): _C.TIMED_OUT,
    (_C.CANCELLED, _M.CANCEL): _C.CANCELLED,
}

# States in which no kernel has anything of the call.
ENDED: Final = frozenset({_C.WITHDRAWN, _C.DROPPED, _C.DONE, _C.TIMED_OUT, _C.CANCELLED})
