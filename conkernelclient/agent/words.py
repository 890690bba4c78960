"""
What is a model told, beside what its code showed?

Each text says what is the case and what the model can do about it. None names anything that only a
program can use.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Final

from conkernelclient.errors import DeadKernelError

if TYPE_CHECKING:
    from collections.abc import Callable

    from conkernelclient.errors import ConKernelError

__all__ = [
    "BUSY",
    "CLOSED",
    "EXITED",
    "HAS_ENDED",
    "NOTHING_SHOWN",
    "behind",
    "end_of",
    "ended_by",
    "fresh",
    "held_up",
    "left",
    "left_out",
    "lost",
    "not_stopped",
    "setup_failed",
    "shortened",
    "still_running",
]

FIRST_LINE: Final = 60  # characters
SAID: Final = 600  # characters of what the kernel wrote last

NOTHING_SHOWN: Final = "[the code ran and showed nothing]"
HAS_ENDED: Final = "[{} has ended and showed nothing more]"
CLOSED: Final = "the session is closed; nothing can be run any more"
EXITED: Final = "exit() ended the kernel"
BUSY: Final = "the kernel is busy with {}"
KILLED: Final = "SIGKILL (which is often for want of memory)"


def shortened(text: str, max_chars: int) -> str:
    """Give `text`, cut in its middle if it is longer."""
    if len(text) <= max_chars:
        return text
    half = max_chars // 2
    return f"{text[:half]}\n...\n{text[-half:]}"


def behind(run_id: str, code: str) -> str:
    """Name a call by its id and its first line."""
    line = next((line.strip() for line in code.splitlines() if line.strip()), "")
    if len(line) > FIRST_LINE:
        line = line[: FIRST_LINE - 1] + "…"
    return f"{run_id} ({line})"


def ended_by(exit_code: int | None, cause: str | None = None) -> str:
    """
    Say how the kernel ended.

    Args:
        exit_code: Of its process; negative: that signal; None: it is not known.
        cause: A better word for it.
    """
    if cause is not None:
        return f"the kernel was ended: {cause}"
    if exit_code is None:
        return "the kernel is gone"
    if exit_code >= 0:
        return f"the kernel ended with exit status {exit_code}"
    number = -exit_code
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    return f"the kernel was ended by {KILLED if name == 'SIGKILL' else name}"


def end_of(error: ConKernelError, cause: Callable[[int | None], str | None]) -> str:
    """
    Say how a kernel ended, of which a run's `error` tells.

    Args:
        error: With which the run ended.
        cause: Gives a better word for the end by a signal, or None.
    """
    if isinstance(error, DeadKernelError):
        return ended_by(error.exit_code, cause(error.signal))
    return "the connection to the kernel is lost"


def lost(has_setup: bool) -> str:
    """Say what the end of a kernel means for the call that was hit, and for the next one."""
    setup = ", in which the set-up is run again" if has_setup else ""
    return f"all variables are gone; the next call gets a fresh kernel{setup}"


def left(has_setup: bool) -> str:
    """Say that the call ended the kernel by `exit()`."""
    return f"{EXITED}: {lost(has_setup)}"


def fresh(reason: str, has_setup: bool) -> str:
    """Say that this call ran in a kernel without the variables of earlier ones."""
    setup = "; the set-up was run again" if has_setup else ""
    return f"this ran in a fresh kernel, since {reason}: variables of earlier calls are gone{setup}"


def not_stopped(why: str, has_setup: bool) -> str:
    """Say that a call swallowed its interrupts."""
    return f"{why}, and did not stop when interrupted, so the kernel was ended: {lost(has_setup)}"


def still_running(run_id: str, seconds: float) -> str:
    """Say that a call goes on in the background."""
    return f"{run_id} still runs, {seconds:.3g} s so far; poll it, wait for it, or interrupt it"


def held_up(seconds: float, holder: str) -> str:
    """Say that a call did not run, since another one holds the kernel."""
    return (
        f"not run: for {seconds:g} s {holder} held the kernel. Poll it, interrupt it, or call again"
    )


def setup_failed(number: int, count: int, error: str) -> str:
    """Say that a set-up cell raised."""
    return f"set-up cell {number} of {count} failed, and what it defines is missing: {error}"


def left_out(number: int, count: int, why: str) -> str:
    """Say that a set-up cell cannot be run."""
    return f"set-up cell {number} of {count} is left out from now on, since {why}"
