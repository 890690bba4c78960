"""
How do the cells of one notebook run in a kernel of their own, and what of it is kept?

Cells run in their order. Each gets its outputs, its number and its times; what later cells change
in what earlier ones show, and what widgets hold, is brought in at the end, whatever the end is.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from conkernelclient import ConKernelManager
from conkernelclient.errors import ConKernelError, DeadKernelError
from conkernelclient.outputs.notebook_widgets import NotebookWidgets

from .notebook_file import as_output
from .notebook_parameters import tags_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from conkernelclient import ConKernelClient, Result, Run
    from conkernelclient.events import Event
    from conkernelclient.outputs.reduce import Output
    from conkernelclient.protocol.messages import Message

    from .notebook_file import Notebook

__all__ = ["Failure", "Outcome", "Plan", "Watcher", "cells_to_run", "run_notebook"]

BESIDE: Final = ("status", "execute_input", "comm_open", "comm_msg", "comm_close")
SHOWING: Final = ("stream", "display_data", "execute_result", "error", "clear_output")
IN_MEMORY: Final = "--HistoryManager.hist_file=:memory:"  # kernels that run at once share a file


@dataclass(frozen=True, slots=True)
class Plan:
    """
    What is to be run, and how.

    Attributes:
        name: What it is called in what is printed.
        notebook: It is changed in place.
        kernel_name: The kernelspec.
        cwd: The kernel's working directory.
        timeout: Seconds for each cell; None: any time.
        keeps_going: Whether the cells after one that raised run as well.
    """

    name: str
    notebook: Notebook
    kernel_name: str
    cwd: str
    timeout: float | None = None
    keeps_going: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """
    What went wrong.

    Attributes:
        cell: Number of the cell among all of the notebook, from 1; None: before the first.
        status: "error" (it raised), "timeout", "dead" (the kernel ended).
        text: One line, and the last that the kernel wrote on stderr, if it ended.
    """

    cell: int | None
    status: str
    text: str


@dataclass(slots=True)
class Outcome:
    """What came of a notebook: seconds that it took, cells that have ended, and failures."""

    cells: int
    executed: int = 0
    seconds: float = 0.0
    failures: list[Failure] = field(default_factory=list)

    @property
    def status(self) -> str:
        """What its first failure is; "ok" if there is none."""
        return self.failures[0].status if self.failures else "ok"


class Watcher(Protocol):
    """Who wants to know how a notebook gets on."""

    def begins(self, plan: Plan, cell: int) -> None:
        """Learn that a cell begins, by its number among all cells, from 1."""
        ...

    def shows(self, plan: Plan, event: Event) -> None:
        """Learn of an event of the cell that runs."""
        ...

    def ended(self, plan: Plan) -> None:
        """Learn that a cell has ended."""
        ...


def cells_to_run(notebook: Notebook) -> list[tuple[int, Any]]:
    """Give the cells that are run, with their places: code, not empty, not `skip-execution`."""
    return [
        (place, cell)
        for place, cell in enumerate(notebook.cells)
        if cell.cell_type == "code"
        and cell.source.strip()
        and "skip-execution" not in tags_of(cell)
    ]


async def run_notebook(plan: Plan, watcher: Watcher) -> Outcome:
    """
    Run the notebook of `plan`, and put what it shows into it.

    Returns:
        What came of it; a cell that raises, unless tagged `raises-exception`, one that takes too
        long, and a kernel that ends or does not start are failures.

    Cancelled, it ends its kernel, and what there is of outputs is in the notebook.
    """
    began_at = time.monotonic()
    cells = cells_to_run(plan.notebook)
    outcome = Outcome(len(cells))
    try:
        async with _kernel(plan, outcome) as kc:
            _clear(plan.notebook, cells)
            plan.notebook.metadata["language_info"] = as_output(await _language(kc))
            await _Course(plan, watcher, outcome, kc).run(cells)
    except BrokenPipeError:  # nobody reads what the watcher shows
        raise
    except DeadKernelError as error:
        outcome.failures.append(Failure(None, "dead", _ending(error)))
    except (ConKernelError, RuntimeError, OSError) as error:
        outcome.failures.append(Failure(None, "error", f"the kernel did not start: {error}"))
    outcome.seconds = time.monotonic() - began_at
    return outcome


@dataclass(slots=True)
class _Ran:
    """A cell that was begun; its run is held, or else later cells could not change its displays."""

    cell: Any
    run: Run
    outputs: list[Output] | None = None  # set where some went into a widget


def _clear(notebook: Notebook, cells: list[tuple[int, Any]]) -> None:
    """Take away what another run has left."""
    for _, cell in cells:
        cell.outputs, cell.execution_count = [], None
        cell.metadata.pop("execution", None)
    notebook.metadata.pop("widgets", None)


async def _language(kc: ConKernelClient) -> dict[str, Any]:
    """Give what the kernel says about its language, which a notebook's metadata have."""
    reply = await kc.kernel_info(reply=True)
    return reply["content"].get("language_info") or {}


