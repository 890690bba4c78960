"""A notebook is read if it is one, and written as a whole or not at all."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import v3, v4

from conkernelclient.cli.notebook_file import as_output, read_notebook, write_notebook
from conkernelclient.cli.options import UsageError

EMPTY = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("no json", "not JSON"),
        ("", "not JSON"),
        ("[1]", "is no notebook"),
        ('"x"', "is no notebook"),
        ("{}", "is no notebook"),
        ('{"nbformat": 4, "nbformat_minor": 4}', "is no"),
        ('{"nbformat": "x"}', "is no notebook"),
        (json.dumps(EMPTY | {"cells": [{"cell_type": "odd"}]}), "is no"),
        (json.dumps(EMPTY | {"nbformat": 99}), "is no"),
    ],
)
def test_what_is_no_notebook_is_told_in_a_line(tmp_path: Path, text: str, what: str) -> None:
    """Whatever nbformat raises for it."""
    path = tmp_path / "bad.ipynb"
    path.write_text(text)
    with pytest.raises(UsageError, match=what) as caught:
        read_notebook(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_told_in_a_line(tmp_path: Path) -> None:
    """Missing, a folder, or no text."""
    with pytest.raises(UsageError, match="there is no such file"):
        read_notebook(tmp_path / "none.ipynb")
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        read_notebook(tmp_path)
    (tmp_path / "x.ipynb").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(UsageError, match="cannot be read"):
        read_notebook(tmp_path / "x.ipynb")


def test_older_formats_are_read_as_format_4(tmp_path: Path) -> None:
    """Format 3; a kernelspec without a name, which nbformat refuses, is none."""
    path = tmp_path / "old.ipynb"
    old = v3.new_notebook(worksheets=[v3.new_worksheet(cells=[v3.new_code_cell("print(1)")])])
    path.write_text(v3.writes_json(old))
    assert read_notebook(path).cells[0].source == "print(1)"
    path.write_text(json.dumps(EMPTY | {"metadata": {"kernelspec": {"language": "python"}}}))
    assert "kernelspec" not in read_notebook(path).metadata


def test_without_nbformat_a_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The extra."""
    monkeypatch.setitem(sys.modules, "nbformat", None)
    with pytest.raises(UsageError, match=r"pip install 'conkernelclient\[run\]'"):
        read_notebook(tmp_path / "x.ipynb")


def test_a_file_is_replaced_with_its_rights_and_a_link_is_followed(tmp_path: Path) -> None:
    """What a kernel printed may hold half of a character."""
    real, link = tmp_path / "real.ipynb", tmp_path / "link.ipynb"
    real.write_text("before")
    real.chmod(0o640)
    link.symlink_to(real)
    notebook: Any = v4.new_notebook(cells=[v4.new_code_cell("1")])
    notebook.cells[0].outputs = [
        as_output({"output_type": "stream", "name": "stdout", "text": "a\ud800"})
    ]
    write_notebook(notebook, link)
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert nbformat.read(real, as_version=4).cells[0].outputs[0].text == "a\ud800"
    assert sorted(os.listdir(tmp_path)) == ["link.ipynb", "real.ipynb"]


def test_what_cannot_be_written_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no half of a file beside it."""
    path = tmp_path / "kept.ipynb"
    path.write_text("before")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_notebook(v4.new_notebook(), path)
    assert os.listdir(tmp_path) == ["kept.ipynb"]
    assert path.read_text() == "before"
    write_notebook(v4.new_notebook(), Path("/dev/null"))
