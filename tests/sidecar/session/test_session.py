"""One document, one kernel, and front ends that come and go; on real kernels."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from benchmarks.notebooks import differences, session_run
from benchmarks.own_notebooks import make
from conkernelclient.errors import EditError, NotebookError, SessionError
from conkernelclient.outputs.notebook_widgets import STATE
from conkernelclient.sidecar.actions.hooks import Cell, Refused
from conkernelclient.sidecar.document import (
    ChangeType,
    ClearOutputs,
    EditCell,
    Notebook,
    SetOutputs,
    is_stale,
    new_cell,
)
from conkernelclient.sidecar.document.ynotebook import YNotebookSink
from conkernelclient.sidecar.session.session import NotebookSession
from conkernelclient.sidecar.session.session_events import (
    CellStateChanged,
    Edited,
    InputAnswered,
    InputAsked,
    KernelStateChanged,
    MetadataChanged,
    Missed,
    OutputsChanged,
    Question,
    Saved,
    SaveFailed,
    Snapshot,
)
from conkernelclient.sidecar.sidecar import Sidecar
from tests.cli.test_run_notebook import by_nbclient
from tests.clients import LONG, until

from ..document.documents import Shared
from .sessions import FrontEnd, book, session_of, texts

if TYPE_CHECKING:
    from pathlib import Path

    from conkernelclient import ConKernelManager, Result

SLEEP = "import time; print('on', flush=True); time.sleep(60)"
RAN = [("queued", None), ("running", None), ("idle", "ok")]


async def test_a_cell_is_run_and_every_step_is_told(km: ConKernelManager) -> None:
    """What it shows is in the document when its action has ended, and is told before its end."""
    async with session_of(km, book("print('x')\n1 + 1")) as (session, front_end):
        action = session.run_cell("a")
        assert session.run_cell("a") is action
        assert session.queue == ["a"]
        result = await action
        assert result.status == "ok"
        assert texts(session, "a") == ["x\n", "2"]
        cell = session.notebook.cell("a")
        assert cell["execution_count"] == result.execution_count
        assert is_stale(cell) is False
        assert session.queue == []
        board = await front_end.catch_up()
        assert front_end.states("a") == RAN
        assert [event.revision for event in front_end.events] == list(
            range(1, session.revision + 1)
        )
        kinds = [type(event) for event in front_end.events]
        assert kinds.index(OutputsChanged) < kinds[1:].index(CellStateChanged) + 1
        assert isinstance(front_end.events[-1], CellStateChanged)
        assert board.standing.statuses == {"a": "ok"}
        session.edit_cell("a", "2", by="anne")
        assert is_stale(cell) is True
        event = await front_end.until(Edited)
        assert (event.change, event.by) == ((EditCell("a", "2"),), "anne")


async def test_the_kernels_language_is_kept_once_a_cell_has_run(km: ConKernelManager) -> None:
    """A notebook that is only looked at stays as it is."""
    async with session_of(km, book("1")) as (session, front_end):
        await front_end.catch_up()
        assert session.notebook.metadata == {}
        await session.run_cell("a")
        event = await front_end.until(MetadataChanged)
        assert event.metadata["language_info"]["name"] == "python"
        assert session.notebook.language == "python"


async def test_edits_are_made_for_all_and_a_wrong_one_reaches_its_caller_alone(
    km: ConKernelManager,
) -> None:
    """Also of a cell that another one has deleted."""
    async with session_of(km, book("1", "2")) as (session, front_end):
        made = session.add_cell("# x", "markdown", 1)
        session.move_cell(made, 0)
        assert session.notebook.ids == [made, "a", "b"]
        session.delete_cell("b")
        before = session.revision
        for wrong in (
            lambda: session.edit_cell("b", "3"),
            lambda: session.delete_cell("b"),
            lambda: session.run_cell("b"),
            lambda: session.run_cell(made),
            lambda: session.run_dependants("b"),
            lambda: session.answer("a", "x"),
        ):
            with pytest.raises(EditError):
                wrong()
        assert session.edit_cell("a", "1") is None  # as it was
        assert session.revision == before
        assert session.cancel("a") is False
        assert (await front_end.catch_up()).notebook.ids == [made, "a"]


async def test_an_error_aborts_those_behind_it_unless_it_is_expected(
    km: ConKernelManager,
) -> None:
    """As the tag `raises-exception` says."""
    notebook = book("1 / 0", "2", "3 / 0", "4")
    notebook.cell("a")["metadata"]["tags"] = ["raises-exception"]
    async with session_of(km, notebook) as (session, front_end):
        results = [await action for action in session.run_all()]
        assert [result.status for result in results] == ["error", "ok", "error", "aborted"]
        assert texts(session, "a") == ["ZeroDivisionError"]
        await front_end.catch_up()
        assert front_end.states("c") == [("queued", None), ("running", None), ("idle", "error")]
        assert front_end.states("d") == [("queued", None), ("idle", "aborted")]


async def test_what_is_queued_is_taken_out_and_what_runs_is_interrupted(
    km: ConKernelManager,
) -> None:
    """By cancelling, and by deleting; those behind go on."""
    async with session_of(km, book(SLEEP, "1", "2", SLEEP, "5")) as (session, front_end):
        actions = session.run_all()
        await front_end.until(OutputsChanged, cell_id="a", start=0, outputs=[_printed("on\n")])
        assert session.queue == ["a", "b", "c", "d", "e"]
        assert session.cancel("b")
        session.delete_cell("c")
        assert session.queue == ["a", "d", "e"]
        with pytest.raises(asyncio.CancelledError):
            await actions[1]
        session.delete_cell("a")
        await front_end.until(OutputsChanged, cell_id="d", start=0, outputs=[_printed("on\n")])
        assert front_end.states("a")[-1] == ("idle", "cancelled")
        assert front_end.states("b") == front_end.states("c")
        assert front_end.states("b") == [("queued", None), ("idle", "cancelled")]
        session.apply(ChangeType("d", "markdown"))
        assert (await actions[4]).status == "ok"
        await front_end.catch_up()
        assert front_end.states("d")[-1] == ("idle", "cancelled")
        assert session.notebook.ids == ["b", "d", "e"]


def _printed(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


async def test_a_cell_that_runs_may_be_queued_again_and_all_is_cancelled(
    km: ConKernelManager,
) -> None:
    """It stands as running until its first run has ended."""
    async with session_of(km, book(SLEEP, "1")) as (session, front_end):
        first = session.run_cell("a")
        await front_end.until(CellStateChanged, cell_id="a", state="running")
        again = session.run_cell("a")
        assert again is not first
        assert session.run_cell("a") is again
        session.run_cell("b")
        assert session.queue == ["a", "a", "b"]
        assert session.cancel("a")  # what waits goes first
        assert session.queue == ["a", "b"]
        session.run_cell("a")
        session.cancel_all()
        with pytest.raises(asyncio.CancelledError):
            await first
        await front_end.catch_up()
        assert session.queue == []
        assert front_end.states("b") == [("queued", None), ("idle", "cancelled")]
        assert front_end.states("a") == [
            ("queued", None),
            ("running", None),
            ("running", None),
            ("running", "cancelled"),
            ("running", None),
            ("running", "cancelled"),
            ("idle", "cancelled"),
        ]


async def test_an_interrupt_ends_what_runs_and_aborts_what_waits(km: ConKernelManager) -> None:
    """With the kernel's own error in the cell."""
    async with session_of(km, book(SLEEP, "1")) as (session, front_end):
        actions = session.run_all()
        await front_end.until(OutputsChanged, cell_id="a", start=0, outputs=[_printed("on\n")])
        await front_end.until(KernelStateChanged, state="busy")
        await session.interrupt()
        assert [(await action).status for action in actions] == ["error", "aborted"]
        assert texts(session, "a") == ["on\n", "KeyboardInterrupt"]
        await front_end.catch_up()
        assert session.state().kernel_state == "idle"