class _Course:
    """One kernel's way through the cells."""

    def __init__(self, plan: Plan, watcher: Watcher, outcome: Outcome, kc: ConKernelClient) -> None:
        self._plan = plan
        self._watcher = watcher
        self._outcome = outcome
        self._kc = kc
        self._ran: list[_Ran] = []
        self._widgets = NotebookWidgets()
        self._times: dict[str, dict[str, str]] = {}  # by request
        self._subscription = kc.subscribe(self._take, channel="iopub", msg_type=(*BESIDE, *SHOWING))

    async def run(self, cells: list[tuple[int, Any]]) -> None:
        try:
            for place, cell in cells:
                self._watcher.begins(self._plan, place + 1)
                failure = await self._run_cell(place + 1, cell)
                self._watcher.ended(self._plan)
                self._outcome.executed += 1
                if failure is not None:
                    self._outcome.failures.append(failure)
                    if failure.status == "dead" or not self._plan.keeps_going:
                        break
        finally:
            self._subscription.close()
            self._bring_in()

    async def _run_cell(self, number: int, cell: Any) -> Failure | None:
        run = self._kc.run(cell.source, timeout=self._plan.timeout)
        ran, taken = _Ran(cell, run), len(self._widgets.captured)
        self._ran.append(ran)
        try:
            async for event in run:
                self._watcher.shows(self._plan, event)
        except DeadKernelError as error:
            return Failure(number, "dead", _ending(error))
        except ConKernelError as error:
            return Failure(number, "dead", str(error).partition(";")[0])
        result = await run
        await self._subscription.until_handled()
        if len(self._widgets.captured) > taken:
            ran.outputs = self._widgets.uncaptured([event async for event in run])
        for news in self._widgets.news():
            self._kc.comms.post("comm_msg", news)
        return _failure(number, cell, result, self._plan)

    def _take(self, message: Message) -> None:
        request = message["parent_header"].get("msg_id")
        msg_type = message["msg_type"]
        if msg_type not in ("status", "execute_input"):
            self._widgets.take(message)
            return
        key = f"iopub.{msg_type}"
        if msg_type == "status":
            key = f"{key}.{message['content'].get('execution_state')}"
        if isinstance(request, str):
            self._times.setdefault(request, {})[key] = _stamp(message)

    def _bring_in(self) -> None:
        """Put what the runs have shown into the notebook."""
        for ran in self._ran:
            cell, result = ran.cell, ran.run.outcome
            outputs = result.outputs if ran.outputs is None else ran.outputs
            outputs = [*outputs, *self._widgets.uncaptured(ran.run.late)]  # of its threads
            cell.outputs = [as_output(output) for output in outputs]
            cell.execution_count = result.execution_count
            times = self._times.get(ran.run.msg_id, {})
            if result.reply is not None:
                times["shell.execute_reply"] = _stamp(result.reply)
            cell.metadata["execution"] = dict(sorted(times.items()))
        widgets = self._widgets.metadata()
        if widgets is not None:
            self._plan.notebook.metadata["widgets"] = as_output(widgets)


def _failure(number: int, cell: Any, result: Result, plan: Plan) -> Failure | None:
    if result.status == "timeout":
        text = f"took longer than {plan.timeout:g} s"
        if result.still_running:  # each cell after it would wait for it
            return Failure(number, "dead", f"{text}, and goes on although it was interrupted")
        return Failure(number, "timeout", f"{text}, and was interrupted")
    if result.status == "ok" or "raises-exception" in tags_of(cell):
        return None
    error = result.error
    text = result.status if error is None else f"{error.ename}: {error.evalue}"
    return Failure(number, "error", text.strip().partition("\n")[0])


def _ending(error: DeadKernelError) -> str:
    """Say how the kernel ended, and what it wrote at last."""
    if error.signal is not None:
        how = f"the kernel was ended by signal {error.signal}"
    else:
        how = f"the kernel ended with exit status {error.exit_code}"
    last = error.stderr.strip()
    return f"{how}. The last that it wrote on stderr:\n{last}" if last else how


def _stamp(message: Message) -> str:
    date: Any = message["header"].get("date")  # as the kernel has it
    if not isinstance(date, datetime):
        date = datetime.now(UTC)
    return date.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@contextlib.asynccontextmanager
async def _kernel(plan: Plan, outcome: Outcome) -> AsyncGenerator[ConKernelClient, None]:
    """
    Own a kernel, which is asked to end when all is done, and else is ended.

    What it writes outside of cells' outputs is told only if it dies.
    """
    km = ConKernelManager.of_own_kernel(plan.kernel_name, pass_on_output=False)
    kc: ConKernelClient | None = None
    now = True
    try:
        more = [IN_MEMORY] if _is_ipykernel(km) else []
        await km.start_kernel(cwd=plan.cwd, extra_arguments=more)
        kc = km.client(stop_on_error=False)
        kc.start_channels()
        await kc.wait_for_ready(timeout=60)
        yield kc
        now = any(failure.status == "dead" for failure in outcome.failures)
    finally:
        if kc is not None:
            kc.stop_channels()
        await km.shutdown_kernel(now=now)


def _is_ipykernel(km: Any) -> bool:
    """Whether the kernel takes ipykernel's arguments."""
    argv: list[str] = km.kernel_spec.argv
    return not {"ipykernel_launcher", "ipykernel", "conkernelclient.kernel"}.isdisjoint(argv)
