"""
Who owns the notebook while front ends come and go?

A `NotebookSession` has the one document: it makes every edit, runs the cells, brings in what they
show, saves the file, and tells each change to all who watch. Nobody need watch.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from conkernelclient.errors import EditError, NotebookError, SessionError

from ..document import (
    AddCell,
    DeleteCell,
    EditCell,
    MoveCell,
    Notebook,
    apply,
    dependants,
)
from ..document.edits import code_cell
from .autosaving import Autosaver
from .feeding import Feeding
from .files import NotebookFile
from .kernel_language import KernelLanguage
from .kernel_states import KernelStanding
from .ledger import Ledger
from .running import Runner, tags_of
from .session_events import Edited, KernelStateChanged, Saved, SaveFailed

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Coroutine, Mapping
    from types import TracebackType

    from conkernelclient import KernelNews
    from conkernelclient.outputs.result import Result

    from ..actions.action import Action
    from ..document import Change, Edit, OutputSink
    from ..sidecar import Sidecar
    from .session_events import Snapshot
    from .watching import Watcher

__all__ = ["MAX_OUTPUT_BYTES", "NotebookSession"]

logger: Final = logging.getLogger(__name__)

MAX_OUTPUT_BYTES: Final = 10_000_000  # of each cell, unless the caller says otherwise
SKIPPED: Final = "skip-execution"  # nbclient's tag


class NotebookSession:
    """
    The owner of one notebook that a kernel runs, for any number of front ends.

    Use it in `async with`, in the loop of its sidecar, which is open before and after it. Its
    methods are called in that loop.

    Args:
        notebook: The document, which is changed by the session alone from now on; or the path of
            its file.
        sidecar: The kernel's. It may serve others as well.
        path: The file that it is saved in; None: the one it was read from, if the path was given.
            What the file holds when the session begins may be overwritten.
        autosave: Seconds from a change to the save of it; None: it is saved by `save` alone, when
            the kernel ends, and at the end of the session.
        max_output_bytes: What is kept of a cell's outputs; beyond it a marker says what is missing.
            None: everything.
        sink: Another document that takes the same outputs, as a `YNotebookSink`.
        allow_stdin: Whether code may ask for input; without it `input()` raises in the kernel.
    """

    def __init__(
        self,
        notebook: Notebook | str | os.PathLike[str],
        sidecar: Sidecar,
        path: str | os.PathLike[str] | None = None,
        *,
        autosave: float | None = 2.0,
        max_output_bytes: int | None = MAX_OUTPUT_BYTES,
        sink: OutputSink | None = None,
        allow_stdin: bool = True,
    ) -> None:
        self._given = notebook
        self._sidecar = sidecar
        if path is None and not isinstance(notebook, Notebook):
            path = notebook
        self._path = None if path is None else Path(path)
        self._autosave = autosave
        self._max_output_bytes = max_output_bytes
        self._beside = sink
        self._allow_stdin = allow_stdin
        self._saver: Autosaver | None = None  # set when it begins, if there is a file
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_open = False

    async def __aenter__(self) -> Self:
        file = None
        if self._path is not None:
            file = await asyncio.to_thread(NotebookFile, self._path)
        if isinstance(self._given, Notebook):
            self._notebook = self._given
        else:
            self._notebook = await asyncio.to_thread(Notebook.load, self._given)
        client = self._sidecar.client
        self._kernel = KernelStanding(client.kernel_state)
        self._ledger = Ledger(
            self._notebook, self._kernel.state, self.path, _notes(self._notebook), self._changed
        )
        if file is not None:
            self._saver = Autosaver(
                file, self._content, self._saved, self._save_failed, self._autosave
            )
        self._language = KernelLanguage(self._notebook, self._ledger, client)
        self._feeding = Feeding(
            self._notebook,
            self._ledger,
            self._beside,
            self._max_output_bytes,
            lambda content: client.comms.post("comm_msg", content),
        )
        self._subscription = client.subscribe(self._take, channel="iopub")
        self._runner = Runner(
            self._notebook,
            self._sidecar,
            self._feeding,
            self._ledger,
            self._subscription.until_handled,
            self._language.note_run,
            self._note_answered,
            allow_stdin=self._allow_stdin,
            max_output_bytes=self._max_output_bytes,
        )
        self._watch = client.watch_kernel(self._take_news)
        self._is_open = True
        self._spawn(self._language.ask())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """
        Save the last state, and leave: what is queued is withdrawn, what runs goes on.

        Raises:
            NotebookError: The last state could not be saved, which all who watch are told as well.
        """
        self._runner.close()
        self._is_open = False
        self._watch.close()
        self._subscription.close()
        self._feeding.flush()
        self._feeding.close()
        for task in self._tasks:
            task.cancel()
        try:
            if self._saver is not None:
                await self._saver.close()
        except NotebookError as failed:
            if error is None:
                raise
            logger.warning("the notebook was not saved at the end: %s", failed)
        finally:
            self._ledger.close()

    # What there is

    @property
    def notebook(self) -> Notebook:
        """The document; to be read."""
        return self._notebook

    @property
    def sidecar(self) -> Sidecar:
        """The kernel's sidecar."""
        return self._sidecar

    @property
    def path(self) -> str | None:
        """The file that it is saved in; None if there is none."""
        return None if self._path is None else str(self._path)

    @property
    def revision(self) -> int:
        """The number of the last change."""
        return self._ledger.revision

    @property
    def queue(self) -> list[str]:
        """
        The cells that run or wait, in this order.

        One that runs and is queued again is there twice.
        """
        return self._runner.runs.cell_ids

    def state(self) -> Snapshot:
        """Tell how everything stands; the snapshot is to be read."""
        return self._ledger.snapshot()

    def watch(self, limit: int = 1000) -> Watcher:
        """
        Begin to watch: `async for told in session.watch()`; see `Watcher`.

        Args:
            limit: How many events may wait for this watcher, at least 1. One that is further
                behind, or by more than 32 MB, is told how many it missed, and gets a snapshot.
        """
        return self._ledger.watch(limit)

    # Edits

    def apply(self, edit: Edit, by: str | None = None) -> list[Change]:
        """
        Make an edit, and tell it to all who watch.

        A cell that is deleted, or is no code any more, is taken out of the queue, and interrupted
        if it runs.

        Args:
            edit: One of `document.edits`.
            by: Who makes it, for those who watch.

        Returns:
            What has changed, each with the edit that undoes it.

        Raises:
            EditError: It cannot be made, as of a cell that another one deleted. Nothing changed.
        """
        self._check_open()
        changes = apply(self._notebook, edit)
        if changes:
            self._ledger.tell(Edited, tuple(change.done for change in changes), by)
        for change in changes:
            self._runner.follow(change.done)
        return changes

    def add_cell(
        self,
        source: str = "",
        cell_type: str = "code",
        index: int | None = None,
        *,
        by: str | None = None,
    ) -> str:
        """
        Add a cell; gives its id.

        Args:
            source: Its source.
            cell_type: "code", "markdown" or "raw".
            index: Its place, from 0; None: the last.
            by: As in `apply`, for errors see there.
        """
        cell = {"cell_type": cell_type, "source": source}
        (change,) = self.apply(AddCell(cell, index), by)
        assert isinstance(change.done, AddCell)
        return change.done.cell["id"]

    def edit_cell(self, cell_id: str, source: str, *, by: str | None = None) -> None:
        """Give a cell another source, see `apply`. What is queued runs what it was queued with."""
        self.apply(EditCell(cell_id, source), by)

    def move_cell(self, cell_id: str, index: int, *, by: str | None = None) -> None:
        """Move a cell to a place, from 0, counted without it; see `apply`."""
        self.apply(MoveCell(cell_id, index), by)

    def delete_cell(self, cell_id: str, *, by: str | None = None) -> None:
        """Delete a cell, see `apply`; it is taken out of the queue, and interrupted if it runs."""
        self.apply(DeleteCell(cell_id), by)

    # Runs

    def run_cell(self, cell_id: str) -> Action[Result]:
        """
        Let a cell run after those that are queued.

        One that waits already gives the action that waits. One that runs is queued again. A cell
        with the tag `raises-exception` does not stop those behind it.

        Returns:
            The action; when it has ended, the document has what the cell shows. It goes on whoever
            leaves.

        Raises:
            EditError: There is no such cell, or it is no code.
            SessionError: The session or its sidecar is not open.
        """
        self._check_open()
        return self._runner.run(cell_id)

    def run_all(self) -> list[Action[Result]]:
        """Let all cells of code run, but empty ones and those tagged `skip-execution`."""
        self._check_open()
        return [
            self._runner.run(cell["id"])
            for cell in self._notebook
            if cell["cell_type"] == "code"
            and cell["source"].strip()
            and SKIPPED not in tags_of(cell)
        ]

    def run_dependants(self, cell_id: str) -> list[Action[Result]]:
        """
        Let a cell run, and then those that depend on it, in the order of the notebook.

        Raises:
            EditError: There is no such cell, it is no code, or it is not known what depends on it
                (a cycle, `exec`, another language): which cells, and why. Nothing runs.
        """
        self._check_open()
        code_cell(self._notebook, cell_id)
        found = dependants(self._notebook, cell_id)
        if found.problems:
            why = "; ".join(problem.text for problem in found.problems)
            raise EditError(
                f"what depends on cell {cell_id!r} is not known: {why}", cell_id=cell_id
            )
        return [self._runner.run(one) for one in (cell_id, *found.cell_ids)]

    def cancel(self, cell_id: str) -> bool:
        """
        Take a cell out of the queue, or interrupt it if it runs; those behind it go on.

        Returns:
            False if it was neither queued nor running.
        """
        return self._runner.cancel(cell_id)

    def cancel_all(self) -> None:
        """Take all cells out of the queue, and interrupt the one that runs."""
        self._runner.cancel_all()

    async def interrupt(self) -> None:
        """Interrupt the cell that runs, as `Sidecar.interrupt`; those behind it are aborted."""
        await self._sidecar.interrupt()

    async def restart(self) -> None:
        """Restart the kernel, as `Sidecar.restart`; cells that run or wait end, outputs stay."""
        await self._sidecar.restart()

    def answer(self, cell_id: str, text: str) -> None:
        """
        Answer what the code of a cell asks.

        Raises:
            EditError: It asks nothing, or another front end has answered.
        """
        self._runner.answer(cell_id, text)

    # The file

    async def save(self, *, force: bool = False) -> None:
        """
        Save the document as it is now.

        Args:
            force: Also over what another program has written into the file since it was read or
                saved here.

        Raises:
            NotebookError: It could not be saved, which all who watch are told as well.
            SessionError: There is no file.

        Cancelling this does not stop the save.
        """
        if self._saver is None:
            raise SessionError("the notebook has no file: give the session a path")
        await self._saver.save(force=force)

    def _content(self) -> Callable[[], bytes]:
        """Give what makes the file's content, in a thread, of the document as it is now."""
        if self._is_open:
            self._feeding.flush()
        self._feeding.write_widgets()
        document = self._ledger.snapshot().document
        return lambda: Notebook.from_dict(document).to_bytes()

    def _saved(self) -> None:
        self._ledger.tell(Saved, str(self._path))

    def _save_failed(self, reason: str) -> None:
        self._ledger.tell(SaveFailed, reason)

    def _changed(self) -> None:
        if self._saver is not None:
            self._saver.changed()

    # What the kernel publishes

    def _take(self, message: Mapping[str, Any]) -> None:
        """Fold an iopub message, of whatever request."""
        self._runner.see(message)
        self._feeding.take(message)
        if message["header"]["msg_type"] == "status" and self._kernel.note_status(message):
            self._tell_kernel()

    # How the kernel stands

    def _take_news(self, news: KernelNews) -> None:
        reason = None if news.error is None else str(news.error).partition("\n")[0]
        if self._kernel.note_presence(news.state, reason):
            self._tell_kernel()
        if news.state == "ready":
            self._spawn(self._language.ask())
        elif news.state in ("dead", "restarting") and self._saver is not None:
            self._spawn(self._save_soon(self._saver))

    def _note_answered(self, request: str) -> None:
        if self._kernel.note_ended(request):
            self._tell_kernel()

    async def _save_soon(self, saver: Autosaver) -> None:
        """Save what there is of a kernel that is gone."""
        await self._subscription.until_handled()
        self._feeding.flush()
        if saver.is_unsaved:
            with contextlib.suppress(NotebookError):  # it was told
                await saver.save()

    # Inside

    def _tell_kernel(self) -> None:
        self._ledger.tell(KernelStateChanged, self._kernel.state, self._kernel.reason)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _check_open(self) -> None:
        if not self._is_open:
            raise SessionError("the session is not open: use it in `async with`")

    def __repr__(self) -> str:
        cells = len(self._notebook) if self._is_open else "no"
        return f"<NotebookSession of {cells} cells, {self.path}>"


def _notes(notebook: Notebook) -> tuple[str, ...]:
    upgraded = notebook.upgraded_from
    if upgraded is None:
        return notebook.repaired
    return (f"upgraded from format {upgraded[0]}.{upgraded[1]} to 4.5", *notebook.repaired)