async def test_dependants_run_in_order_or_it_is_told_why_they_are_not_known(
    km: ConKernelManager,
) -> None:
    """A cycle and an `exec` are named; nothing runs then."""
    notebook = book("x = 1", "unrelated = 0", "y = x + 1", "print(y)")
    async with session_of(km, notebook) as (session, _):
        actions = session.run_dependants("a")
        assert session.queue == ["a", "c", "d"]
        assert [(await action).status for action in actions] == ["ok"] * 3
        assert texts(session, "d") == ["2\n"]
        assert session.notebook.cell("b")["execution_count"] is None
        session.edit_cell("d", "exec('z = 1')")
        with pytest.raises(EditError, match=r"what depends on cell 'a' is not known: cell 'd': .*"):
            session.run_dependants("a")
        session.edit_cell("d", "z = y")
        session.edit_cell("a", "x = z")
        with pytest.raises(EditError, match="cell 'a' reads 'z', which only cells below it write"):
            session.run_dependants("a")
        assert session.queue == []


async def test_code_asks_and_one_front_end_answers(km: ConKernelManager) -> None:
    """A late joiner sees the question; a second answer is an error."""
    async with session_of(km, book("print('got', input('who? '))")) as (session, front_end):
        action = session.run_cell("a")
        asked = await front_end.until(InputAsked)
        assert (asked.cell_id, asked.prompt, asked.password) == ("a", "who? ", False)
        assert session.state().question == Question("a", "who? ", False)
        with pytest.raises(EditError):
            session.answer("b", "x")
        session.answer("a", "me")
        with pytest.raises(EditError, match="asks for no input"):
            session.answer("a", "you")
        await action
        assert texts(session, "a")[-1].endswith("got me\n")
        await front_end.until(InputAnswered)
        session.edit_cell("a", "import getpass; getpass.getpass('secret ')")
        action = session.run_cell("a")
        await front_end.until(InputAsked, password=True)
        await session.interrupt()
        assert (await action).status == "error"
        await front_end.catch_up()
        assert session.state().question is None


