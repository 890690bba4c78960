"""
How is a request to run, beside the others in the kernel?

It says so in its metadata, which kernels that cannot do it ignore: there it takes its turn. The
kernel `conkernel` has modes, lanes, priorities and an order among requests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeAlias, TypedDict

from ..errors import ProtocolError
from .checks import require_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["FEATURE", "Beside", "Identified", "Mode", "metadata_of", "mode_of"]

Mode: TypeAlias = Literal["queue", "task", "thread"]
MODES: Final[tuple[Mode, ...]] = ("queue", "task", "thread")
FEATURE: Final = "conkernel modes"  # of the `kernel_info_reply`


class Identified(Protocol):
    """What has a msg_id, such as a `Run`."""

    @property
    def msg_id(self) -> str:
        """Id of the request."""
        ...


class Beside(TypedDict, total=False):
    """
    How a request is to run.

    Attributes:
        mode: "queue": one at a time in its lane; "task": in a task of its own; "thread": in a
            thread of its own, with an event loop of its own.
        lane: Name of the queue that it stands in.
        priority: Higher ones are first, where requests wait.
        after: Runs, or msg_ids, that are to have ended well before it starts; if one ends with an
            error, it is aborted.
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


def mode_of(beside: Beside, features: frozenset[str] | None) -> Mode:
    """Give how a request will run in a kernel that has these features, as far as they are known."""
    return beside.get("mode", "queue") if FEATURE in (features or ()) else "queue"
