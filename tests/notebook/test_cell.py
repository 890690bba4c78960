"""A cell runs in another kernel whatever that does: hang, end, ask, draw; so it does in a shell."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from conkernelclient import ConKernelManager
from conkernelclient.notebook.cell import Wanted
from conkernelclient.outputs.terminal import strip_ansi
from tests.clients import LONG, opened, until
from tests.manager.processes import is_running, kill
from tests.notebook.notebook import notebook

if TYPE_CHECKING:
    from pathlib import Path

    from tests.notebook.notebook import Notebook

SWALLOWS: Final = """%%kernel stubborn --spec python3
import time
for _ in range(1000):
    try:
        print('go', flush=True)
        time.sleep(1000)
    except KeyboardInterrupt:
        pass
"""
PID: Final = "import os; os.getpid()"


def test_a_cell_wants_a_kernel_and_code() -> None:
    """The rest has defaults."""
    assert Wanted("a", "1") == Wanted("a", "1", spec=None, existing=None, timeout=None)


async def test_a_timeout_interrupts_and_fails_the_cell(nb: Notebook) -> None:
    """With what was shown until then, and where the code was."""
    code = "%%kernel a --timeout 0.3 --out late\nprint('begun', flush=True)\nimport time"
    result = await nb.cell(f"{code}\ntime.sleep(1000)")
    assert result.error is not None
    assert result.error.ename == "ReplyTimeout"
    assert result.stdout == "begun\n"
    assert "time.sleep(1000)" in result.error.text
    assert result.error.text.endswith("ReplyTimeout: timed out after 0.3 s in the kernel 'a'")
    assert await nb.shown("print(late.status)") == "timeout\n"


async def test_a_kernel_that_ends_fails_the_cell_and_the_next_begins_anew(nb: Notebook) -> None:
    """Each is told in one line."""
    result = await nb.cell("%%kernel a\nimport os; os._exit(3)")
    assert result.error is not None
    assert result.error.text == (
        "DeadKernelError: the kernel ended with exit status 3 while this ran: its variables are "
        "lost; the next %%kernel a begins anew"
    )
    result = await nb.cell("%%kernel a\n1")
    assert result.status == "ok"
    assert result.stderr.startswith("kernel 'a' had ended; a fresh one was started")
    assert (await nb.cell("%%kernel a\n1")).stderr == ""


async def test_code_that_swallows_an_interrupt_holds_the_notebook_for_seconds_only(
    nb: Notebook,
) -> None:
    """The cell says how to end it; one more interrupt ends the wait, if it comes a second later."""
    hurry = "import conkernelclient.notebook.cell as cell\ncell.REPEATED = {}; cell.PATIENCE = {}"
    await nb.shown(hurry.format(0, 1000))
    run = await nb.begun(SWALLOWS)
    await nb.km.interrupt_kernel()
    async for _event in run:  # the second `go` comes after the interrupt was swallowed
        if run.outcome.stdout.count("go") == 2:
            break
    await nb.km.interrupt_kernel()
    result = await run
    assert result.error is not None
    assert "goes on: %kernel restart stubborn ends it" in result.error.evalue
    assert "conkernelclient" not in result.error.text
    await nb.shown(hurry.format(1000, 0.3))
    await nb.shown("%kernel restart stubborn")
    result = await nb.interrupted(SWALLOWS)
    assert result.error is not None
    assert "goes on" in result.error.evalue
    await nb.shown(hurry.format(1, 5))
    await nb.shown("%kernel restart stubborn")
    assert await nb.shown("%%kernel stubborn\n1") == "1\n"
    await nb.shown("%kernel shutdown stubborn")


HELD: Final = """
import threading
from pathlib import Path
import conkernelclient.notebook.kernels as kernels
def held(function, path):
    async def hold(*arguments):
        Path(path).touch()
        return await function(*arguments)
    return hold
