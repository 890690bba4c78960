"""A JSON document is told in one line."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conkernelclient.outputs.summary import is_document, summary_of
from tests.outputs.stored import assert_readable

JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


@given(JSON)
def test_any_document_is_told_in_one_line_of_bounded_length(value: Any) -> None:
    """However long it is."""
    text = summary_of(json.dumps(value))
    assert len(text.splitlines()) == 1
    assert len(text) < 400
    assert_readable(text)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"a": 1, "b": ["x"] * 50}, 'an object with 2 keys: "a": 1, "b": an array of 50 items'),
        ([{"id": 7}] * 9, 'an array of 9 items, the first is {"id": 7}'),
        ({"k": "y" * 500}, "(500 characters)"),
        ({"k": {str(key): 0 for key in range(99)}}, '"k": an object with 99 keys'),
        ([], "[]"),
    ],
)
def test_it_says_what_the_document_holds(value: Any, said: str) -> None:
    """Its kind, how many there are, the first of them."""
    text = summary_of(json.dumps(value), "; the whole is in /x")
    assert said in text
    assert text.startswith(f"[JSON, {len(json.dumps(value))} characters; the whole is in /x: ")


def test_what_does_not_parse_is_told_by_its_size() -> None:
    """As JSON that is nested too deeply, whose text is a notice."""
    assert summary_of("[no JSON]") == "[JSON, 9 characters]"
    assert summary_of("[" * 100_000 + "]" * 100_000) == "[JSON, 200000 characters]"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (' {"a": 1}\n', True),
        ("[1, 2]", True),
        ("[1, 2", False),
        ("[a]", False),
        ("12", False),
        ("", False),
        ("[" * 100_000 + "]" * 100_000, False),
    ],
)
def test_a_document_is_told_from_other_text(text: str, answer: bool) -> None:
    """One object or array, and nothing else."""
    assert is_document(text) is answer
