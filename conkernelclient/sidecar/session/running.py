"""
How do a notebook's cells get to the kernel, and what is told of them on the way?

A cell is queued, begins, and ends. What it shows is in the document before its end is told, and
before those who await its action go on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any, Final, cast

from conkernelclient.errors import EditError

from ..actions.handlers import Handler
from ..document.edits import code_cell
from .endings import outputs_of_unsent, status_of
from .queueing import CellRun, CellRuns
from .session_events import CellStateChanged, InputAnswered, InputAsked

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from conkernelclient.events import InputRequest
    from conkernelclient.outputs.result import Result

    from ..actions.action import Action
    from ..actions.handlers import Ended
    from ..document import Cell, Edit, Notebook
    from ..sidecar import Sidecar
    from .feeding import Feeding
    from .ledger import Ledger
    from .session_events import CellShown

__all__ = ["Runner", "tags_of"]

logger: Final = logging.getLogger(__name__)

MAY_RAISE: Final = "raises-exception"  # nbclient's tag
OF_OUTPUTS: Final = frozenset({"set_outputs", "clear_outputs", "replace_cell", "change_type"})


class _Completed(Handler):
    """Brings in the rest of a run before those who await it go on."""

    takes = "dicts"

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    async def action_complete(self, action: Ended) -> None:
        """Learn that the run has ended."""
        await self._runner.complete(cast("Action[Result]", action))


class Runner:
    """
    Runs the cells of one notebook.

    Args:
        notebook: The document.
        sidecar: The kernel's.
        feeding: Brings in what they show.
        ledger: Tells how they stand.
        until_handled: Waits until all messages that have come were taken.
        began: Is called when the kernel begins with a cell.
        answered: Is called with the request that the kernel has finished with.
        allow_stdin: Whether code may ask for input.
        max_output_bytes: For the result of each.

    Attributes:
        runs: Those that have not ended.
    """

    def __init__(
        self,
        notebook: Notebook,
        sidecar: Sidecar,
        feeding: Feeding,
        ledger: Ledger,
        until_handled: Callable[[], Awaitable[None]],
        began: Callable[[], None],
        answered: Callable[[str], None],
        *,
        allow_stdin: bool,
        max_output_bytes: int | None,
    ) -> None:
        self.runs: CellRuns = CellRuns()
        self._notebook = notebook
        self._sidecar = sidecar
        self._feeding = feeding
        self._ledger = ledger
        self._until_handled = until_handled
        self._began = began
        self._answered = answered
        self._allow_stdin = allow_stdin
        self._max_output_bytes = max_output_bytes
        self._answers: dict[str, asyncio.Future[str]] = {}  # by cell that asks
        self._is_open = True

    # What callers do

    def run(self, cell_id: str) -> Action[Result]:
        """Queue a cell; see `NotebookSession.run_cell`."""
        cell = code_cell(self._notebook, cell_id)
        queued = self.runs.queued(cell_id)
        if queued is not None:
            return queued.action
        source: str = cell["source"]
        action = self._sidecar.execute_request(
            source,
            cell_id=cell_id,
            handlers=[_Completed(self)],
            stop_on_error=MAY_RAISE not in tags_of(cell),
            on_stdin=self._asker(cell_id) if self._allow_stdin else None,
            max_output_bytes=self._max_output_bytes,
        )
        action.detach()
        shown = self.runs.queue(CellRun(cell_id, action.msg_id, source, action))
        self._tell(cell_id, shown)
        action.add_done_callback(self._settle)  # also where its handlers were cancelled
        return action

    def cancel(self, cell_id: str) -> bool:
        """Cancel one run of a cell; see `NotebookSession.cancel`."""
        run = self.runs.queued(cell_id) or self.runs.running(cell_id)
        return run is not None and self._withdraw(run)

    def cancel_all(self) -> None:
        """Cancel all, the last first, so that none begins meanwhile."""
        for run in reversed(list(self.runs)):
            self._withdraw(run)

    def answer(self, cell_id: str, text: str) -> None:
        """Answer a cell's question; see `NotebookSession.answer`."""
        answer = self._answers.get(cell_id)
        if answer is None or answer.done():
            raise EditError(f"cell {cell_id!r} asks for no input", cell_id=cell_id)
        answer.set_result(text)
        self._close_question(cell_id)

    def follow(self, edit: Edit) -> None:
        """Do what an edit that was made means for the runs of its cell."""
        cell_id: str | None = getattr(edit, "cell_id", None)
        if cell_id is None:
            return
        if not self._is_code(cell_id):
            self._feeding.forget(cell_id)
            for run in (self.runs.queued(cell_id), self.runs.running(cell_id)):
                if run is not None:
                    self._withdraw(run)
        elif edit.type in OF_OUTPUTS:
            run = self.runs.running(cell_id)
            if run is None:
                self._feeding.forget(cell_id)
            else:  # what comes from now on is shown alone
                self._feeding.begin(cell_id, run.msg_id, run.source)

    def close(self) -> None:
        """Withdraw what the kernel has not begun with, and leave alone what runs."""
        for run in reversed(list(self.runs)):
            if not run.has_begun:
                self._withdraw(run)
        self._is_open = False

    # What the kernel does

    def see(self, message: Mapping[str, Any]) -> None:
        """Look at an iopub message before it is folded: a run may begin with it."""
        parent: Mapping[str, Any] = message.get("parent_header") or {}
        run = self.runs.find(parent.get("msg_id"))
        if run is not None and not run.has_begun:
            self._begin(run)

    async def complete(self, action: Action[Result]) -> None:
        """Bring in what a run has shown to its end, and tell that it has ended."""
        if self._is_open:
            await self._until_handled()
        if self.runs.find(action.msg_id) is None:  # the cell behind it has told its end
            self._rewrite(action)
        self._settle(action)

    # Inside

    def _begin(self, run: CellRun) -> None:
        """Learn that the kernel has begun with a cell; those before it have ended."""
        for before in self.runs:
            if before is run:
                break
            if before.action.is_answered:
                self._settle(before.action)
        self._began()
        with contextlib.suppress(EditError):  # deleted: what comes for it is nobody's
            self._feeding.begin(run.cell_id, run.msg_id, run.source)
        self._tell(run.cell_id, self.runs.begin(run))

    def _settle(self, action: Action[Result]) -> None:
        run = self.runs.find(action.msg_id)
        if run is None:
            return  # it is told
        status = status_of(action)
        if self._is_open:
            if not run.has_begun and action.is_sent and status in ("ok", "error"):
                self._begin(run)  # of a kernel that publishes nothing
            self._feeding.flush()
            if status in ("ok", "error"):
                self._answered(run.msg_id)
            why = outputs_of_unsent(action)
            if why is not None:
                self._feeding.show(run.cell_id, run.source, why)
            self._rewrite(action)
        self._end(run, status)

    def _rewrite(self, action: Action[Result]) -> None:
        """Show what `after_execute` made of what the kernel has shown."""
        outcome, cell_id = action.outcome, action.cell_id
        if not self._is_open or not action.is_rewritten or outcome is None or cell_id is None:
            return
        try:
            self._feeding.rewrite(cell_id, action.msg_id, outcome.outputs)
        except EditError as error:
            logger.warning("outputs of after_execute are not shown: %s", error)

    def _end(self, run: CellRun, status: str) -> None:
        if run.has_begun:
            self._close_question(run.cell_id)
        self._tell(run.cell_id, self.runs.end(run), status)

    def _withdraw(self, run: CellRun) -> bool:
        """Cancel a run; one that was not sent has ended then."""
        is_waiting = run.action.status == "waiting"
        is_cancelled: bool = run.action.cancel()
        if is_cancelled and is_waiting:
            self._end(run, "cancelled")
        return is_cancelled

    def _is_code(self, cell_id: str) -> bool:
        return cell_id in self._notebook and self._notebook.cell(cell_id)["cell_type"] == "code"

    def _asker(self, cell_id: str) -> Callable[[InputRequest], Awaitable[str]]:
        async def ask(question: InputRequest) -> str:
            answer = asyncio.get_running_loop().create_future()
            self._answers[cell_id] = answer
            self._ledger.tell(InputAsked, cell_id, question.prompt, question.password)
            try:
                return await answer
            finally:
                if self._answers.get(cell_id) is answer:
                    self._close_question(cell_id)

        return ask

    def _close_question(self, cell_id: str) -> None:
        if self._answers.pop(cell_id, None) is not None:
            self._ledger.tell(InputAnswered, cell_id)

    def _tell(self, cell_id: str, state: CellShown, status: str | None = None) -> None:
        self._ledger.tell(CellStateChanged, cell_id, state, status)


def tags_of(cell: Cell) -> list[Any]:
    """Give the tags of a cell."""
    tags = cell["metadata"].get("tags")
    return cast("list[Any]", tags) if isinstance(tags, list) else []
