"""What a kernel sends is brought into the shape that a notebook allows, or left out."""

from __future__ import annotations

from typing import Any

import pytest

from conkernelclient.outputs.mime import bundle_of, count_of, dict_of, joined, lines_of, text_of


def test_a_bundle_that_is_allowed_is_kept_as_it_is() -> None:
    """The same one: most are."""
    bundle = {"text/plain": "a", "image/png": "iVBO"}
    assert bundle_of(bundle) is bundle


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        ({"text/plain": ["a", "b"]}, {"text/plain": ["a", "b"]}),
        ({"text/plain": 5, "image/png": 5}, {"text/plain": "5"}),
        ({"text/html": {"a": 1}}, {"text/html": '{"a": 1}'}),
        ({"text/plain": None}, {}),
        ({"application/json": 5, "application/x+json": None}, "all"),
        ({"application/jsonx": 5}, {}),
    ],
)
def test_content_of_another_type_is_its_json_or_goes(content: Any, kept: Any) -> None:
    """JSON may be of any type, says nbformat."""
    assert bundle_of(content) == (content if kept == "all" else kept)


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "a"), (["a\n", "b"], "a\nb"), (None, ""), (5, "5"), (["a", 1], '["a", 1]'), ([], "")],
)
def test_text_is_a_string(value: Any, text: str) -> None:
    """Whatever was sent for it."""
    assert text_of(value) == text


def test_the_others_are_of_their_types_whatever_came() -> None:
    """Dicts, whole numbers from 0 on, lists of strings."""
    for odd in (None, 5, "a", [1]):
        assert dict_of(odd) == {}
    assert dict_of({"a": 1}) == {"a": 1}
    assert [count_of(one) for one in (0, 7, -1, True, "3", 2.0, None)] == [0, 7] + [None] * 5
    assert [lines_of(one) for one in ("one", ["a", 1], None, {})] == [["one"], ["a", "1"], [], []]
    assert (joined(["a", 1]), joined("x")) == ("a1", "x")