kernels._started = held(kernels._started, {started!r})
kernels._renewed = held(kernels._renewed, {renewed!r})
"""


async def test_an_interrupt_amid_a_start_or_restart_leaves_it_to_go_on(
    nb: Notebook, tmp_path: Path
) -> None:
    """Where it comes is one line; the cell did not run, and the kernel is there."""
    started, renewed = tmp_path / "started", tmp_path / "renewed"
    await nb.shown(HELD.format(started=str(started), renewed=str(renewed)))
    for code, path, said in (
        ("%%kernel slow --spec python3\nx = 1", started, "it did not run"),
        ("%kernel restart slow", renewed, "KeyboardInterrupt"),
    ):
        run = nb.kc.run(code, timeout=LONG)
        await until(path.exists)
        await nb.km.interrupt_kernel()
        result = await run
        assert result.error is not None
        assert said in result.error.text
        assert result.error.text.count("\n") == 0
        assert await nb.shown("%%kernel slow\n'x' in dir()") == "False\n"
    await nb.shown("%kernel shutdown slow")


async def test_an_interrupted_question_is_asked_no_more(nb: Notebook) -> None:
    """The cell has failed, and the kernel is free."""
    from conkernelclient.events import InputRequest

    run = nb.kc.run("%%kernel a\ninput('name? ')", on_stdin=lambda _question: None)
    async for event in run:
        if isinstance(event, InputRequest):
            break
    await nb.km.interrupt_kernel()
    result = await run
    assert result.error is not None
    assert result.error.ename == "KeyboardInterrupt"
    assert await nb.shown("%%kernel a\n1") == "1\n"


async def test_displays_of_two_kernels_never_meet(nb: Notebook) -> None:
    """The same id in the notebook and in two kernels is three displays; updates find their own."""
    shows = "_ = display('{}', display_id='same')"
    cells = [
        nb.kc.run(shows.format("mine")),
        nb.kc.run(f"%%kernel a\n{shows.format('first')}"),
        nb.kc.run(f"%%kernel b --spec python3\n{shows.format('second')}"),
        nb.kc.run("%%kernel a\nfrom IPython.display import update_display"),
    ]
    results = [(await run).raise_for_status() for run in cells]
    await nb.shown("%%kernel a\nupdate_display('changed', display_id='same')")
    texts = [it.outputs[0]["data"]["text/plain"] for it in results[:3]]
    assert texts == ["'mine'", "'changed'", "'second'"]
    await nb.shown("%kernel shutdown b")


async def test_a_widget_is_text_that_follows_it(nb: Notebook) -> None:
    """Its model is in the other kernel, where no front end can reach it."""
    code = "%%kernel a\nfrom tqdm.auto import tqdm\nfor _ in tqdm(range(3)): pass"
    (shown,) = (await nb.cell(code)).raise_for_status().outputs
    assert list(shown["data"]) == ["text/plain"]
    assert "3/3" in shown["data"]["text/plain"]


async def test_a_cell_attaches_to_a_kernel_that_runs(nb: Notebook) -> None:
    """And only lets it go."""
    km = ConKernelManager()
    await km.start_kernel()
    try:
        await nb.shown(f"%%kernel other --existing '{km.connection_file}'\nx = 5")
        assert "other: attached by" in await nb.shown("%kernel list")
        assert await nb.shown("%%kernel other\nx") == "5\n"
        result = await nb.cell("%kernel restart other")
        assert result.error is not None
        assert "was started elsewhere" in result.error.evalue
        await nb.shown("%kernel interrupt other")
        await nb.shown("%kernel shutdown other")
        assert await km.is_alive()
        kc = await opened(km.client())
        assert (await kc.run("x")).value == 5
        kc.stop_channels()
    finally:
        await km.shutdown_kernel(now=True)


@pytest.mark.parametrize("end", ["shutdown", "kill"])
async def test_no_kernel_is_left_when_the_notebooks_ends(end: str) -> None:
    """Also when it is killed amid a cell."""
    async with notebook("conkernel" if end == "shutdown" else "python3") as made:
        pid = int(await made.shown(f"%%kernel a --spec python3\n{PID}"))
        if end == "kill":
            run = await made.begun(
                "%%kernel a\nprint('x', flush=True)\nimport time\ntime.sleep(99)"
            )
            kill(made.pid)
            with pytest.raises(RuntimeError):
                await run
        else:
            await made.km.shutdown_kernel()
        await until(lambda: not is_running(pid))


def test_run_all_stops_at_a_cell_that_failed_elsewhere() -> None:
    """And the notebook is valid, with outputs in their places."""
    sources = [
        "%load_ext conkernelclient",
        "%%kernel a --spec python3\nprint('one'); 2",
        "%%kernel a\n1/0",
        "print('not run')",
    ]
    book: Any = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(it) for it in sources])
    client = NotebookClient(book, kernel_name="python3", kernel_manager_class=ConKernelManager)
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        client.execute()
    nbformat.validate(book)
    assert [it.output_type for it in book.cells[1].outputs] == ["stream", "execute_result"]
    assert book.cells[2].outputs[0].ename == "ZeroDivisionError"
    assert book.cells[3].outputs == []


TERMINAL: Final = """
import os, signal, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance(colors="nocolor")
run = shell.run_cell
run("%load_ext conkernelclient")
run("%%kernel a --spec python3\\nprint('hello', input('name? '))")
run("%%kernel a\\ndisplay({'image/png': 'iVBO'}, raw=True); 6 * 7")
assert not run("%%kernel a\\n1/0").success
assert not run("%%kernel a --wrong\\n1").success
class Out:
    def __init__(self, file): self.file = file
    def write(self, text):
        if text == 'begun\\n': os.kill(os.getpid(), signal.SIGINT)
        return self.file.write(text)
    def __getattr__(self, name): return getattr(self.file, name)
sys.stdout = Out(sys.stdout)
assert not run("%%kernel a\\nprint('begun', flush=True)\\nimport time; time.sleep(1000)").success
run("%%kernel a\\nimport os; print('pid', os.getpid())")
"""


def test_it_works_in_a_plain_shell_of_ipython(tmp_path: Path) -> None:
    """Where no loop runs; and its end is that of the kernels."""
    done = subprocess.run(
        [sys.executable, "-c", TERMINAL],
        input="Bob\n",
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
        env=os.environ | {"IPYTHONDIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    out = strip_ansi(done.stdout)
    assert "name? hello Bob\n[image/png, 3 bytes]\n" in out
    assert "42" in out
    assert "ZeroDivisionError: division by zero" in out
    assert "UsageError: unrecognized arguments: --wrong" in done.stderr
    assert "KeyboardInterrupt" in out
    assert "conkernelclient/" not in out
    pid = int(out.rpartition("pid ")[2].split()[0])
    assert not is_running(pid)
