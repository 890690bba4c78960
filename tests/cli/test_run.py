"""Notebooks run from a shell, and are written whatever becomes of them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import nbformat
import pytest
from nbformat import v4

from tests.cli.shell import CONKERNEL, conkernel


def write(path: Path, *sources: str, parameters: str | None = None) -> Path:
    """Write a notebook of these cells."""
    notebook = v4.new_notebook(cells=[v4.new_code_cell(source) for source in sources])
    if parameters is not None:
        tagged = v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})
        notebook.cells.insert(0, tagged)
    nbformat.write(notebook, path)
    return path


def printed(path: Path) -> str:
    """What the cells of a notebook have printed."""
    cells = nbformat.read(path, as_version=4).cells
    return "".join(output.get("text", "") for cell in cells for output in cell.outputs)


def test_a_notebook_runs_with_its_parameters_and_ends_by_the_first_error(tmp_path: Path) -> None:
    """With status 1 and one line; what it has shown until then is written, and on stdout."""
    path = write(
        tmp_path / "x.ipynb",
        "import os; print(alpha, names, os.path.basename(os.getcwd()))",
        "raise ValueError('here\\nand there')",
        "print('after')",
        parameters="alpha = 1; names = []",
    )
    out = tmp_path / "out.ipynb"
    given = ["-p", "alpha=2.5", "-p", 'names=["a", null]', "-r", "alpha=text"]
    done = conkernel("run", str(path), "-o", str(out), *given)
    shown = f"text ['a', None] {tmp_path.name}\n"
    assert (done.returncode, done.stdout) == (1, shown)
    assert done.stderr.splitlines()[-1] == "conkernel: x.ipynb, cell 4: ValueError: here"
    assert "\x1b" not in done.stderr
    assert printed(out) == shown
    assert printed(path) == ""


def test_several_run_at_once_into_a_folder_and_go_on_after_an_error(tmp_path: Path) -> None:
    """Each waits for the other's file; their lines have names, and the summary is JSON alone."""
    paths = [
        write(
            tmp_path / f"{name}.ipynb",
            f"import pathlib, time\npathlib.Path('{name}').touch()\n"
            f"while not pathlib.Path('{other}').exists(): time.sleep(0.01)\nprint('met')",
            "1 / 0" if name == "a" else "2",
            "'on'",
        )
        for name, other in ("ab", "ba")
    ]
    many = [*map(str, paths), "-j", "2", "-k", "-o", str(tmp_path / "out")]
    done = conkernel("run", *many)
    assert done.returncode == 1
    assert sorted(done.stdout.splitlines()) == [
        "a.ipynb | 'on'",
        "a.ipynb | met",
        "b.ipynb | 'on'",
        "b.ipynb | 2",
        "b.ipynb | met",
    ]
    assert "a.ipynb | ZeroDivisionError: division by zero" in done.stderr
    assert [printed(tmp_path / "out" / path.name) for path in paths] == ["met\n"] * 2
    done = conkernel("run", *many, "--json")
    first, second = json.loads(done.stdout)["notebooks"]
    assert (first["status"], first["executed"], second["status"]) == ("error", 3, "ok")
    failure = {"cell": 2, "status": "error", "text": "ZeroDivisionError: division by zero"}
    assert first["failures"] == [failure]
    assert second["output"] == str(tmp_path / "out" / "b.ipynb")


def test_after_a_notebook_that_failed_no_other_is_begun(tmp_path: Path) -> None:
    """Unless it is to keep going."""
    paths = [str(write(tmp_path / f"{name}.ipynb", "1 / 0")) for name in "ab"]
    done = conkernel("run", *paths, "--json")
    summary = json.loads(done.stdout)
    assert [one["status"] for one in summary["notebooks"]] == ["error", "not run"]
    assert (done.returncode, summary["status"]) == (1, "error")


def test_stdout_may_be_the_notebook(tmp_path: Path) -> None:
    """And has nothing else then."""
    path = write(tmp_path / "x.ipynb", "print('x')")
    done = conkernel("run", str(path), "-o", "-")
    assert (done.returncode, done.stderr) == (0, "")
    assert nbformat.reads(done.stdout, as_version=4).cells[0].outputs[0].text == "x\n"


def test_a_notebook_that_cannot_be_written_at_the_end_is_a_failure(tmp_path: Path) -> None:
    """Its outputs have been shown."""
    (tmp_path / "gone").mkdir()
    path = write(tmp_path / "x.ipynb", "import os; os.rmdir('gone'); print('run')")
    done = conkernel("run", str(path), "-o", str(tmp_path / "gone" / "x.ipynb"))
    assert (done.returncode, done.stdout) == (1, "run\n")
    assert re.fullmatch(
        r"conkernel: .*gone/x.ipynb: cannot be written: No such file or directory\n", done.stderr
    )


def test_ctrl_c_writes_what_there_is_and_leaves_no_kernel(tmp_path: Path) -> None:
    """In place, here; with status 130."""
    path = write(
        tmp_path / "x.ipynb", "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    )
    command = [*CONKERNEL, "run", str(path), "--inplace"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        kernel = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 130
    with pytest.raises(ProcessLookupError):
        os.kill(int(kernel), 0)
    assert printed(path) == kernel
