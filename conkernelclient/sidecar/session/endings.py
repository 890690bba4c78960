"""How has a run of a cell ended, in one word, and what does its cell show if it never began?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from conkernelclient.errors import ConKernelError, DeadKernelError, KernelRestartedError
from conkernelclient.outputs.result import Result

if TYPE_CHECKING:
    from ..actions.action import Action

__all__ = ["outputs_of_unsent", "status_of"]


def status_of(action: Action[Result]) -> str:
    """Give the status of an action that has ended; see `CellStateChanged`."""
    match action.error:
        case None:
            outcome = action.outcome
            if not isinstance(outcome, Result):
                return "failed"
            is_refused = outcome.status == "error" and not action.is_sent
            return "refused" if is_refused else outcome.status
        case asyncio.CancelledError():
            return "cancelled"
        case KernelRestartedError():
            return "restarted"
        case DeadKernelError():
            return "dead"
        case _:
            return "failed"


def outputs_of_unsent(action: Action[Result]) -> list[dict[str, Any]] | None:
    """
    Give what the cell of an action that was not sent is to show.

    Returns:
        An error: why it was refused, or what a hook of ours raised. None: what it shows now.
    """
    if action.is_sent:
        return None
    error = action.error
    if error is None:
        outcome = action.outcome
        return outcome.outputs if isinstance(outcome, Result) and outcome.outputs else None
    if isinstance(error, (ConKernelError, asyncio.CancelledError)):
        return None
    name, text = type(error).__name__, str(error)
    lines = [f"{name}: {text}"]
    return [{"output_type": "error", "ename": name, "evalue": text, "traceback": lines}]
