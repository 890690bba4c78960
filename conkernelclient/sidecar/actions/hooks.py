"""
What may a program do amid the sidecar's work?

It overrides the hooks: of a cell before and after it is run, of messages that belong to no action,
and of news of the kernel.
"""

from __future__ import annotations

import inspect
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from conkernelclient.errors import ProtocolError
from conkernelclient.outputs.events import ErrorOutput
from conkernelclient.outputs.result import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from conkernelclient import KernelNews
    from conkernelclient.errors import UnparseableMessageError

    from ..models import Message

__all__ = ["Cell", "Hooks", "Refused", "call_safely", "called", "refusal", "verdict_of"]

logger: Final = logging.getLogger(__name__)

REFUSED: Final = "Refused"


@dataclass(frozen=True, slots=True)
class Cell:
    """
    A cell that is about to be run.

    Attributes:
        code: What is sent to the kernel.
        cell_id: The cell of the document; None if none was named.
        metadata: Metadata of the request.
    """

    code: str
    cell_id: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refused:
    """
    That a cell is not to be run: its result has status "error".

    Attributes:
        reason: Why, for who wants to run it.
        name: What the error is called.
    """

    reason: str
    name: str = REFUSED


def refusal(refused: Refused, msg_id: str, code: str) -> Result:
    """Give the result of a cell that was refused."""
    lines = [f"{refused.name}: {refused.reason}"]
    output: dict[str, Any] = {
        "output_type": "error",
        "ename": refused.name,
        "evalue": refused.reason,
        "traceback": lines,
    }
    return Result(
        status="error",
        msg_id=msg_id,
        code=code,
        outputs=[output],
        error=ErrorOutput(refused.name, refused.reason, lines),
    )


class Hooks:
    """
    The hooks of a sidecar. Each may be async.

    What `before_execute` and `after_execute` raise is raised by the action; what the others raise
    is logged.
    """

    def before_execute(self, cell: Cell) -> Any:
        """
        Look at a cell before it is sent. To be overridden; may be async.

        Returns:
            Another `Cell`, which is sent in its place; `Refused`; or None to leave it as it is.
            What it raises is what awaiting the action raises.
        """

    def after_execute(self, cell: Cell, result: Result) -> Any:
        """
        Look at what came of a cell that was sent. To be overridden; may be async.

        In a `NotebookSession` the outputs of another result take the place of the cell's, which
        front ends have seen until then; what comes for this run later is not shown.

        Returns:
            Another `Result`, which awaiting the action gives, as `dataclasses.replace` makes it; or
            None to leave it as it is.
        """

    def handle_missing_parent(self, message: Message) -> Any:
        """See a message that belongs to no request, such as the status "starting"."""

    def handle_untracked(self, message: Message) -> Any:
        """See a message that belongs to a request of another client."""

    def handle_unparseable(self, message: Mapping[str, Any], error: UnparseableMessageError) -> Any:
        """See a message, a dict, that does not fit the model of its type."""
        logger.warning("a message of the kernel does not fit its model: %s", error)

    def handle_disconnect(self, news: KernelNews) -> Any:
        """Learn that the connection to the kernel is lost; the client makes another one."""

    def handle_restart(self, news: KernelNews) -> Any:
        """Learn that the kernel is being restarted."""

    def handle_death(self, news: KernelNews) -> Any:
        """Learn that the kernel has ended; `news.error` says how."""


async def called(given: Any) -> Any:
    """Give what a hook gave, sync or async."""
    return await given if inspect.isawaitable(given) else given


async def call_safely(hook: Callable[[], Any]) -> None:
    """Call a hook for messages or news; what it raises is logged."""
    try:
        await called(hook())
    except Exception:
        logger.exception("a hook of the sidecar failed")


def verdict_of(given: Any) -> Cell | Refused | None:
    """Give what `before_execute` gave; ProtocolError if it is none of these."""
    if given is None or isinstance(given, (Cell, Refused)):
        return given
    raise ProtocolError(f"before_execute gave {given!r}: give a Cell, Refused or None")
