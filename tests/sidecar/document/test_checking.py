"""What is wrong with a notebook is told with its place, in one line."""

from __future__ import annotations

import math
from typing import Any

import pytest

from conkernelclient.sidecar.document.checking import (
    cell_problem,
    copied,
    duplicate_ids,
    first_problem,
    line_of,
    metadata_problem,
)

CODE: dict[str, Any] = {
    "id": "a",
    "cell_type": "code",
    "source": "",
    "metadata": {},
    "outputs": [],
    "execution_count": None,
}


def book(*cells: Any, **metadata: Any) -> dict[str, Any]:
    """The content of a notebook."""
    return {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def test_a_valid_notebook_has_no_problem() -> None:
    """Nor its parts."""
    assert first_problem(book(CODE)) is None
    assert cell_problem(CODE) is None
    assert metadata_problem({}) is None


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        (CODE | {"source": 5}, "source: 5 is not"),
        (CODE | {"outputs": [{"output_type": "stream", "name": "x"}]}, "outputs[0]: 'text' is a"),
        (CODE | {"metadata": {"tags": ["a", 5]}}, "metadata.tags[1]: 5 is not"),
        (CODE | {"attachments": {}}, "Additional properties are not allowed"),
    ],
)
def test_the_place_is_told(cell: Any, told: str) -> None:
    """In the cell alone, and in the whole notebook, with the cell's id."""
    alone, whole = cell_problem(cell), first_problem(book(CODE | {"id": "first"}, cell))
    assert alone is not None
    assert told in alone
    assert whole is not None
    assert whole.startswith("cells[1] ('a')")
    assert told in whole


@pytest.mark.parametrize("cell", [5, None, [], {}, {"cell_type": "odd"}, {"cell_type": 5}, "x"])
def test_what_is_no_cell_is_told(cell: Any) -> None:
    """Whatever it is."""
    told = cell_problem(cell)
    assert told
    assert "\n" not in told
    assert first_problem(book(cell))


def test_duplicate_ids_are_told() -> None:
    """Each with the first that has it."""
    cells = [CODE, CODE | {"id": "b"}, CODE, CODE]
    assert duplicate_ids(cells) == [(2, 0), (3, 0)]
    assert first_problem(book(*cells)) == "cells[2]: its id 'a' is that of cells[0]"


def test_metadata_are_checked() -> None:
    """A kernelspec without a name is none."""
    assert "kernelspec" in (metadata_problem({"kernelspec": {}}) or "")
    assert metadata_problem(5)


def test_a_copy_is_json() -> None:
    """Numbers that JSON has not become None; what is no JSON is refused."""
    value = {"a": [1, math.nan, {"b": -math.inf}], 5: (1, 2)}
    assert copied(value) == {"a": [1, None, {"b": None}], "5": [1, 2]}
    with pytest.raises(TypeError):
        copied({"a": object()})
    deep: list[Any] = []
    deep.append(deep)
    with pytest.raises((ValueError, RecursionError)):
        copied(deep)


def test_a_long_line_is_cut() -> None:
    """And what follows it is left out."""
    assert line_of("\n a\nb") == "a"
    assert len(line_of("x" * 1_000)) == 201
