"""
When does what a kernel publishes come into the document, and to front ends?

Messages are folded as they come. What has changed is written at most twenty times a second, and at
the end of each run. Where that takes long, as with outputs of many megabytes, it is done less
often: it may take a fifth of the time.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

from conkernelclient.errors import ConKernelError, EditError

from ..document import OutputFeed
from ..document.checking import cell_problem, copied
from .output_changes import NotedSink
from .session_events import MetadataChanged, OutputsChanged, TextAppended

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..document import Notebook, OutputSink
    from .ledger import Ledger

__all__ = ["Feeding"]

EVERY: Final = 0.05  # seconds from one writing to the next
SHARE: Final = 4.0  # times as long as the last one took, from one to the next
COMMS: Final = frozenset({"comm_open", "comm_msg", "comm_close"})


class Feeding:
    """
    Brings a kernel's messages into the document, and tells what that changes.

    Args:
        notebook: The document.
        ledger: Tells it.
        beside: Another document that takes the same outputs.
        max_output_bytes: For each cell; None: no bound.
        post: Sends the kernel the content of a `comm_msg`.
    """

    def __init__(
        self,
        notebook: Notebook,
        ledger: Ledger,
        beside: OutputSink | None,
        max_output_bytes: int | None,
        post: Callable[[dict[str, Any]], None],
    ) -> None:
        self._notebook = notebook
        self._ledger = ledger
        self._sink = NotedSink(notebook, beside)
        self._feed = OutputFeed(self._sink, max_output_bytes=max_output_bytes)
        self._post = post
        self._timer: asyncio.TimerHandle | None = None
        self._wait = EVERY

    def begin(self, cell_id: str, msg_id: str, source: str) -> None:
        """
        Begin a run of a cell.

        Raises:
            EditError: There is no such cell any more, or it is no code.
        """
        self._feed.begin(cell_id, msg_id, source=source)
        self._tell()

    def forget(self, cell_id: str) -> None:
        """Forget a cell: what else comes for it is nobody's."""
        self._feed.forget(cell_id)

    def take(self, message: Mapping[str, Any]) -> None:
        """Fold one iopub message; it is written when it is time."""
        self._feed.take(message)
        msg_type = message["header"]["msg_type"]
        if msg_type == "status":
            if message["content"].get("execution_state") == "idle":
                self._send_news()
            return
        if msg_type in COMMS:
            self._send_news()
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._wait, self.flush)

    def flush(self) -> None:
        """Write what has changed, and tell it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        began_at = time.perf_counter()
        self._feed.flush()
        self._tell()
        self._send_news()
        self._wait = max(EVERY, SHARE * (time.perf_counter() - began_at))

    def write_widgets(self) -> None:
        """Write into the notebook's metadata what widgets hold, and tell it."""
        self._feed.write_widgets()
        if self._sink.metadata_changed():
            self._ledger.tell(MetadataChanged, copied(self._notebook.metadata))

    def show(self, cell_id: str, source: str, outputs: Sequence[Mapping[str, Any]]) -> None:
        """Let a cell that was not run show why."""
        self._feed.forget(cell_id)
        try:
            self._sink.begin(cell_id, source=source)
            self._sink.set_outputs(cell_id, outputs)
        except EditError:
            return  # it was deleted
        self._tell()

    def rewrite(self, cell_id: str, msg_id: str, outputs: Sequence[Mapping[str, Any]]) -> None:
        """
        Let a cell show these in place of what the run `msg_id` has shown, if it shows that.

        Raises:
            EditError: They are no valid outputs; the cell shows what it did.
        """
        if self._feed.request(cell_id) != msg_id or cell_id not in self._notebook:
            return  # it runs again, was cleared, or deleted
        problem = cell_problem({**self._notebook.cell(cell_id), "outputs": copied(list(outputs))})
        if problem is not None:
            raise EditError(f"cell {cell_id!r}: {problem}", cell_id=cell_id)
        self._feed.flush()
        self._feed.forget(cell_id)
        self._sink.set_outputs(cell_id, outputs)
        self._tell()

    def close(self) -> None:
        """Write no more by itself."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tell(self) -> None:
        for cell_id, change in self._sink.changes().items():
            if change.appended:
                self._ledger.tell(TextAppended, cell_id, change.start - 1, change.appended)
            if change.is_text_alone:
                continue
            self._ledger.tell(
                OutputsChanged,
                cell_id,
                change.start,
                change.outputs,
                change.execution_count,
                change.source_hash,
            )

    def _send_news(self) -> None:
        """Tell the kernel what its Output widgets hold."""
        for content in self._feed.widget_news():
            try:
                self._post(content)
            except ConKernelError:
                return  # the kernel is gone, and its widgets with it