async def test_code_may_be_kept_from_asking(km: ConKernelManager) -> None:
    """As nbclient does it."""
    async with session_of(km, book("input()"), allow_stdin=False) as (session, _):
        assert (await session.run_cell("a")).status == "error"
        assert texts(session, "a") == ["StdinNotImplementedError"]


class Hooked(Sidecar):
    """Rewrites, refuses, and fails."""

    def before_execute(self, cell: Cell) -> Any:
        match cell.cell_id:
            case "a":
                return Cell(cell.code.replace("1", "2"), cell.cell_id)
            case "b":
                return Refused("not here")
            case "c":
                raise LookupError("broken hook")
            case _:
                return None


async def test_a_hook_rewrites_what_is_sent_and_the_cell_stays(km: ConKernelManager) -> None:
    """Outputs are of the cell's own source; one that is refused shows why."""
    notebook = book("print(1)", "2", "3", "4")
    async with session_of(km, notebook, sidecar_class=Hooked) as (session, front_end):
        await session.run_cell("a")
        cell = session.notebook.cell("a")
        assert (cell["source"], texts(session, "a")) == ("print(1)", ["2\n"])
        assert is_stale(cell) is False
        assert (await session.run_cell("b")).status == "error"
        assert texts(session, "b") == ["Refused"]
        with pytest.raises(LookupError):
            await session.run_cell("c")
        assert texts(session, "c") == ["LookupError"]
        await front_end.catch_up()
        assert front_end.states("b") == [("queued", None), ("idle", "refused")]
        assert front_end.states("c") == [("queued", None), ("idle", "failed")]


class Censor(Sidecar):
    """Takes out what is secret; of cell "c" it makes what no notebook may have."""

    async def after_execute(self, cell: Cell, result: Result) -> Result | None:
        await asyncio.sleep(0)
        if cell.cell_id == "c":
            return replace(result, outputs=[{"output_type": "unheard-of"}])
        if "secret" not in result.stdout:
            return None
        return replace(result, outputs=[_printed(result.stdout.replace("secret", "***"))])


