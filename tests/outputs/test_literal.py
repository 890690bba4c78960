"""The last value is a Python value where its text is a plain literal."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conkernelclient.outputs.literal import value_of

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.floats(-1e9, 1e9),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=20,
)


@given(PLAIN)
def test_any_value_of_plain_types_comes_back(value: Any) -> None:
    """Its repr is a literal."""
    assert value_of({"text/plain": repr(value)}) == value


@pytest.mark.parametrize(
    "text",
    [
        "array([1, 2])",
        "Decimal('1')",
        "nan",
        "<object object at 0x7f>",
        "[1] 5",
        "",
        "x",
        "[0, 1, ...]",
        "{'a': [...]}",
        "__import__('os').system('true')",
        "1 +",
        "(" * 500,
        "[" * 5000 + "]" * 5000,
        "-" * 100_000 + "1",
        "9" * 5000,
        "{[]: 1}",
        r"'\d'",
        r"'\777'",
        "1" * 1_000_001,
    ],
)
def test_what_is_no_plain_literal_stays_text(text: str) -> None:
    """And nothing of it is executed."""
    assert value_of({"text/plain": text}) == text


def test_json_comes_before_text() -> None:
    """Whatever it holds, also beside a repr."""
    data = {"text/plain": "<IPython.core.display.JSON object>", "application/json": {"a": [1]}}
    assert value_of(data) == {"a": [1]}
    assert value_of({"text/plain": ["[1,\n", " 2]"]}) == [1, 2]
    assert value_of({"text/html": "<b>"}) == ""
