"""How does what a kernel publishes get into the document?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conkernelclient.errors import EditError
from conkernelclient.outputs.cells import CellOutputs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .sinks import OutputSink

__all__ = ["OutputFeed"]

COMMS = frozenset({"comm_open", "comm_msg", "comm_close"})


class OutputFeed:
    """
    Folds a kernel's messages, and writes what changed into a document when it is told to.

    So a thousand lines that are printed one by one are written once. Nothing here waits: `begin`
    when a cell is sent, `take` each message, `flush` when there is time.

    Args:
        sink: The document.
        max_output_bytes: For each cell; beyond it a marker tells what is missing. None: no bound.
    """

    def __init__(self, sink: OutputSink, *, max_output_bytes: int | None = None) -> None:
        self._sink = sink
        self._cells = CellOutputs(max_output_bytes)
        self._has_widget_news = False

    def begin(self, cell_id: str, msg_id: str, *, source: str | None = None) -> None:
        """
        Begin a run of a cell, whose outputs go.

        Args:
            cell_id: The cell.
            msg_id: The request that runs it.
            source: What is run; None: what the cell has now.

        Raises:
            EditError: There is no such cell, or it is no code.
        """
        self._sink.begin(cell_id, source=source)
        self._cells.begin(cell_id, msg_id)

    def request(self, cell_id: str) -> str | None:
        """Give the request whose outputs a cell has; None if it has those of none."""
        return self._cells.request(cell_id)

    def forget(self, cell_id: str) -> None:
        """Forget a cell that was deleted or cleared: what else comes for it is nobody's."""
        self._cells.forget(cell_id)

    def take(self, message: Mapping[str, Any]) -> str | None:
        """
        Fold one iopub message, as the client gives it, of whatever request.

        Returns:
            The cell whose request it belongs to; None if that is none of these.
        """
        if message["header"].get("msg_type") in COMMS:
            self._has_widget_news = True
        return self._cells.take(message)

    def flush(self) -> list[str]:
        """
        Write into the document what changed since the last time.

        Returns:
            The cells whose outputs or number may have changed. One that was deleted meanwhile, or
            is no code any more, is forgotten.
        """
        written: list[str] = []
        for cell_id in self._cells.changed():
            try:
                self._sink.set_outputs(cell_id, self._cells.outputs(cell_id))
                self._sink.set_execution_count(cell_id, self._cells.execution_count(cell_id))
            except EditError:
                self._cells.forget(cell_id)
            else:
                written.append(cell_id)
        return written

    def widget_news(self) -> list[dict[str, Any]]:
        """
        Give, once, the contents of `comm_msg` that the kernel is to be sent.

        By these it learns what its Output widgets hold, which it knows from front ends alone.
        """
        return self._cells.widgets.news()

    def write_widgets(self) -> None:
        """Write into the document's metadata what widgets hold, before it is saved."""
        state = self._cells.widgets.metadata()
        if state is not None or self._has_widget_news:
            self._sink.set_widgets(state)
        self._has_widget_news = False
