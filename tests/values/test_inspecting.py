"""What is told of a value is right, cut to size, and never raised."""

from __future__ import annotations

import collections
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from conkernelclient.values.inspecting import ROWS, describe

FRAME = pd.DataFrame({"a": range(20), "b": list("x" * 20)})


def told(value: Any, max_chars: int = 1000) -> dict[str, Any]:
    """What is told, but for what is not there."""
    return {key: it for key, it in describe(value, max_chars, True).items() if it not in (None, "")}


@pytest.mark.parametrize(
    ("value", "facts"),
    [
        (5, {"type": "int", "size": 28, "text": "5"}),
        ("abc", {"length": 3, "text": "'abc'"}),
        ([1, [2]], {"type": "list", "length": 2, "text": "[1, [2]]"}),
        ({}, {"type": "dict", "length": 0, "text": "{}"}),
        (None, {"type": "NoneType", "text": "None"}),
        (collections.deque([1]), {"type": "collections.deque", "text": "deque([1])"}),
        (np.zeros((2, 3)), {"type": "numpy.ndarray", "size": 48, "shape": [2, 3]}),
        (np.float32(1.5), {"shape": [], "dtype": "float32", "size": 4}),
        (pd.Series([1], name="s"), {"shape": [1], "dtype": "int64"}),
        (pd.Index([1]), {"shape": [1], "dtype": "int64"}),
        (pl.Series([1]), {"shape": [1], "dtype": "Int64", "size": 8}),
        (pa.array([1]), {"length": 1, "dtype": "int64", "size": 8}),
        (pa.table({"a": [1]}), {"shape": [1, 1], "columns": [["a", "int64"]]}),
        (pl.DataFrame({"a": [1]}), {"shape": [1, 1], "columns": [["a", "Int64"]]}),
        (memoryview(b"abc"), {"size": 3, "shape": [3]}),
    ],
    ids=lambda it: type(it).__name__,
)
def test_facts_are_told_where_there_are_any(value: Any, facts: dict[str, Any]) -> None:
    """Of plain values, arrays and tables."""
    known = told(value)
    assert {key: known.get(key) for key in facts} == facts


def test_of_a_table_the_first_rows_are_shown() -> None:
    """And the columns by name and dtype."""
    known = told(FRAME)
    assert known["columns"][0] == ["a", "int64"]
    assert len(known["text"].splitlines()) == ROWS + 1
    assert known["shape"] == [20, 2]


@pytest.mark.parametrize(
    "value",
    ["x" * 10**6, b"x" * 10**6, list(range(10**6)), dict.fromkeys(range(10**6)), 10**4000],
    ids=lambda value: type(value).__name__,
)
def test_what_is_huge_is_cut_without_being_written_out(value: Any) -> None:
    """To the budget, which it is seen to exceed."""
    known = describe(value, 150, True)
    assert len(known["text"]) == 150
    assert 150 < known["characters"] < 5000


class Odd:
    """All that is asked of it raises, and its type has a name of another type."""

    __module__ = 5  # type: ignore[assignment]

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __repr__(self) -> str:
        raise BadError

    def __len__(self) -> int:
        raise RuntimeError


class BadError(Exception):
    """It cannot be shown either."""

    def __str__(self) -> str:
        raise RuntimeError


def test_what_raises_is_told() -> None:
    """By its name at least."""
    known = describe(Odd(), 100, True)
    assert known["type"] == "5.Odd"
    assert known["error"] == "BadError"
    assert {known[key] for key in ("size", "length", "shape", "dtype", "columns")} == {None}
    assert describe(Odd(), 100, False)["error"] is None
