"""
How does a cell run, once its turn has come?

In a task of the main loop or of a thread's, in the context of its lane, or a copy of it. IPython
runs the code; what it shows, its reply and its idle are sent from here.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import sys
import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

from .answers import error_content
from .cells import CURRENT, ON_BEHALF, Cell, set_latest
from .compat import asyncio_runner
from .modes import RunMode
from .request import Ending
from .runners import run_by
from .shell import DISPLAY_PUB
from .stops import CellTimeoutError, MainGuard, Stepped
from .streams import REPLACED
from .trio_host import TrioGuard
from .workers import Worker, Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .answers import Answers
    from .channels import Channels
    from .jobs import Jobs
    from .shell import ConShell
    from .trio_host import TrioHost

__all__ = ["Runner"]

log: Final = logging.getLogger(__name__)

GIVES_WAY: Final = 0.002  # seconds, until it looks again whether it has to
LANES: Final = 1000  # contexts of lanes that are kept
MAIN: Final = (None, "")
NOTHING: Final = object()
# What code captures with, is for itself alone.
OURS: Final = frozenset({CURRENT, DISPLAY_PUB, *REPLACED.values()})


class Runner:
    """
    Runs cells.

    Args:
        engine: What ipykernel's replies say about the kernel in an error.
        fail: Answers a cell whose error aborts others, and notes its end.
    """

    jobs: Jobs
    """Set when the kernel starts."""
    gives_way: Callable[[], bool]
    """Whether cells that are to begin in the main thread wait a moment; set like `jobs`."""
    _loop: asyncio.AbstractEventLoop
    _trio: TrioHost | None

    def __init__(
        self,
        shell: ConShell,
        answers: Answers,
        channels: Channels,
        engine: Mapping[str, Any],
        fail: Callable[[Cell, dict[str, Any], float], object],
    ) -> None:
        self._shell: Any = shell
        self._answers = answers
        self._channels = channels
        self._engine = dict(engine)
        self._fail = fail
        self._thread = threading.get_ident()
        self._contexts: OrderedDict[tuple[str | None, str], contextvars.Context] = OrderedDict()
        self.workers: Workers = Workers()
        self.subshells: dict[str, Worker] = {}

    def open(self, loop: asyncio.AbstractEventLoop, trio: TrioHost | None) -> None:
        """Run cells from now on in the main loop, and, if it is given, as tasks of trio."""
        self._loop = loop
        self._trio = trio
        self.workers.hosts_trio = trio is not None

    async def end_trio(self, seconds: float) -> None:
        """End trio in the main loop, if it is there, and wait until it has."""
        if self._trio is not None:
            await self._trio.ended(seconds)

    def close(self) -> None:
        """End the threads."""
        if self._trio is not None:
            self._trio.close()
        self.workers.close()
        for worker in list(self.subshells.values()):
            worker.end()

    # Where

    def begin(self, cell: Cell) -> None:
        """Run a cell, soon. From any thread."""
        request = cell.request
        subshell = self.subshells.get(request.place) if request.place is not None else None
        if request.options.mode is RunMode.THREAD:
            self.workers.lend().begin(cell, self._run, is_fresh=True)
        elif subshell is not None:
            subshell.begin(cell, self._run, is_fresh=request.options.mode is RunMode.TASK)
        elif threading.get_ident() == self._thread:
            # Not in the context of the cell that ends here.
            self._loop.call_soon(self._begin_here, cell, context=contextvars.Context())
        else:
            self._loop.call_soon_threadsafe(self._begin_here, cell)

    def _begin_here(self, cell: Cell) -> None:
        if self.gives_way():
            empty = contextvars.Context()
            self._loop.call_later(GIVES_WAY, self._begin_here, cell, context=empty)
            return
        context = self._context_of(cell.request.lane)
        if cell.request.options.mode is RunMode.TASK:
            context = self._context_of(MAIN).copy()
            cell.kept["before"] = context.copy()
            cell.kept["context"] = context
        if self._trio is None:
            cell.guard = guard = MainGuard()
            cell.task = self._loop.create_task(Stepped(self._run(cell), guard), context=context)
        else:
            cell.guard = guard = TrioGuard()
            lane = None if cell.request.options.mode is RunMode.TASK else cell.request.lane
            cell.task = self._trio.spawn(self._run(cell), guard, context, lane)

    def _context_of(self, lane: tuple[str | None, str]) -> contextvars.Context:
        context = self._contexts.setdefault(lane, contextvars.Context())
        self._contexts.move_to_end(lane)
        while len(self._contexts) > LANES:
            oldest, _ = self._contexts.popitem(last=False)
            if self._trio is not None:
                self._trio.forget(oldest)
        return context

    # What

    async def _run(self, cell: Cell) -> None:
        CURRENT.set(cell)
        ON_BEHALF.set(None)  # or what the cell before it in its context has set
        set_latest(cell)
        self._answers.status(cell, "busy")
        self._watch_time(cell)
        started = time.time()
        if cell.why is None:
            content = await self._executed(cell)
        else:  # it was stopped before it had a task to be stopped in
            content = error_content(type(cell.why).__name__, str(cell.why))
        assert cell.guard is not None
        cell.guard.leave(0)
        cell.is_over = True
        is_ill = content["status"] == "error"
        is_silent = bool(cell.parent["content"].get("silent", False))
        if is_ill and not is_silent and cell.request.stop_on_error:
            self._answers.flush(cell)
            self._fail(cell, content, started)
            return
        self._answers.finish_cell(cell, content, started)
        self.end(cell, Ending.ILL if is_ill else Ending.WELL)

    def _watch_time(self, cell: Cell) -> None:
        timeout = cell.request.options.timeout
        if timeout is not None:
            why = CellTimeoutError(f"the cell ran longer than {timeout:g} s")
            self._channels.call_later(timeout, lambda: self.jobs.stop(cell, why))

    async def _executed(self, cell: Cell) -> dict[str, Any]:
        try:
            return await self._execute(cell)
        except (KeyboardInterrupt, asyncio.CancelledError) as error:
            return error_content(type(error).__name__, str(error))
        except BaseException as error:
            log.exception("request %s goes wrong in the kernel", cell.request.msg_id)
            return error_content(type(error).__name__, str(error))

    def end(self, cell: Cell, ending: Ending) -> None:
        """Note the end of a cell that was answered. From any thread."""
        context, before = cell.kept.get("context"), cell.kept.get("before")
        if context is not None and before is not None:
            self._merge(context, before)
        cell.kept.clear()
        worker = cell.worker
        if worker is not None and cell.request.options.mode is RunMode.THREAD:
            worker.cell = None
            self.workers.take_back(worker)
        self.jobs.finish(cell, ending)

    def _merge(self, context: contextvars.Context, before: contextvars.Context) -> None:
        """Let what a task has set live on, as what a cell of the queue has set does."""
        changed = [
            (var, value)
            for var, value in context.items()
            if var not in OURS and before.get(var, NOTHING) is not value
        ]

        def set_all() -> None:
            for var, value in changed:
                var.set(value)

        if changed:  # in the main loop, where no context is in use between two steps
            self._loop.call_soon_threadsafe(lambda: self._context_of(MAIN).run(set_all))

    async def _execute(self, cell: Cell) -> dict[str, Any]:
        """Run a cell's code, as IPython does, and give the reply's content."""
        shell = self._shell
        content, metadata = cell.parent["content"], cell.parent["metadata"]
        code: str = content["code"]
        silent = bool(content.get("silent", False))
        store_history = bool(content.get("store_history", True)) and not silent
        is_counted = store_history and bool(code) and not code.isspace()
        number = shell.take_number(cell, is_counted=is_counted)
        if not silent:
            self._answers.publish_for(
                cell, "execute_input", {"code": code, "execution_count": number}
            )
        if threading.get_ident() == self._thread:
            self.jobs.stopper.reinstall()
        transformed, failed = self._transform(code)
        cell.kept["code"] = transformed
        result = None
        prepared = {"transformed_cell": transformed, "preprocessing_exc_tuple": failed}
        try:
            coroutine = shell.run_cell_async(
                code,
                store_history=store_history,
                silent=silent,
                cell_id=metadata.get("cellId"),
                cell_meta=metadata,
                **prepared,
            )
            if shell.loop_runner is asyncio_runner or not shell.should_run_async(code, **prepared):
                result = await coroutine
            else:
                result = run_by(shell.loop_runner, coroutine, cell)
        finally:
            assert cell.guard is not None
            cell.guard.leave(0)
            shell.events.trigger("post_execute")
            if not silent:
                shell.events.trigger("post_run_cell", result)
        return self._content_of(content.get("user_expressions") or {}, result)

    def _transform(self, code: str) -> tuple[str, Any]:
        try:
            return self._shell.transform_cell(code), None
        except Exception:
            return code, sys.exc_info()

    def _content_of(self, expressions: dict[str, str], result: Any) -> dict[str, Any]:
        shell = self._shell
        error = result.error_before_exec or result.error_in_exec
        is_well = result.success and not shell._last_traceback_during_displayhook
        reply: dict[str, Any] = {"status": "ok" if is_well else "error"}
        if not is_well:
            reply |= {
                "traceback": shell._last_traceback or [],
                "ename": type(error).__name__,
                "evalue": str(error),
                "engine_info": {**self._engine, "method": "execute"},
            }
        reply["execution_count"] = shell.execution_count - 1
        reply["user_expressions"] = shell.user_expressions(expressions) if is_well else {}
        reply["payload"] = shell.payload_manager.read_payload()
        return reply
