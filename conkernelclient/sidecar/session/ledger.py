"""Which change is this, and who is told of it?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..document import is_stale
from .board import Standing
from .session_events import Edited, MetadataChanged, OutputsChanged, Snapshot, TextAppended
from .watching import Watchers

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..document import Notebook
    from .session_events import KernelShown, SessionEvent
    from .watching import Watcher

__all__ = ["Ledger"]


class Ledger:
    """
    Numbers the changes of one session, and tells them.

    Args:
        notebook: The document.
        kernel_state: How the kernel stands.
        path: The document's file.
        notes: What was done to it when it was read.
        changed: Is called when the document has changed.

    Attributes:
        revision: The number of the last change.
        standing: How everything stands that is not in the document.
    """

    def __init__(
        self,
        notebook: Notebook,
        kernel_state: KernelShown,
        path: str | None,
        notes: tuple[str, ...],
        changed: Callable[[], None],
    ) -> None:
        self.revision: int = 0
        self.standing: Standing = Standing(kernel_state, path)
        self._notebook = notebook
        self._notes = notes
        self._changed = changed
        self._watchers = Watchers(self.snapshot)
        self._snapshot: Snapshot | None = None  # the last one that was asked for

    def tell(self, kind: Callable[..., SessionEvent], *content: Any) -> None:
        """Tell a change: an event of `kind`, made of its number and `content`."""
        self.revision += 1
        event = kind(self.revision, *content)
        self.standing.take(event)
        self._watchers.tell(event)
        if isinstance(event, (Edited, MetadataChanged, OutputsChanged, TextAppended)):
            self._changed()

    def snapshot(self) -> Snapshot:
        """Give how everything stands; all who ask before the next change get the same."""
        if self._snapshot is None or self._snapshot.revision != self.revision:
            standing = self.standing
            self._snapshot = Snapshot(
                revision=self.revision,
                document=self._notebook.to_dict(),
                cells=dict(standing.cells),
                statuses=dict(standing.statuses),
                kernel_state=standing.kernel_state,
                kernel_reason=standing.kernel_reason,
                question=standing.question,
                path=standing.path,
                save_error=standing.save_error,
                notes=self._notes,
                stale=tuple(cell["id"] for cell in self._notebook if is_stale(cell)),
            )
        return self._snapshot

    def watch(self, limit: int) -> Watcher:
        """Begin a watcher; see `NotebookSession.watch`."""
        return self._watchers.add(limit)

    def close(self) -> None:
        """End all watchers, after what waits for them."""
        self._watchers.end()
