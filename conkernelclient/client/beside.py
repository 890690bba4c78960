"""
How is a request to run, beside the others in the kernel?

It says so in its metadata, which kernels that cannot do it ignore. The kernel `conkernel` has
modes, lanes, priorities, an order among requests, and timeouts. What `places` makes of it elsewhere
stands at `Beside`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeAlias, TypedDict

from ..errors import ProtocolError
from .checks import require_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "FEATURE",
    "TIMED_OUT",
    "Beside",
    "Identified",
    "Mode",
    "Place",
    "limited",
    "metadata_of",
]

Mode: TypeAlias = Literal["queue", "task", "thread"]
Place: TypeAlias = Literal["queue", "task", "thread", "subshell"]
MODES: Final[tuple[Mode, ...]] = ("queue", "task", "thread")
# Of the `kernel_info_reply`.
FEATURE: Final = "conkernel modes"
TIMEOUTS: Final = "conkernel timeout"
TIMED_OUT: Final = "CellTimeoutError"  # what such a kernel raises in the cell
# Seconds that a client has to end a cell itself, and to gather what it had shown. The kernel's own
# timeout is for when the client is gone, or cannot.
SPARE: Final = 2.0


class Identified(Protocol):
    """What has a msg_id, such as a `Run`."""

    @property
    def msg_id(self) -> str:
        """Id of the request."""
        ...


class Beside(TypedDict, total=False):
    """
    How a request is to run.

    The kernel `conkernel` does all of it. Of what other kernels make of it, a run's `mode` tells.

    Attributes:
        mode: "queue": one at a time in its lane; "task": in a task of its own; "thread": in a
            thread of its own, with an event loop of its own. async-kernel does the same. Kernels
            with subshells, such as ipykernel 7, run both in a subshell for each, which no interrupt
            reaches; at most 64 at a time, and the next ones wait. (ipykernel may show the value of
            a cell nowhere if another one ends at the same moment: print it.) Other kernels run it
            in its turn.
        lane: Name of the queue that it stands in. Other kernels have one queue for all.
        priority: Higher ones are first, where requests wait. Other kernels go by the order of the
            calls.
        after: Runs, or msg_ids, that are to have ended well before it starts; if one ends with an
            error, it is aborted. For other kernels the client holds it back until then; it has to
            know those requests: `run()` made them, or a verb with `reply=True`.
    """

    mode: Mode
    lane: str
    priority: int
    after: Sequence[Identified | str]


def metadata_of(metadata: Mapping[str, Any] | None, beside: Beside) -> dict[str, Any]:
    """
    Give the metadata of a request that is to run so.

    Raises ProtocolError for what cannot be.
    """
    whole = dict(metadata or {})
    unknown = beside.keys() - Beside.__annotations__.keys()
    if unknown:
        raise TypeError(f"unexpected keyword argument {min(unknown)!r}")
    if "mode" in beside:
        if beside["mode"] not in MODES:
            raise ProtocolError(f"mode {beside['mode']!r} must be one of {', '.join(MODES)}")
        whole["run_mode"] = beside["mode"]
    if "lane" in beside:
        whole["lane"] = require_text("lane", beside["lane"])
    if "priority" in beside:
        if type(beside["priority"]) is not int:
            raise ProtocolError(f"priority {beside['priority']!r} must be an integer")
        whole["priority"] = beside["priority"]
    if "after" in beside:
        whole["after"] = [
            require_text("after", getattr(it, "msg_id", it)) for it in beside["after"]
        ]
    return whole


def limited(
    metadata: Mapping[str, Any] | None, timeout: float, features: frozenset[str] | None
) -> Mapping[str, Any] | None:
    """
    Give the metadata of a run that the kernel is to end, if its client does not.

    A kernel that is not known yet may be one that can.
    """
    can_end = features is None or TIMEOUTS in features
    if not can_end or not math.isfinite(timeout) or "timeout" in (metadata or ()):
        return metadata
    return {**(metadata or {}), "timeout": max(timeout, 0.0) + SPARE}
