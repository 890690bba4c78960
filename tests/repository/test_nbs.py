"""The chapters in `nbs/` and the examples in README.md do what they say."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Final

import nbformat
import pytest
from nbclient import NotebookClient

from conkernelclient import ConKernelManager, run_kernel

ROOT: Final = Path(__file__).parents[2]
CHAPTERS: Final = sorted((ROOT / "nbs").glob("*.ipynb"))
README: Final = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES: Final = re.findall(r"^```python\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
CELL_TIMEOUT: Final = 120  # seconds

# Sections of the chapter on concurrency in which it matters what comes first.
SECTIONS: Final = ("Two clients of one kernel", "The lost wake-up")
# A machine on which it takes long until a subscription is in the kernel; on which something comes
# after a caller has waited for his kernel and before he sends; and on which an answer is there
# before `Session.send` has returned.
SLOW_MACHINE: Final = """
import asyncio
import time

import zmq
import zmq.asyncio
from jupyter_client.session import Session

from conkernelclient import ConKernelClient


def slow_machine(execute, send):
    def connect_iopub(self, identity=None):
        socket = self._create_connected_socket("iopub", identity=identity)

        def subscribe():
            if not socket.closed:
                socket.subscribe(b"")

        asyncio.get_running_loop().call_later(0.3, subscribe)
        return socket

    def late_execute(self, *args, **kwargs):
        time.sleep(0.05)
        return execute(self, *args, **kwargs)

    def long_send(self, stream, *args, **kwargs):
        sent = send(self, stream, *args, **kwargs)
        if isinstance(stream, zmq.asyncio.Socket):
            time.sleep(0.1)
        return sent

    ConKernelClient.connect_iopub = connect_iopub
    ConKernelClient.execute = late_execute
    Session.send = long_send


slow_machine(ConKernelClient.execute, Session.send)
"""

every_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


@pytest.fixture
def empty_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory; kernels have their connection files beside it, in `temporary`."""
    for name in ("work", "temporary"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))  # in this process
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))  # in the kernels
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    return tmp_path / "work"


def left_behind(empty_dir: Path) -> tuple[list[str], int]:
    """Files in the working directory, and how many kernels have not been shut down."""
    connection_files = (empty_dir.parent / "temporary").glob("*.json")
    return sorted(path.name for path in empty_dir.iterdir()), len(list(connection_files))


def test_there_are_chapters_and_examples() -> None:
    """Otherwise this file tests nothing."""
    assert [path.stem for path in CHAPTERS][:2] == ["00_quickstart", "01_concurrency"]
    assert len(EXAMPLES) >= 4


@pytest.mark.timeout(300)
@every_chapter
async def test_a_chapter_runs_from_top_to_bottom_and_leaves_nothing(
    path: Path, empty_dir: Path
) -> None:
    """Executed with our own manager in the place of nbclient's."""
    notebook = nbformat.read(path, as_version=4)
    left: list[tuple[list[str], int]] = []  # after each cell
    client = NotebookClient(
        notebook,
        kernel_manager_class=ConKernelManager,
        timeout=CELL_TIMEOUT,
        resources={"metadata": {"path": str(empty_dir)}},
        on_cell_executed=lambda **_: left.append(left_behind(empty_dir)),
    )
    await client.async_execute()
    assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code")
    assert left[-1] == ([], 1)  # after the last cell: the chapter's own kernel, and no other
    assert left_behind(empty_dir) == ([], 0)


def section_of(path: Path, heading: str) -> list[nbformat.NotebookNode]:
    """The first code cell of a chapter, which makes `kc`, and those of one section."""
    cells = nbformat.read(path, as_version=4).cells
    heads = [cell.source.startswith("## ") for cell in cells]
    begin = next(n for n, cell in enumerate(cells) if cell.source.startswith(f"## {heading}\n"))
    end = next((n for n in range(begin + 1, len(cells)) if heads[n]), len(cells))
    first = next(cell for cell in cells if cell.cell_type == "code")
    ready = nbformat.v4.new_code_cell("await kc.wait_for_ready()")  # as after other sections
    return [first, ready, *(cell for cell in cells[begin:end] if cell.cell_type == "code")]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("heading", SECTIONS)
async def test_a_section_gives_the_same_on_a_slow_machine(heading: str, empty_dir: Path) -> None:
    """No cell waits for what has come already, or for what could be published before it listens."""
    section = section_of(ROOT / "nbs" / "01_concurrency.ipynb", heading)
    slow = nbformat.v4.new_code_cell(SLOW_MACHINE)
    client = NotebookClient(
        nbformat.v4.new_notebook(cells=[slow, *section]),
        kernel_manager_class=ConKernelManager,
        timeout=20,  # less than what a cell waits at most
        resources={"metadata": {"path": str(empty_dir)}},
    )
    await client.async_execute()
    assert len(section) >= 3
    assert all(cell.execution_count for cell in client.nb.cells)


@every_chapter
def test_a_chapter_is_stored_without_outputs_and_in_normal_form(path: Path) -> None:
    """So that a change of a chapter is a change of its text or code, and of nothing else."""
    stored = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(stored, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert not cell.metadata
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)
    assert notebook.metadata.kernelspec.name == "python3"
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)  # every cell has an id
    assert stored == nbformat.writes(notebook) + "\n"


@pytest.mark.timeout(300)
async def test_the_examples_of_the_readme_run_in_their_order(empty_dir: Path) -> None:
    """In one kernel, from the first to the last, without an error."""
    async with run_kernel("python3", cwd=str(empty_dir)) as kc:
        for example in EXAMPLES:
            result = await kc.run(example, timeout=CELL_TIMEOUT)
            assert result.status == "ok", result.to_llm()
        assert left_behind(empty_dir) == ([], 1)  # the one that runs the examples
    assert left_behind(empty_dir) == ([], 0)
