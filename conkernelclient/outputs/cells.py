"""
What do the cells of one document show, by the messages of all their requests?

Each cell has the outputs of its last run. What a later cell changes in an earlier one's displays,
and what goes into an Output widget instead, is followed over all cells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from ..protocol.incoming import Incoming
from .displays import Displays
from .notebook_widgets import NotebookWidgets
from .reduce import Reducer, display_id_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CellOutputs"]


class CellOutputs:
    """
    The outputs of a document's cells, by its kernel's iopub messages in their order.

    Args:
        max_bytes: For each cell, as `Reducer` has it; None: no bound.

    Attributes:
        widgets: What the widgets of the kernel hold.
    """

    def __init__(self, max_bytes: int | None = None) -> None:
        self.widgets: NotebookWidgets = NotebookWidgets()
        self._max_bytes = max_bytes
        self._displays = Displays()
        self._cells: dict[str, Reducer] = {}
        self._requests: dict[str, str] = {}  # the last of each cell
        self._cell_of: dict[str, str] = {}  # by request
        self._changed: set[str] = set()

    def begin(self, cell_id: str, msg_id: str) -> None:
        """Begin a run of a cell: what comes of its earlier requests is nobody's from now on."""
        self.forget(cell_id)
        self._cells[cell_id] = Reducer(self._max_bytes)
        self._requests[cell_id] = msg_id
        self._cell_of[msg_id] = cell_id

    def forget(self, cell_id: str) -> None:
        """Forget a cell, as one that is deleted or cleared."""
        self._cells.pop(cell_id, None)
        self._changed.discard(cell_id)
        if cell_id in self._requests:
            self._cell_of.pop(self._requests.pop(cell_id), None)

    def take(self, message: Mapping[str, Any]) -> str | None:
        """
        Fold one message, a dict as the client gives it.

        Returns:
            The cell whose request it belongs to; None if that is none of these.
        """
        incoming = incoming_of(message)
        self.widgets.take(cast("Any", message))
        cell_id = self._cell_of.get(incoming.parent_id)
        if incoming.header.get("msg_id") in self.widgets.captured:
            self.widgets.captured.clear()  # nobody asks for it again
            return cell_id
        if cell_id is None:
            self._update_others(incoming)
            return None
        reducer = self._cells[cell_id]
        if reducer.feed(incoming):
            self._note(reducer, incoming)
        self._changed.add(cell_id)
        return cell_id

    def request(self, cell_id: str) -> str | None:
        """Give the last request of a cell; None if it is forgotten, or has not begun."""
        return self._requests.get(cell_id)

    def outputs(self, cell_id: str) -> list[dict[str, Any]]:
        """Give the outputs of a cell as they stand: none for one that has not begun."""
        reducer = self._cells.get(cell_id)
        return [] if reducer is None else reducer.outputs

    def execution_count(self, cell_id: str) -> int | None:
        """Give the kernel's number of a cell; None if it gave none."""
        reducer = self._cells.get(cell_id)
        return None if reducer is None else reducer.execution_count

    def changed(self) -> list[str]:
        """Give, once, the cells whose outputs or number may have changed, in the order of runs."""
        changed = [cell_id for cell_id in self._cells if cell_id in self._changed]
        self._changed.clear()
        return changed

    def _update_others(self, incoming: Incoming) -> None:
        """Follow what a request that is no cell's, as another client's, does to our displays."""
        if incoming.msg_type in ("display_data", "update_display_data", "execute_result"):
            self._note(Reducer(), incoming)

    def _note(self, reducer: Reducer, incoming: Incoming) -> None:
        self._displays.note(reducer, incoming)
        display_id = display_id_of(incoming.content)
        if display_id is None:
            return
        for cell_id, held in self._cells.items():
            if held is not reducer and display_id in held.display_ids:
                self._changed.add(cell_id)


def incoming_of(message: Mapping[str, Any]) -> Incoming:
    """Make of a client's message what is folded here."""
    header = message["header"]
    parent: dict[str, Any] = message.get("parent_header") or {}
    msg_type = message.get("msg_type") or header["msg_type"]
    parent_id = parent.get("msg_id") or ""
    return Incoming(header, msg_type, parent, parent_id, {}, message["content"], (), 0)
