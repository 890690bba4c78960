"""A notebook gets the values that were typed, where papermill would put them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat import v4

from conkernelclient.cli.notebook_parameters import (
    inject,
    parameter_of,
    parameters_of,
    raw_parameter_of,
    value_of,
)
from conkernelclient.cli.options import UsageError

CELL = """\
%load_ext autoreload
alpha = 1  # the first
beta: float = 2.0
gamma: int
(delta, [epsilon]), data["x"] = (1, [2]), 3
alpha = zeta = None
!ls
def helper(): inside = 1
"""


def notebook(*cells: tuple[str, str]) -> Any:
    """A notebook of cells with a source and a tag."""
    made = [v4.new_code_cell(source, metadata={"tags": [tag]}) for source, tag in cells]
    return v4.new_notebook(cells=made)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-2.5e3", -2500.0),
        ("true", True),
        ("False", False),
        ("null", None),
        ("None", None),
        ("[1, null, {}]", [1, None, {}]),
        ("['a', None]", ["a", None]),
        ('{"a": [true]}', {"a": [True]}),
        ("(1, 2)", (1, 2)),
        ('"5"', "5"),
        ("", ""),
        ("2020-01-01", "2020-01-01"),
        ("010", "010"),
        (" some text", "some text"),
        ("a=b", "a=b"),
    ],
)
def test_a_value_is_json_or_a_literal_and_else_text(text: str, value: Any) -> None:
    """A date, a number with a leading zero, and plain words are text."""
    assert value_of(text) == value
    assert type(value_of(text)) is type(value)


@pytest.mark.parametrize(
    "text", ["x", "1x=2", "=3", "class=1", "xs=[a, b]", "x={", "x='", "x=" + "[" * 10**5]
)
def test_what_is_no_parameter_is_misuse(text: str) -> None:
    """With a line that says what to give."""
    with pytest.raises(UsageError, match=r"give name=value|-r name=text|too deeply"):
        parameter_of(text)


def test_a_raw_value_is_text_whatever_it_looks_like() -> None:
    """As with papermill's -r."""
    assert raw_parameter_of("x=[1") == ("x", "[1")
    with pytest.raises(UsageError, match="-r x: give name=value"):
        raw_parameter_of("x")


def test_parameters_are_what_the_cell_assigns() -> None:
    """Magics are passed over; a cell that is no Python, or none at all, is not known."""
    names = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"]
    assert parameters_of(notebook(("1", "x"), (CELL, "parameters"))) == names
    assert parameters_of(notebook(("a <- 1", "parameters"))) == []
    assert parameters_of(notebook(("let a = 1", "parameters"))) is None
    assert parameters_of(notebook(("a = 1", "x"))) is None


def test_values_come_after_the_parameters_or_in_the_place_of_those_before() -> None:
    """Or at the top, where no cell is tagged so."""
    parted = notebook(("0", "x"), ("a = 1", "parameters"), ("2", "y"))
    assert inject(parted, {"a": 2})
    assert [cell.source for cell in parted.cells] == ["0", "a = 1", "# Parameters\na = 2", "2"]
    assert inject(parted, {"a": 3})
    assert [cell.source for cell in parted.cells] == ["0", "a = 1", "# Parameters\na = 3", "2"]
    assert parted.cells[2].metadata.tags == ["injected-parameters"]
    plain = notebook(("0", "x"))
    plain.nbformat_minor = 4
    assert not inject(plain, {"a": 2})
    assert plain.cells[0].source == "# Parameters\na = 2"
    assert "id" not in plain.cells[0]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(VALUES)
def test_any_value_is_written_as_python_that_gives_it_again(value: Any) -> None:
    """NaN and infinities as well, which have no literal."""
    written = notebook(("x = 0", "parameters"))
    inject(written, {"x": value})
    names: dict[str, Any] = {}
    exec(written.cells[1].source, names)
    assert repr(names["x"]) == repr(value)
