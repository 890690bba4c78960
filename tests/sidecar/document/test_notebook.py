"""A notebook gives what it was given, and its file is what nbformat reads."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from conkernelclient.errors import EditError, NotebookError
from conkernelclient.sidecar.document import Notebook, new_cell

if TYPE_CHECKING:
    from pathlib import Path


def test_cells_are_given_in_their_order() -> None:
    """By their place, and by their id."""
    cells = [new_cell(source="1", cell_id="a"), new_cell("markdown", "x"), new_cell("raw", "y")]
    book = Notebook(cells, {"title": "t"})
    assert list(book) == cells == list(book.cells)
    assert book.ids == [cell["id"] for cell in cells]
    assert (len(book), book.index(cells[2]["id"])) == (3, 2)
    assert book.cell("a") == cells[0]
    assert "a" in book
    assert "b" not in book
    assert repr(book) == "<Notebook of 3 cells>"


@pytest.mark.parametrize("cell_id", ["gone", None, 5, []])
def test_a_cell_that_is_not_there_is_named(cell_id: Any) -> None:
    """Whatever a front end takes for an id."""
    with pytest.raises(EditError, match="there is no cell") as caught:
        Notebook().cell(cell_id)
    assert caught.value.cell_id == (cell_id if isinstance(cell_id, str) else None)


def test_it_is_valid_or_is_not_made() -> None:
    """What is wrong is told, and where."""
    with pytest.raises(NotebookError, match=r"cells\[1\]: its id 'a' is that of cells\[0\]"):
        Notebook([new_cell(cell_id="a")] * 2)
    with pytest.raises(NotebookError, match="metadata"):
        Notebook(metadata={"kernelspec": 5})
    with pytest.raises(NotebookError, match="not JSON serializable"):
        Notebook.from_dict({"cells": [object()]})
    book = Notebook([new_cell(cell_id="a")])
    book.validate()
    book.cell("a")["source"] = 5
    with pytest.raises(NotebookError, match=r"cells\[0\] \('a'\)\.source: 5"):
        book.validate()


def test_what_it_is_made_of_stays_the_callers() -> None:
    """And what it gives out as a whole is a copy."""
    content = Notebook([new_cell(cell_id="a", source="1")]).to_dict()
    book = Notebook.from_dict(content)
    content["cells"][0]["source"] = "2"
    book.to_dict()["cells"].clear()
    assert [cell["source"] for cell in book] == ["1"]


def test_it_says_from_which_format_it_was_upgraded_and_what_was_repaired() -> None:
    """Or that there was nothing to do."""
    cell = {"cell_type": "raw", "metadata": {}, "source": ""}
    content = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 2}
    assert Notebook.from_dict(content).upgraded_from == (4, 2)
    assert Notebook().upgraded_from is None
    found = Notebook.from_dict(content | {"nbformat_minor": 5}, repair=True)
    assert len(found.repaired) == 1


@pytest.mark.parametrize(
    ("metadata", "language"),
    [
        ({}, None),
        ({"language_info": {"name": "R"}}, "R"),
        ({"kernelspec": {"name": "r", "display_name": "R", "language": "R"}}, "R"),
        ({"language_info": {"name": ""}}, None),
    ],
)
def test_its_language_is_what_its_metadata_say(metadata: Any, language: str | None) -> None:
    """The kernel's word before the kernelspec's."""
    assert Notebook(metadata=metadata).language == language


def test_its_file_is_what_nbformat_reads(tmp_path: Path) -> None:
    """With numbers that JSON has not, half of a character, and texts in lines."""
    book = Notebook([new_cell(source="a\nb\ud800", cell_id="a")])
    data = {"application/json": {"x": math.nan}}
    output = {"output_type": "display_data", "data": data, "metadata": {}}
    book.cell("a")["outputs"].append(output)
    book.save(tmp_path / "x.ipynb")
    text = (tmp_path / "x.ipynb").read_text()
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    read: Any = nbformat.read(tmp_path / "x.ipynb", as_version=4)
    nbformat.validate(read)
    assert read.cells[0].source == "a\nb\ud800"
    assert read.cells[0].outputs[0].data["application/json"] == {"x": None}
    written = nbformat.writes(read) + "\n"
    assert written.encode("utf-8", "backslashreplace") == book.to_bytes()


def test_what_cannot_be_saved_is_told(tmp_path: Path) -> None:
    """And an invalid one is not written."""
    book = Notebook([new_cell(cell_id="a")])
    with pytest.raises(NotebookError, match="cannot be written: No such file or directory"):
        book.save(tmp_path / "none" / "x.ipynb")
    book.cell("a")["source"] = 5
    with pytest.raises(NotebookError, match="no valid notebook"):
        book.save(tmp_path / "x.ipynb")
    assert list(tmp_path.iterdir()) == []
