"""How does what one action shows get into the document?"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from conkernelclient.errors import ConKernelError

from .actions.handlers import Handler
from .document.feed import OutputFeed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .actions.handlers import Ended, Takes
    from .actions.requests import Requests
    from .document.sinks import OutputSink

__all__ = ["OutputHandler"]

WRITE_WITHIN: Final = 0.05  # seconds, so that a document changes at most 20 times a second
KEPT: Final = frozenset(
    {
        "execute_input",
        "stream",
        "display_data",
        "update_display_data",
        "execute_result",
        "error",
        "clear_output",
        "comm_open",
        "comm_msg",
        "comm_close",
    }
)


class OutputHandler(Handler):
    """
    Puts the outputs of an action into a cell of a document, while they come.

        feed = OutputFeed(NotebookSink(notebook))
        await sidecar.execute_request(code, handlers=[OutputHandler(feed, "cell", sidecar=sidecar)])

    The outputs of the cell's last run go when the kernel begins with this one; all has been
    written when the action has ended. What comes after that, as from a thread, is not seen here: a
    `NotebookSession` sees it. Its failures, in the action's `failures`, are the `EditError` of a
    cell that is not there, and what the document raises.

    Args:
        document: What folds the messages, the same object for all cells of a document: then a
            display is updated in whichever cell it is, and an Output widget takes what later cells
            show. An `OutputSink` alone: the document of this cell alone.
        cell_id: The cell.
        source: What is run, whose hash is kept; None: what the cell has when it begins.
        sidecar: Tells the kernel what its Output widgets hold, when the action has ended; None: it
            is not told.
    """

    takes: Takes = "dicts"

    def __init__(
        self,
        document: OutputFeed | OutputSink,
        cell_id: str,
        *,
        source: str | None = None,
        sidecar: Requests | None = None,
    ) -> None:
        self.feed: OutputFeed = (
            document if isinstance(document, OutputFeed) else OutputFeed(document)
        )
        self.cell_id: str = cell_id
        self._source = source
        self._sidecar = sidecar
        self._request: str | None = None  # the one whose outputs these are, from its start on
        self._timer: asyncio.TimerHandle | None = None

    def unhandled_message(self, message: Mapping[str, Any]) -> None:
        """Fold a message; the document has it in a twentieth of a second."""
        self._begin(message["parent_header"]["msg_id"])
        if message["msg_type"] not in KEPT:
            return
        self.feed.take(message)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(WRITE_WITHIN, self._write)

    def action_complete(self, action: Ended) -> None:
        """Write the rest, what widgets hold as well, and tell the kernel what those took."""
        self._write()
        self.feed.write_widgets()
        if self._sidecar is not None:
            with suppress(ConKernelError):  # a kernel that has ended need not know
                for content in self.feed.widget_news():
                    self._sidecar.comm_msg_request(content["comm_id"], content["data"])

    def _begin(self, request: str) -> None:
        if request == self._request:
            return
        self._request = request
        self.feed.begin(self.cell_id, request, source=self._source)

    def _write(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.feed.flush()
