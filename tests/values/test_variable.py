"""The text of a variable keeps to its budget, whatever the kernel tells."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conkernelclient.values.inspecting import describe
from conkernelclient.values.variable import LEAST_CHARS, Variable, variable_of

JUNK = st.recursive(
    st.none() | st.integers() | st.text(max_size=300) | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
)
NAMES = ["type", "size", "length", "shape", "dtype", "columns", "text", "characters", "error"]


@settings(max_examples=50)
@given(
    st.dictionaries(st.sampled_from(NAMES), JUNK),
    st.integers(LEAST_CHARS, 400),
    st.text(max_size=200),
)
def test_any_description_is_a_variable_in_its_budget_or_an_error(
    told: Any, most: int, name: str
) -> None:
    """Of a kind that the caller names."""
    try:
        variable = variable_of(name, told, most)
    except (TypeError, ValueError, OverflowError):
        return
    assert len(str(variable)) <= most


def test_the_text_has_the_facts_first_and_says_what_is_left_out() -> None:
    """Columns have half of the room at most."""
    told = describe("x" * 5000, 200, True)
    assert str(variable_of("long", told, 200)).startswith("long: str, length 5000, 5.05 kB\n'xxx")
    assert str(variable_of("long", told, 200)).endswith("characters in all]")
    columns = {f"column {number}": "int64" for number in range(100)}
    table = Variable("t", "T", shape=(5, 200), columns=columns, text="row " * 50, max_chars=400)
    assert len(str(table)) <= 400
    assert "columns: column 0 (int64)" in str(table)
    assert "row row" in str(table)
    assert str(Variable("x", "int", 28, text="1")) == "x: int, 28 bytes\n1"
    assert str(Variable("a", "A", shape=(), dtype="f8")) == "a: A, shape (), dtype f8"


@pytest.mark.parametrize("told", [None, 5, [], "text"])
def test_what_is_no_description_is_refused(told: Any) -> None:
    """Before anything is made of it."""
    with pytest.raises(TypeError):
        variable_of("x", told, 100)
