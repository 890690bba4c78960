"""Changes are numbered without gaps, and told to all who watch."""

from __future__ import annotations

from conkernelclient.sidecar.document import source_hash
from conkernelclient.sidecar.document.hashing import note_source
from conkernelclient.sidecar.session.ledger import Ledger
from conkernelclient.sidecar.session.session_events import (
    CellStateChanged,
    Edited,
    MetadataChanged,
    OutputsChanged,
    Saved,
    Snapshot,
)

from .sessions import book


async def test_a_change_gets_the_next_number_and_is_told() -> None:
    """A snapshot has the number of the last one."""
    changed: list[None] = []
    notebook = book("1")
    ledger = Ledger(notebook, "idle", "p", ("note",), lambda: changed.append(None))
    watcher = ledger.watch(10)
    first = ledger.snapshot()
    assert first is ledger.snapshot()
    assert first == Snapshot(0, notebook.to_dict(), kernel_state="idle", path="p", notes=("note",))
    assert await anext(watcher) is first
    ledger.tell(CellStateChanged, "a", "queued")
    ledger.tell(Saved, "q")
    assert changed == []
    ledger.tell(Edited, (), None)
    ledger.tell(OutputsChanged, "a", 0, [], None)
    ledger.tell(MetadataChanged, {})
    assert len(changed) == 3
    now = ledger.snapshot()
    assert (now.revision, now.path, now.cells) == (ledger.revision, "q", {"a": "queued"})
    notebook.cell("a").update(source="2", execution_count=1)
    note_source(notebook.cell("a"), source_hash("1"))
    ledger.tell(Saved, "r")
    assert (now.stale, ledger.snapshot().stale) == ((), ("a",))
    ledger.close()
    told = [one async for one in watcher]
    assert [one.revision for one in told] == [1, 2, 3, 4, 5, 6]  # type: ignore[union-attr]
    assert told[0] == CellStateChanged(1, "a", "queued")
