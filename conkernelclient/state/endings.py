"""What is a waiter told when the kernel ends?"""

from __future__ import annotations

import signal
from typing import NamedTuple

from ..errors import (
    ChannelsClosedError,
    DeadKernelError,
    KernelRestartedError,
    ReplyTimeout,
    TransportError,
)
from .caught import caught_class

__all__ = [
    "Ending",
    "closed",
    "cut_off",
    "in_brief",
    "lost_reply",
    "no_idle",
    "restarted",
    "unpublished",
    "vanished",
]


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


def in_brief(error: BaseException) -> str:
    """
    Say what ended a run to whom no method of ours is at hand, as a model: without advice.

    Of an error that is not made here it gives what stands before the first semicolon.
    """
    match error:
        case KernelRestartedError():
            return "the kernel was restarted while this ran: its variables are lost"
        case DeadKernelError(expected=True):
            return "the kernel was shut down while this ran: its variables are lost"
        case DeadKernelError():
            how = "" if error.exit_code is None else f" {_manner(error.exit_code)}"
            last = error.stderr.strip()
            last = f". The last that it wrote on stderr:\n{last}" if last else ""
            return f"the kernel ended{how} while this ran: its variables are lost{last}"
        case ChannelsClosedError():
            return "the connection to the kernel was closed before this had ended"
        case _:
            return str(error).partition(";")[0]


def vanished() -> Ending:
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


def lost_reply(msg_id: str) -> ReplyTimeout:
    """Make the error of a caller that was promised a reply which will not come."""
    return ReplyTimeout(
        f"the kernel is idle, and its reply to {msg_id} will not come: it has carried out a "
        "later request of this shell. An interrupt, from whomever, may have cost the reply, or the "
        "kernel sent none; what the code did is done, and run() would give what it had shown",
        msg_id=msg_id,
    )


def no_idle(seconds: float, *, publishes: bool) -> TransportError:
    """Make the error of an owner that has waited `seconds` for an idle which will not come."""
    seen = (
        "publishes, but never that it is idle"
        if publishes
        else f"publishes nothing, not even its status, for {seconds:g} s"
    )
    return TransportError(
        f"the kernel has replied to this request and to a later one, but {seen}; what had come is "
        "in the error's result. Restart the kernel, or, if it is always so, send the code by "
        "execute(reply=True)"
    )


def unpublished() -> TransportError:
    """Make the error of a run that was answered as done, and of which nothing was published."""
    return TransportError(
        "the kernel replied that it has finished, but nothing that it published for this run came: "
        "no busy, no idle, no output. What it showed is not known; do not run it again unless it "
        "may run twice"
    )


def cut_off() -> TransportError:
    """Make the error for a request whose answer was lost with the connection."""
    return TransportError(
        "the connection to the kernel was cut, and the answer was lost with it; the kernel may "
        "have done what was asked"
    )


def closed() -> ChannelsClosedError:
    """Make the error for a request whose channels were stopped."""
    return ChannelsClosedError(
        "the channels were stopped before the answer came; call start_channels() and send it again"
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
