"""Sessions, opened inside the tests, with a front end that watches."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import nbformat

from conkernelclient.sidecar.document import Notebook, new_cell
from conkernelclient.sidecar.session.board import Board
from conkernelclient.sidecar.session.session import NotebookSession
from conkernelclient.sidecar.session.session_events import CellStateChanged, Snapshot
from conkernelclient.sidecar.sidecar import Sidecar
from tests.clients import until

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from conkernelclient import ConKernelManager
    from conkernelclient.sidecar.session.session_events import SessionEvent, Told
    from conkernelclient.sidecar.session.watching import Watcher


class FrontEnd:
    """Folds what it is told, and keeps the events."""

    def __init__(self, session: NotebookSession, limit: int = 10_000) -> None:
        self.session = session
        self.watcher: Watcher = session.watch(limit)
        self.events: list[SessionEvent] = []
        self.told: list[Told] = []
        self.board: Board | None = None

    async def catch_up(self) -> Board:
        """Read all that was told by now."""
        while self.board is None or self.board.revision < self.session.revision:
            told = await anext(self.watcher)
            self.told.append(told)
            if self.board is None:
                assert isinstance(told, Snapshot)
                self.board = Board(told)
                continue
            self.board.take(told)
            if not isinstance(told, Snapshot) and hasattr(told, "revision"):
                self.events.append(told)  # type: ignore[arg-type]
        return self.board

    async def until(self, kind: type[Any], **wanted: Any) -> Any:
        """Read until there is such an event; gives it."""
        while True:
            if self.board is None:
                await self.catch_up()
            assert self.board is not None
            for event in self.events:
                if isinstance(event, kind) and all(
                    getattr(event, name) == value for name, value in wanted.items()
                ):
                    return event
            told = await anext(self.watcher)
            self.told.append(told)
            self.board.take(told)
            if not isinstance(told, Snapshot) and hasattr(told, "revision"):
                self.events.append(told)  # type: ignore[arg-type]

    def states(self, cell_id: str) -> list[tuple[str, str | None]]:
        """How a cell stood, one after the other."""
        return [
            (event.state, event.status)
            for event in self.events
            if isinstance(event, CellStateChanged) and event.cell_id == cell_id
        ]


def book(*sources: str, **named: str) -> Notebook:
    """A notebook of code, whose cells are called a, b, c, or as they are named."""
    cells = dict(zip("abcdefghij", sources, strict=False)) | named
    return Notebook([new_cell(source=source, cell_id=name) for name, source in cells.items()])


def texts(session: NotebookSession, cell_id: str) -> list[str]:
    """What a cell shows, in short."""
    found: list[str] = []
    for output in session.notebook.cell(cell_id)["outputs"]:
        if output["output_type"] == "error":
            found.append(output["ename"])
        elif "text" in output:
            found.append(output["text"])
        else:
            found.append(output["data"]["text/plain"])
    return found


@asynccontextmanager
async def session_of(
    km: ConKernelManager,
    notebook: Notebook,
    *,
    sidecar_class: type[Sidecar] = Sidecar,
    **options: Any,
) -> AsyncGenerator[tuple[NotebookSession, FrontEnd]]:
    """
    A session of a running kernel, and a front end that watches it from the first event on.

    At the end the front end has the session's document, which is valid.
    """
    async with sidecar_class(km) as sidecar:
        async with NotebookSession(notebook, sidecar, **options) as session:
            front_end = FrontEnd(session)
            await front_end.catch_up()
            yield session, front_end
            session.cancel_all()
            # A client that is gone repeats no interrupt: the next test would wait for the kernel.
            await until(lambda: session._kernel.state != "busy")
        board = await front_end.catch_up()
        assert board.notebook.to_dict() == session.notebook.to_dict()
        assert board.standing.cells == {}
        nbformat.validate(session.notebook.to_dict())
