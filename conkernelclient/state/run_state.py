"""
How does a run stand for its caller?

What happens to it is one of a few news; `TRANSITIONS` has every pair of state and news. The
router knows what the kernel does with it meanwhile: a run whose caller has its answer may go on.
"""

from __future__ import annotations

from enum import IntEnum, auto
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["TRANSITIONS", "RunNews", "RunState"]


class RunState(IntEnum):
    """How a run stands."""

    OPEN = auto()
    """Its caller waits."""
    SETTLING = auto()
    """Its time is over; the caller waits for what an interrupt or a restart makes of it."""
    ANSWERED = auto()
    """The kernel has finished with it."""
    TIMED_OUT = auto()
    """Its time is over, and its caller was told."""
    CANCELLED = auto()
    """Its caller gave it up."""
    FAILED = auto()
    """It ended with an error of ours, such as the kernel's death."""


class RunNews(IntEnum):
    """What happens to a run."""

    FINISHED = auto()
    """The kernel has finished with it."""
    TIMEOUT = auto()
    """`timeout` seconds have passed since the kernel began."""
    START_TIMEOUT = auto()
    """`start_timeout` seconds have passed, and the kernel has not begun."""
    PATIENCE_OVER = auto()
    """What was done about a timeout has not ended it in time."""
    CANCEL = auto()
    """Its caller cancels it."""
    FAIL = auto()
    """It cannot be answered."""
    RESTARTED = auto()
    """The kernel was restarted, as its timeout asked for."""


# IntEnums: their hashes are those of integers, and not computed.
_S, _N = RunState, RunNews

TRANSITIONS: Final[Mapping[tuple[RunState, RunNews], RunState]] = {
    (_S.OPEN, _N.FINISHED): _S.ANSWERED,
    (_S.OPEN, _N.TIMEOUT): _S.SETTLING,
    (_S.OPEN, _N.START_TIMEOUT): _S.TIMED_OUT,
    (_S.OPEN, _N.CANCEL): _S.CANCELLED,
    (_S.OPEN, _N.FAIL): _S.FAILED,
    (_S.SETTLING, _N.FINISHED): _S.TIMED_OUT,
    (_S.SETTLING, _N.PATIENCE_OVER): _S.TIMED_OUT,
    (_S.SETTLING, _N.CANCEL): _S.CANCELLED,
    (_S.SETTLING, _N.FAIL): _S.FAILED,
    (_S.SETTLING, _N.RESTARTED): _S.TIMED_OUT,
    # Its caller knows how it ended, and that stays so, whatever becomes of it in the kernel.
    (_S.ANSWERED, _N.CANCEL): _S.ANSWERED,
    (_S.ANSWERED, _N.FAIL): _S.ANSWERED,
    (_S.TIMED_OUT, _N.FINISHED): _S.TIMED_OUT,
    (_S.TIMED_OUT, _N.CANCEL): _S.TIMED_OUT,
    (_S.TIMED_OUT, _N.FAIL): _S.TIMED_OUT,
    (_S.TIMED_OUT, _N.RESTARTED): _S.TIMED_OUT,
    (_S.CANCELLED, _N.FINISHED): _S.CANCELLED,
    (_S.CANCELLED, _N.CANCEL): _S.CANCELLED,
    (_S.CANCELLED, _N.FAIL): _S.CANCELLED,
    (_S.FAILED, _N.FINISHED): _S.FAILED,
    (_S.FAILED, _N.CANCEL): _S.FAILED,
    (_S.FAILED, _N.FAIL): _S.FAILED,
}
