"""A notebook of whatever format is read as 4.5, and what is none is told in one line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbformat import v3, v4

from conkernelclient.errors import NotebookError
from conkernelclient.sidecar.document.reading import fresh_id, read, read_file

if TYPE_CHECKING:
    from pathlib import Path

EMPTY: dict[str, Any] = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
MARKDOWN: dict[str, Any] = {"cell_type": "markdown", "metadata": {}, "source": ["a\n", "b"]}


def text(*cells: Any, **changed: Any) -> str:
    """The text of a notebook's file."""
    return json.dumps(EMPTY | {"cells": list(cells)} | changed)


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ("", "it is not JSON"),
        ("no json", "it is not JSON: Expecting value: line 1 column 1"),
        ("[" * 100_000, "it is not JSON"),
        ("[1]", "its JSON is no object"),
        ("{}", "does not name its format"),
        ('{"nbformat": "4"}', "does not name its format"),
        ('{"nbformat": true}', "does not name its format"),
        ('{"nbformat": 99}', r"is of format 99\.0; 1\.0 to 4\.5 can be read"),
        (text(nbformat_minor=6), r"is of format 4\.6"),
        ('{"nbformat": 4, "nbformat_minor": 5}', "this is no"),
        ('{"nbformat": 4}', "this is no"),
        ('{"nbformat": 3, "worksheets": 5}', "this is no"),
        (text(metadata=5), "this is no"),
        (text(metadata={"kernelspec": 5}), "this is no"),
        (text(MARKDOWN), r"cells\[0\]: 'id' is a required property"),
        (text(MARKDOWN | {"id": "a b"}), r"cells\[0\] \('a b'\)\.id: 'a b' does not match"),
        (text(*[MARKDOWN | {"id": "x"}] * 2), r"cells\[1\]: its id 'x' is that of cells\[0\]"),
        (text(5), "this is no"),
    ],
)
def test_what_is_no_notebook_is_told_in_a_line(tmp_path: Path, bad: str, told: str) -> None:
    """With the file, if it is one."""
    with pytest.raises(NotebookError, match=told) as caught:
        read(bad)
    assert "\n" not in str(caught.value)
    path = tmp_path / "bad.ipynb"
    path.write_text(bad)
    with pytest.raises(NotebookError, match=told) as caught:
        read_file(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_file_that_cannot_be_read_is_told_in_a_line(tmp_path: Path) -> None:
    """Missing, a folder, no text."""
    with pytest.raises(NotebookError, match=r"none\.ipynb: there is no such file"):
        read_file(tmp_path / "none.ipynb")
    with pytest.raises(NotebookError, match="cannot be read: Is a directory"):
        read_file(tmp_path)
    (tmp_path / "x.ipynb").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(NotebookError, match="is no text in UTF-8"):
        read_file(tmp_path / "x.ipynb")


def test_format_3_is_upgraded_and_says_so() -> None:
    """Its cells get ids; what it leaves is valid."""
    cells = [v3.new_code_cell("print(1)", outputs=[v3.new_output("stream", "1\n")])]
    old = v3.new_notebook(
        worksheets=[v3.new_worksheet(cells=[*cells, v3.new_text_cell("html", "b")])]
    )
    found = read(v3.writes_json(old))
    assert found.upgraded_from == (3, 0)
    assert found.content["cells"][0]["source"] == "print(1)"
    assert found.content["metadata"] == {}
    nbformat.validate(found.content)


@pytest.mark.parametrize("minor", range(5))
def test_format_4_before_ids_is_upgraded_and_says_so(minor: int) -> None:
    """Each cell gets an id of its own, also where nbformat draws one twice."""
    found = read(text(*[MARKDOWN] * 3, nbformat_minor=minor))
    assert found.upgraded_from == (4, minor)
    assert len({cell["id"] for cell in found.content["cells"]}) == 3
    nbformat.validate(found.content)


def test_an_id_that_is_drawn_twice_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """In an upgrade nobody could mend it."""
    monkeypatch.setattr("nbformat.v4.convert.random_cell_id", lambda: "same")
    found = read(text(*[MARKDOWN] * 3, nbformat_minor=4))
    assert len({cell["id"] for cell in found.content["cells"]}) == 3


def test_the_latest_format_is_taken_as_it_is() -> None:
    """But for texts in lines, which are one text."""
    found = read(text(MARKDOWN | {"id": "x"}, metadata={"kernelspec": {"language": "python"}}))
    assert found.upgraded_from is None
    assert found.content["cells"] == [MARKDOWN | {"id": "x", "source": "a\nb"}]
    assert found.content["metadata"] == {}
    assert type(found.content["cells"][0]) is dict


def test_ids_are_repaired_if_asked() -> None:
    """Those that are missing, and those that an earlier cell has; each is told."""
    cells = [MARKDOWN | {"id": "x"}, MARKDOWN | {"id": "x"}, MARKDOWN, MARKDOWN | {"id": "y"}]
    found = read(text(*cells), repair=True)
    ids = [cell["id"] for cell in found.content["cells"]]
    assert ids[0] == "x"
    assert ids[3] == "y"
    assert len(set(ids)) == 4
    assert found.repaired == (
        f"cells[1] has the new id {ids[1]!r}: it had that of an earlier one, 'x'",
        f"cells[2] has the new id {ids[2]!r}: it had none",
    )
    with pytest.raises(NotebookError, match="5 is not"):
        read(text(MARKDOWN | {"id": 5}), repair=True)


def test_a_fresh_id_is_none_that_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is drawn until it is not."""
    drawn = iter(["a" * 32, "b" * 32])
    monkeypatch.setattr("uuid.uuid4", lambda: type("U", (), {"hex": next(drawn)}))
    assert fresh_id({"a" * 8}) == "b" * 8


def test_what_nbformat_writes_is_read() -> None:
    """Outputs and attachments as well."""
    output = v4.new_output("display_data", {"text/plain": "a\nb", "application/json": {"x": 1}})
    cell = v4.new_code_cell("1", outputs=[output])
    image = v4.new_markdown_cell("![](attachment:a.png)", attachments={"a.png": {"image/png": "x"}})
    book = v4.new_notebook(cells=[cell, image])
    assert read(nbformat.writes(book)).content == json.loads(json.dumps(book))
