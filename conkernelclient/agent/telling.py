"""What is the result of a call, and what does it tell of the kernel?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from conkernelclient.events import ErrorOutput

from . import words
from .results import SessionResult
from .states import CallState

if TYPE_CHECKING:
    from conkernelclient.errors import ConKernelError

    from .attending import Outcome
    from .calls import Call
    from .lives import Life

__all__ = ["interrupted", "lost", "no_kernel", "not_run", "not_sent", "plain", "stuck"]

STATUSES: Final = {CallState.TIMED_OUT: "timeout", CallState.CANCELLED: "cancelled"}


def plain(call: Call, outcome: Outcome, notes: list[str], **changes: Any) -> SessionResult:
    """
    Make the result of a call that has ended.

    Args:
        call: The call.
        outcome: How its run ended.
        notes: What a model should know beside the outputs.
        changes: Other fields.
    """
    if call.state in STATUSES:
        changes["status"] = STATUSES[call.state]
    changes["still_running"] = False  # either it has ended, or its kernel has
    return SessionResult.of(outcome.result, call.id, notes=tuple(notes), **changes)


def interrupted(call: Call) -> str:
    """Tell that a call was ended by an interrupt, and why."""
    return f"{_why(call)} and was interrupted; variables are kept"


def stuck(call: Call, *, has_setup: bool) -> str:
    """Tell that a call swallowed its interrupts, and that its kernel had to go."""
    return words.not_stopped(_why(call), has_setup)


def lost(life: Life, end: str) -> ErrorOutput:
    """Make the error of a call under which its kernel ended."""
    said = words.shortened(life.last_words.strip(), words.SAID)
    text = f"{end} while this ran"
    return ErrorOutput("KernelEnded", f"{text}\n{said}" if said else text, [])


def no_kernel(call: Call, error: Exception) -> SessionResult:
    """Make the result of a call for which no kernel could be had."""
    return SessionResult.without_run(
        call.code, call.id, is_lost=True, error=ErrorOutput("NoKernel", str(error), [])
    )


def not_sent(call: Call, error: ConKernelError) -> SessionResult:
    """Make the result of a call whose code cannot be sent, such as what is no text."""
    return SessionResult.without_run(
        call.code, call.id, error=ErrorOutput("NotRun", str(error), [])
    )


def not_run(call: Call, holder: Call | None, *, is_closed: bool) -> SessionResult:
    """
    Make the result of a call that had no turn.

    Args:
        call: The call.
        holder: Whose turn it was meanwhile.
        is_closed: Whether the session is closed.
    """
    limit = call.timeout or 0
    status = "cancelled"
    if is_closed:
        note = words.CLOSED
    elif call.state is not CallState.WITHDRAWN:
        note = "cancelled before it ran"
    else:
        status = "timeout"
        is_held = holder is not None and holder is not call
        note = words.held_up(limit, holder.name if is_held and holder else "another call")
    return SessionResult.without_run(call.code, call.id, status=status, notes=(note,))


def _why(call: Call) -> str:
    is_late = call.state in (CallState.OVERDUE, CallState.TIMED_OUT)
    return f"timed out after {call.timeout or 0:g} s" if is_late else "was cancelled"
