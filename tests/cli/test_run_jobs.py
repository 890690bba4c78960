"""What is wrong with the arguments is told in a line, before a kernel starts."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

import nbformat
import pytest

from benchmarks.own_notebooks import make
from conkernelclient.cli.main import main
from conkernelclient.cli.run_jobs import TO_STDOUT, jobs_of


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with notebooks, in which we are."""
    for name in ("parameters", "text"):
        nbformat.write(make(name), tmp_path / f"{name}.ipynb")
    (tmp_path / "sub").mkdir()
    nbformat.write(make("text"), tmp_path / "sub" / "text.ipynb")
    (tmp_path / "rubbish.ipynb").write_text("{")
    other = make("parameters")
    other.metadata.kernelspec = {"name": "ir", "display_name": "R", "language": "R"}
    nbformat.write(other, tmp_path / "r.ipynb")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("none.ipynb", "none.ipynb: there is no such file"),
        ("rubbish.ipynb", "rubbish.ipynb: is no notebook: it is not JSON"),
        ("text.ipynb text.ipynb", "a notebook is given twice"),
        ("text.ipynb ./sub/../text.ipynb", "a notebook is given twice"),
        ("text.ipynb sub/text.ipynb -o out", "two of the notebooks have the same name"),
        ("text.ipynb parameters.ipynb -o rubbish.ipynb", "is no folder"),
        ("text.ipynb parameters.ipynb -o -", "one notebook alone goes to stdout"),
        ("text.ipynb parameters.ipynb -o rubbish.ipynb/x", "cannot be made: Not a directory"),
        ("text.ipynb -o text.ipynb", "give --inplace"),
        ("text.ipynb -o .", "give --inplace"),
        ("text.ipynb -o no/such/out.ipynb", "there is no folder"),
        ("text.ipynb -o - --json", "both --json and -o -"),
        ("text.ipynb --cwd nowhere", "there is no such folder"),
        ("text.ipynb --kernel nope", "there is no kernel 'nope': give --kernel; there are"),
        ("r.ipynb", "there is no kernel 'ir'"),
        ("r.ipynb --kernel python3 -p alpha=1", "this one is in R"),
        ("parameters.ipynb -p beta=1 -p alpha=2", "no parameter beta; there are alpha, names"),
        ("parameters.ipynb -p alpha=[1", "neither JSON nor a literal"),
        ("text.ipynb -j 0", "at least 1"),
        ("text.ipynb -j x", "invalid"),
        ("text.ipynb -o out.ipynb --inplace", "not allowed with"),
        ("", "required"),
    ],
)
def test_misuse_is_one_line_and_status_2(
    arguments: str, line: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is written."""
    before = sorted(os.listdir(folder))
    try:
        status: Any = main(["run", *arguments.split()])
    except SystemExit as error:  # argparse's
        status = error.code
    shown = capsys.readouterr()
    assert (status, shown.out) == (2, "")
    assert line in shown.err.splitlines()[-1]
    assert sorted(os.listdir(folder)) == before


def jobs(*notebooks: str, output: str | None = None, values: Any = None, **more: Any) -> Any:
    """Settle what is to be run."""
    options: dict[str, Any] = {"inplace": False, "kernel": None, "timeout": None, "cwd": None}
    options |= {"keep_going": False, **more}
    where = None if output is None else Path(output)
    paths = [Path(name) for name in notebooks]
    return jobs_of(argparse.Namespace(notebooks=paths, output=where, **options), values or {})


def test_each_notebook_goes_where_it_is_meant_to(folder: Path) -> None:
    """Into a folder, which is made; to the file; to stdout; in its place; nowhere."""
    two = jobs("text.ipynb", "parameters.ipynb", output="new/folder")
    assert [job.target for job in two] == [
        Path("new/folder/text.ipynb"),
        Path("new/folder/parameters.ipynb"),
    ]
    assert jobs("text.ipynb", output="sub")[0].target == Path("sub/text.ipynb")
    assert jobs("text.ipynb", output="x.ipynb")[0].target == Path("x.ipynb")
    assert jobs("text.ipynb", output="-")[0].target == TO_STDOUT
    assert jobs("text.ipynb", inplace=True)[0].target == Path("text.ipynb")
    assert jobs("text.ipynb")[0].target is None


def test_kernel_and_folder_are_the_notebooks_own_unless_given(folder: Path) -> None:
    """Without a kernelspec it is python3; notebooks of one name are told apart."""
    one, other = jobs("text.ipynb", "sub/text.ipynb")
    assert (one.plan.name, other.plan.name) == ("text.ipynb", "sub/text.ipynb")
    assert (one.plan.cwd, other.plan.cwd) == (".", "sub")
    assert other.plan.kernel_name == "python3"
    given = jobs("r.ipynb", kernel="conkernel", cwd=folder)[0].plan
    assert (given.kernel_name, given.cwd) == ("conkernel", str(folder))
    plain = json.loads((folder / "text.ipynb").read_text())
    plain["metadata"] = {}
    (folder / "plain.ipynb").write_text(json.dumps(plain))
    assert jobs("plain.ipynb")[0].plan.kernel_name == "python3"


def test_values_without_a_parameters_cell_stand_at_the_top(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in papermill, and a line says so."""
    notebook = jobs("text.ipynb", values={"alpha": 1})[0].plan.notebook
    assert notebook.cells[0].source == "# Parameters\nalpha = 1"
    assert "has no cell tagged `parameters`" in capsys.readouterr().err
    notebook = jobs("parameters.ipynb", values={"alpha": 1})[0].plan.notebook
    assert notebook.cells[2].source == "# Parameters\nalpha = 1"
    assert capsys.readouterr().err == ""
