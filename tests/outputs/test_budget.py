"""A text fits into so many characters."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from conkernelclient.outputs.text import shorten


@given(st.text(max_size=300), st.integers(0, 200))
def test_shortened_text_is_no_longer_than_asked(text: str, max_chars: int) -> None:
    """And is the text itself where that is short enough."""
    short = shorten(text, max_chars)
    assert len(short) <= max_chars
    assert (short == text) == (len(text) <= max_chars)


def test_shortened_text_keeps_both_ends_and_says_how_much_is_missing() -> None:
    """The end of a traceback is what matters most."""
    short = shorten("a" * 500 + "z" * 500, 200)
    assert short.startswith("a")
    assert short.endswith("z")
    assert "characters left out" in short