async def test_a_hook_rewrites_what_a_cell_shows(
    km: ConKernelManager, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Before its end is told, and before it is saved; outputs that are not valid are not taken."""
    notebook = book("print('a secret')", "print('none')", "print('kept')", "print('a secret')")
    path = tmp_path / "n.ipynb"
    async with session_of(km, notebook, sidecar_class=Censor, path=path) as (session, front_end):
        runs = [session.run_cell(cell_id) for cell_id in "abcd"]
        results = [await run for run in runs]
        assert [result.stdout for result in results] == ["a ***\n", "none\n", "", "a ***\n"]
        assert [run.is_rewritten for run in runs] == [True, False, True, True]
        assert [texts(session, cell_id) for cell_id in "abcd"] == [
            ["a ***\n"],
            ["none\n"],
            ["kept\n"],
            ["a ***\n"],
        ]
        numbers = [session.notebook.cell(cell_id)["execution_count"] for cell_id in "abcd"]
        assert numbers == [result.execution_count for result in results]
        assert is_stale(session.notebook.cell("a")) is False
        await session.save()
        saved = nbformat.read(path, 4)
        assert "secret" not in str([cell["outputs"] for cell in saved.cells])
        await front_end.catch_up()
        *_, shown, end = (e for e in front_end.events if getattr(e, "cell_id", None) == "d")
        assert (shown.outputs, end.status) == ([_printed("a ***\n")], "ok")
    assert caplog.text.count("cell 'c': ") == 1


async def test_a_hook_that_takes_its_time_holds_up_its_own_cell_alone(
    km: ConKernelManager,
) -> None:
    """What it gives is shown when it is there, unless the cell shows another run by then."""
    released = asyncio.Event()

    class Slow(Censor):
        async def after_execute(self, cell: Cell, result: Result) -> Result | None:
            if result.code.startswith("print"):
                await released.wait()
            return await super().after_execute(cell, result)

    notebook = book("print('a secret')", "print('the secret')", "3")
    async with session_of(km, notebook, sidecar_class=Slow) as (session, front_end):
        runs = [session.run_cell(cell_id) for cell_id in "ab"]
        await session.run_cell("c")
        await front_end.catch_up()
        assert front_end.states("a") == RAN
        assert texts(session, "a") == ["a secret\n"]
        session.apply(EditCell("b", "'once more'"))
        await session.run_cell("b")
        released.set()
        assert [(await run).stdout for run in runs] == ["a ***\n", "the ***\n"]
        assert (texts(session, "a"), texts(session, "b")) == (["a ***\n"], ["'once more'"])


async def test_edits_of_outputs_stand_against_what_the_kernel_shows_in_other_cells(
    km: ConKernelManager,
) -> None:
    """What is cleared stays so, also while the cell runs."""
    code = "from IPython.display import display\nh = display('one', display_id='d')"
    wait = "print('before', flush=True); input(); print('after')"
    async with session_of(km, book(code, "h.update('two')", wait)) as (session, front_end):
        await session.run_cell("a")
        await session.run_cell("b")
        assert texts(session, "a") == ["'two'"]
        session.apply(ClearOutputs("a"))
        await session.run_cell("b")
        assert texts(session, "a") == []
        action = session.run_cell("c")
        await front_end.until(InputAsked)
        await front_end.until(OutputsChanged, cell_id="c", outputs=[_printed("before\n")])
        session.apply(ClearOutputs())
        session.answer("c", "")
        await action
        assert "after\n" in texts(session, "c")[-1]
        assert "before" not in texts(session, "c")[-1]
        session.apply(SetOutputs("c", [_printed("mine")]))
        assert texts(session, "c") == ["mine"]


async def test_a_display_is_updated_over_cells_and_an_output_widget_takes_its_own(
    km: ConKernelManager, tmp_path: Path
) -> None:
    """The kernel knows what is in the widget; the saved notebook has it."""
    sources = (
        "import ipywidgets\nfrom IPython.display import display\n"
        "out = ipywidgets.Output()\nh = display('old', display_id=True)\nout",
        "with out:\n    print('inside')\n    1 / 0",
        "h.update('new')\n[one['output_type'] for one in out.outputs]",
    )
    path = tmp_path / "x.ipynb"
    async with session_of(km, book(*sources), path=path) as (session, front_end):
        results = [await action for action in session.run_all()]
        assert [result.status for result in results] == ["ok"] * 3
        assert texts(session, "a")[0] == "'new'"
        assert texts(session, "b") == []
        assert texts(session, "c") == ["['stream', 'error']"]
        await session.save()
        await front_end.until(Saved, path=str(path))
        (model,) = [
            one
            for one in session.notebook.metadata["widgets"][STATE]["state"].values()
            if one["model_name"] == "OutputModel"
        ]
        assert model["state"]["outputs"][0]["text"] == "inside\n"
    saved: Any = nbformat.read(path, as_version=4)
    nbformat.validate(saved)
    view = saved.cells[0].outputs[1].data["application/vnd.jupyter.widget-view+json"]
    assert view["model_id"] in saved.metadata.widgets[STATE].state


async def test_a_shared_document_takes_the_same_outputs(km: ConKernelManager) -> None:
    """Beside the notebook, with number and hash."""
    shared = Shared()
    notebook = Notebook.from_dict(shared.get())
    async with session_of(km, notebook, sink=YNotebookSink(shared.notebook)) as (session, _):
        session.edit_cell("b", "print(1, flush=True)\n2")
        for action in session.run_all():
            await action
        session.delete_cell("text")  # what people edit there is not followed, nor told there
        ours, theirs = session.notebook.to_dict(), shared.get()
        assert texts(session, "b") == ["1\n", "2"]
        for one, other in zip(ours["cells"], theirs["cells"], strict=False):
            assert {**one, "source": ""} == {**other, "source": ""}
        assert len(theirs["cells"]) == len(ours["cells"]) + 1


async def test_outputs_are_kept_while_nobody_looks_and_are_saved(
    km: ConKernelManager, tmp_path: Path
) -> None:
    """Who comes later has them, and the file too, without a call."""
    path = tmp_path / "x.ipynb"
    async with (
        Sidecar(km) as sidecar,
        NotebookSession(book("print(1)"), sidecar, path, autosave=0.0) as session,
    ):
        await session.run_cell("a")
        late = FrontEnd(session)
        board = await late.catch_up()
        assert len(late.told) == 1
        assert board.notebook.cell("a")["outputs"] == [_printed("1\n")]
        # It may be saved by now, or soon.
        await until(
            lambda: path.exists() and Notebook.load(path).cell("a")["outputs"] == [_printed("1\n")]
        )
    assert Notebook.load(path).cell("a")["outputs"] == [_printed("1\n")]


async def test_the_last_state_is_saved_at_the_end(km: ConKernelManager, tmp_path: Path) -> None:
    """Also where it is not saved by itself."""
    book("1").save(tmp_path / "x.ipynb")
    async with Sidecar(km) as sidecar:
        async with NotebookSession(tmp_path / "x.ipynb", sidecar, autosave=None) as session:
            assert session.path == str(tmp_path / "x.ipynb")
            session.edit_cell("a", "2")
            assert Notebook.load(tmp_path / "x.ipynb").cell("a")["source"] == "1"
        assert Notebook.load(tmp_path / "x.ipynb").cell("a")["source"] == "2"
        with pytest.raises(SessionError, match="not open"):
            session.edit_cell("a", "3")


async def test_a_file_that_another_program_changed_is_not_overwritten(
    km: ConKernelManager, tmp_path: Path
) -> None:
    """It is told, tried again at the next change, and done when it is forced."""
    path = tmp_path / "x.ipynb"
    book("1").save(path)
    async with session_of(km, Notebook.load(path), path=path, autosave=0.0) as (session, front_end):
        book("theirs").save(path)
        session.edit_cell("a", "ours")
        failed = await front_end.until(SaveFailed)
        assert "another program has changed it" in failed.reason
        assert session.state().save_error == failed.reason
        with pytest.raises(NotebookError, match="another program"):
            await session.save()
        assert Notebook.load(path).cell("a")["source"] == "theirs"
        await session.save(force=True)
        assert Notebook.load(path).cell("a")["source"] == "ours"
        session.edit_cell("a", "ours again")
        await front_end.until(Saved)
        assert session.state().save_error is None
    assert Notebook.load(path).cell("a")["source"] == "ours again"


async def test_a_state_that_cannot_be_saved_at_the_end_is_an_error(
    km: ConKernelManager, tmp_path: Path
) -> None:
    """But not in the place of another one."""
    path = tmp_path / "gone" / "x.ipynb"
    async with Sidecar(km) as sidecar:
        assert NotebookSession(book("1"), sidecar).sidecar is sidecar
        with pytest.raises(NotebookError, match="cannot be written"):
            async with NotebookSession(book("1"), sidecar, path, autosave=None) as session:
                session.edit_cell("a", "2")
        with pytest.raises(LookupError):
            async with NotebookSession(book("1"), sidecar, path, autosave=None) as session:
                session.edit_cell("a", "2")
                raise LookupError
        async with NotebookSession(book("1"), sidecar) as session:
            with pytest.raises(SessionError, match="no file"):
                await session.save()


async def test_a_kernel_that_is_killed_leaves_the_outputs_and_a_saved_file(
    mortal: ConKernelManager, tmp_path: Path
) -> None:
    """Amid all cells: every one is told how it ended."""
    die = "import os, time; print('last', flush=True); time.sleep(60)"
    path = tmp_path / "x.ipynb"
    notebook = book("import os; os.getpid()", die, "3")
    async with session_of(mortal, notebook, path=path, autosave=None) as (session, front_end):
        session.run_all()
        await front_end.until(OutputsChanged, cell_id="b", outputs=[_printed("last\n")])
        os.kill(int(texts(session, "a")[0]), signal.SIGKILL)
        told = await front_end.until(KernelStateChanged, state="dead")
        assert told.reason
        assert "\n" not in told.reason
        await front_end.until(CellStateChanged, cell_id="b", state="idle", status="dead")
        await front_end.until(CellStateChanged, cell_id="c", state="idle", status="dead")
        await front_end.until(Saved)
        assert session.queue == []
        saved = Notebook.load(path)
        assert saved.cell("b")["outputs"] == [_printed("last\n")]
        assert session.state().kernel_state == "dead"


async def test_a_restart_ends_the_cells_and_leaves_the_outputs(mortal: ConKernelManager) -> None:
    """And the next cell runs in the new kernel."""
    notebook = book(SLEEP, "2", "3")
    async with session_of(mortal, notebook) as (session, front_end):
        for cell_id in "ab":
            session.run_cell(cell_id)
        await front_end.until(OutputsChanged, cell_id="a", outputs=[_printed("on\n")])
        await session.restart()
        assert (await session.run_cell("c")).status == "ok"
        await front_end.catch_up()
        assert front_end.states("a")[-1] == ("idle", "restarted")
        assert front_end.states("b") == [("queued", None), ("idle", "restarted")]
        assert texts(session, "a") == ["on\n"]
        states = [one.state for one in front_end.events if isinstance(one, KernelStateChanged)]
        assert states.index("restarting") < len(states) - 1
        assert states[-1] == "idle"


async def test_a_slow_watcher_among_twenty_delays_nobody_and_is_told_what_it_missed(
    km: ConKernelManager,
) -> None:
    """At the end all have the same document."""
    async with session_of(km, book("1")) as (session, _):
        quick = [FrontEnd(session) for _ in range(19)]
        slow = FrontEnd(session, limit=10)
        await slow.catch_up()
        for number in range(100):
            session.edit_cell("a", f"x = {number}")
            for front_end in quick:
                await front_end.catch_up()
        await session.run_cell("a")
        board = await slow.catch_up()
        missed, snapshot = slow.told[1:3]
        assert isinstance(missed, Missed)
        assert isinstance(snapshot, Snapshot)
        assert missed.events > 100
        assert board.missed == slow.watcher.missed == missed.events
        for front_end in quick:
            other = await front_end.catch_up()
            assert other.missed == 0
            assert other.notebook.to_dict() == board.notebook.to_dict()
            front_end.watcher.close()
        slow.watcher.close()


async def test_who_leaves_cancels_no_run_and_the_session_ends_for_all(
    km: ConKernelManager,
) -> None:
    """What waits is withdrawn at the end, what runs goes on."""
    async with Sidecar(km) as sidecar:
        async with NotebookSession(book(SLEEP, "2"), sidecar) as session:
            front_end = FrontEnd(session)
            await front_end.catch_up()
            runs, waits = session.run_all()
            leaving = asyncio.ensure_future(_awaited(runs))
            await front_end.until(CellStateChanged, cell_id="a", state="running")
            leaving.cancel()
            await asyncio.wait([leaving])
            assert not runs.done()
        with pytest.raises(asyncio.CancelledError):
            await waits
        assert not runs.done()
        async with asyncio.timeout(LONG):
            rest = [told async for told in front_end.watcher]
        ended = [told for told in rest if isinstance(told, CellStateChanged)]
        assert [(told.cell_id, told.state) for told in ended] == [("b", "idle")]
        await sidecar.interrupt()
        assert (await runs).status == "error"
        assert session.queue == []


async def _awaited(action: Any) -> None:
    await action


@pytest.mark.parametrize("name", ["text", "displays", "widgets", "errors", "stops", "parameters"])
async def test_a_notebook_is_left_as_nbclient_leaves_it(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Outputs, numbers, widgets' states, and where it stops; what benchmarks/notebooks.py does."""
    path = tmp_path / "x.ipynb"
    nbformat.write(make(name), path)
    theirs = make(name)
    theirs_ended, (ours, ended) = await asyncio.gather(by_nbclient(theirs), session_run(path))
    assert ended == theirs_ended
    assert list(differences(ours, theirs)) == []
    capfd.readouterr()  # nbclient's kernel writes there


async def test_notebooks_of_other_formats_are_upgraded_and_wrong_ones_refused(
    km: ConKernelManager, tmp_path: Path
) -> None:
    """What was done is in the snapshot; what is wrong is told with its place."""
    old: Any = nbformat.v3.new_notebook(
        worksheets=[nbformat.v3.new_worksheet(cells=[nbformat.v3.new_code_cell(input="1")])]
    )
    path = tmp_path / "old.ipynb"
    path.write_text(nbformat.v3.writes_json(old))
    async with Sidecar(km) as sidecar:
        async with NotebookSession(path, sidecar) as session:
            assert session.state().notes == ("upgraded from format 3.0 to 4.5",)
            assert session.notebook.cells[0]["source"] == "1"
        twice = Notebook([new_cell(cell_id="a"), new_cell(cell_id="b")]).to_dict()
        twice["cells"][1]["id"] = "a"
        for content, said in [
            (twice, r"cells\[1\]: its id 'a' is that of cells\[0\]"),
            ({"cells": [{"cell_type": "code"}], "nbformat": 4, "nbformat_minor": 5}, "cells|metad"),
        ]:
            with pytest.raises(NotebookError, match=said):
                async with NotebookSession(_written(tmp_path, content), sidecar):
                    pass
        fixed = Notebook.from_dict(twice, repair=True)
        async with NotebookSession(fixed, sidecar) as session:
            assert "it had that of an earlier one, 'a'" in session.state().notes[0]
        assert repr(session).startswith("<NotebookSession of")


def _written(folder: Path, content: Any) -> Path:
    import json

    path = folder / "wrong.ipynb"
    path.write_text(json.dumps(content))
    return path
