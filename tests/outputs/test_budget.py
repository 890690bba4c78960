"""A text fits into so many characters."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from conkernelclient.outputs.budget import shorten, shorten_all


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


@given(st.lists(st.text(max_size=80), max_size=8), st.integers(0, 300))
def test_texts_are_shortened_together_and_what_is_missing_is_counted(
    texts: list[str], max_chars: int
) -> None:
    """As one text would be; the note stands where the cut begins."""
    short = shorten_all(texts, max_chars)
    assert len(short) == len(texts)
    assert "".join(short) == "".join(shorten_all(["".join(texts)], max_chars))
    told = re.search(r"\n\[\.\.\. (\d+) characters left out \.\.\.\]\n", "".join(short))
    if told is not None and not any("left out" in text for text in texts):
        total = sum(map(len, texts))
        assert sum(map(len, short)) - len(told[0]) + int(told[1]) == total


def test_a_note_says_where_the_whole_is_if_there_is_room_for_it() -> None:
    """Or else what it says without."""
    where = "; the whole is in /tmp/x"
    assert f"characters left out{where} ...]" in shorten_all(["a" * 900], 100, where)[0]
    assert "characters left out ...]" in shorten_all(["a" * 900], 50, where)[0]
    assert shorten_all(["a" * 900], 5, where) == ["aa…aa"]
    assert shorten_all(["a", "b"], 0, where) == ["", ""]
