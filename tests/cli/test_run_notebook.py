"""A notebook is left as nbclient would leave it, and with what there is when its kernel ends."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import v4

from benchmarks.notebooks import differences
from benchmarks.own_notebooks import make
from conkernelclient import ConKernelManager
from conkernelclient.cli.run_notebook import Outcome, Plan, cells_to_run, run_notebook
from conkernelclient.events import Event, Stream
from tests.clients import until


class Seen:
    """Who watches."""

    def __init__(self) -> None:
        self.text = ""
        self.cells: list[int] = []
        self.ends = 0

    def begins(self, plan: Plan, cell: int) -> None:
        self.cells.append(cell)

    def shows(self, plan: Plan, event: Event) -> None:
        if isinstance(event, Stream):
            self.text += event.text

    def ended(self, plan: Plan) -> None:
        self.ends += 1


def notebook(*sources: str) -> Any:
    """A notebook of these cells."""
    return v4.new_notebook(cells=[v4.new_code_cell(source) for source in sources])


def plan(made: Any, **options: Any) -> Plan:
    """A plan for it, here."""
    return Plan("x.ipynb", made, "python3", ".", **options)


async def by_nbclient(made: Any) -> str:
    """
    Run it with nbclient; gives how it ended.

    With our manager: with jupyter_client's own it waited for ever for a reply, once in some thirty
    runs with widgets on a busy machine.
    """
    client = NotebookClient(made, kernel_name="python3", kernel_manager_class=ConKernelManager)
    try:
        await client.async_execute()
    except CellExecutionError:
        return "error"
    return "ok"


@pytest.mark.parametrize("name", ["text", "displays", "widgets", "errors", "stops"])
async def test_it_is_left_as_nbclient_leaves_it(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Outputs, numbers, widgets' states, and where it stops; a small selection of our own ones."""
    ours, theirs = make(name), make(name)
    theirs_ended, outcome = await asyncio.gather(
        by_nbclient(theirs), run_notebook(plan(ours), Seen())
    )
    assert outcome.status == theirs_ended
    assert list(differences(ours, theirs)) == []
    times = [cell.metadata.execution for cell in ours.cells if cell.get("execution_count")]
    assert set(times[0]) == {
        "iopub.execute_input",
        "iopub.status.busy",
        "iopub.status.idle",
        "shell.execute_reply",
    }
    capfd.readouterr()  # nbclient's kernel writes there


async def test_of_a_kernel_that_dies_the_outputs_so_far_are_there() -> None:
    """And a line tells how it ended, with the last that it wrote; cells after it are not run."""
    die = "import os; print('two', flush=True); os.write(2, b'last'); os.kill(os.getpid(), 9)"
    made = notebook("print('one'); 1", die, "print('three')")
    made.cells[2].outputs = [v4.new_output("stream", text="of another run")]
    seen = Seen()
    outcome = await run_notebook(plan(made, keeps_going=True), seen)
    assert [one.cell for one in outcome.failures] == [2]
    assert outcome.status == "dead"
    assert "the kernel was ended by signal 9" in outcome.failures[0].text
    assert made.cells[0].outputs[0].text == "one\n"
    assert made.cells[2].outputs == []
    assert (seen.cells, seen.ends, outcome.executed, outcome.cells) == ([1, 2], 2, 2, 3)


async def test_it_goes_on_after_errors_and_timeouts_but_not_behind_what_swallows_interrupts() -> (
    None
):
    """Such a cell keeps the kernel: each one after it would wait for ever."""
    stuck = (
        "import time\nprint(end='stuck', flush=True)\nwhile True:\n"
        "    try: time.sleep(60)\n    except KeyboardInterrupt: pass"
    )
    made = notebook("1 / 0", "import time; time.sleep(60)", "print('on')", stuck, "'not run'")
    outcome = await run_notebook(plan(made, timeout=0.5, keeps_going=True), Seen())
    assert [(one.cell, one.status) for one in outcome.failures] == [
        (1, "error"),
        (2, "timeout"),
        (4, "dead"),
    ]
    assert outcome.failures[0].text == "ZeroDivisionError: division by zero"
    assert outcome.failures[1].text == "took longer than 0.5 s, and was interrupted"
    assert made.cells[1].outputs[0].ename == "KeyboardInterrupt"
    assert made.cells[2].outputs[0].text == "on\n"
    assert made.cells[3].outputs[0].text == "stuck"
    assert made.cells[4].outputs == []


async def test_cancelled_it_keeps_what_there_is_and_no_kernel() -> None:
    """As by Ctrl-C."""
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    made, seen = notebook(code), Seen()
    task = asyncio.create_task(run_notebook(plan(made), seen))
    await until(lambda: seen.text)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert made.cells[0].outputs[0].text == seen.text
    with pytest.raises(ProcessLookupError):
        os.kill(int(seen.text), 0)


async def test_what_a_cells_threads_print_later_is_that_cells() -> None:
    """As in JupyterLab, of a kernel that says whose it is."""
    made = notebook(
        "import threading\ngo = threading.Event()\n"
        "thread = threading.Thread(target=lambda: (go.wait(), print('late')))\nthread.start()",
        "go.set(); thread.join(); print('second')",
    )
    outcome = await run_notebook(Plan("x.ipynb", made, "conkernel", "."), Seen())
    assert outcome.status == "ok"
    assert [cell.outputs[0].text for cell in made.cells] == ["late\n", "second\n"]


async def test_a_kernel_that_does_not_start_is_a_failure_before_the_first_cell(
    tmp_path: Path,
) -> None:
    """What another run has left stays."""
    made = notebook("1")
    made.cells[0].outputs = [v4.new_output("stream", text="of another run")]
    gone = Plan("x.ipynb", made, "python3", str(tmp_path / "gone"))
    outcome = await run_notebook(gone, Seen())
    assert [one.cell for one in outcome.failures] == [None]
    assert (outcome.executed, made.cells[0].outputs[0].text) == (0, "of another run")


def test_cells_that_are_run_are_code_that_is_not_empty_and_not_tagged() -> None:
    """With their places among all cells."""
    made = notebook("1", " \n", "2")
    made.cells[0].metadata["tags"] = ["skip-execution"]
    made.cells.insert(0, v4.new_markdown_cell("x"))
    assert [place for place, _ in cells_to_run(made)] == [3]
    assert Outcome(1).status == "ok"
