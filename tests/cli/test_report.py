"""Whatever a message holds, what is written is JSON, and a terminal can write it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conkernelclient.cli.report import as_json, put_json

ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.binary()
    | st.datetimes()
    | st.just(object()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=8,
)


@settings(max_examples=40)
@given(ANY)
def test_any_value_is_one_line_of_ascii_json(value: object) -> None:
    """Lone surrogates, infinite numbers and keys that are no strings among them."""
    text = as_json(value)
    assert text.isascii()
    assert "\n" not in text
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_bytes_are_base64_and_moments_iso_8601(capsys: pytest.CaptureFixture[str]) -> None:
    """And a document is printed so that people can read it as well."""
    put_json({"b": [b"\x00", memoryview(b"\x01")], "t": datetime(2020, 1, 2, tzinfo=UTC)})
    shown = capsys.readouterr().out
    assert json.loads(shown) == {"b": ["AA==", "AQ=="], "t": "2020-01-02T00:00:00+00:00"}
    assert shown.startswith("{\n  ")
