"""What is a waiter told when the kernel ends?"""

from __future__ import annotations

import signal
from typing import NamedTuple

from ..errors import DeadKernelError, KernelRestartedError
from .caught import caught_class

__all__ = ["Ending", "left", "restarted"]


class Ending(NamedTuple):
    """
    How a kernel ended.

    Attributes:
        exit_code: Of its process; negative: that signal; None: not known.
        stderr: The last that it wrote there.
        expected: It was shut down.
        reason: What happened, if there is more to say than the exit code.
    """

    exit_code: int | None = None
    stderr: str = ""
    expected: bool = False
    reason: str = ""

    def error(self) -> DeadKernelError:
        """Make the error for one request."""
        if self.expected:
            text = "the kernel was shut down before it answered; start one with km.start_kernel()"
        else:
            how = self.reason or f"the kernel process ended {_manner(self.exit_code)}"
            text = f"{how} before it answered; start it again with km.restart_kernel()"
        last = self.stderr.strip()
        if last and not self.expected:
            text = f"{text}. The last that it wrote on stderr:\n{last}"
        return caught_class(DeadKernelError)(
            text, exit_code=self.exit_code, stderr=self.stderr, expected=self.expected
        )


def left() -> Ending:
    """Describe the end of a kernel of which only that is known that it closed its connections."""
    return Ending(
        reason="the kernel closed its connections, did not come back, and is taken for dead"
    )


def restarted() -> KernelRestartedError:
    """Make the error for a request that a restart cut off."""
    return caught_class(KernelRestartedError)(
        "the kernel was restarted, and its predecessor had this request: it will not be answered; "
        "send it again"
    )


def _manner(exit_code: int | None) -> str:
    if exit_code is None:
        return "somehow"
    if exit_code >= 0:
        return f"with exit status {exit_code}"
    try:
        return f"by signal {-exit_code} ({signal.Signals(-exit_code).name})"
    except ValueError:
        return f"by signal {-exit_code}"
