"""The end of a text is kept, within its bound."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from conkernelclient.outputs.tail import Tail


@given(st.lists(st.text(max_size=30), max_size=30), st.integers(0, 60))
def test_the_end_is_that_of_all_text_and_within_its_bound(texts: list[str], bound: int) -> None:
    """To a whole character."""
    tail = Tail(bound)
    for text in texts:
        tail.add(text)
    whole = "".join(texts)
    assert whole.endswith(tail.text)
    kept = len(tail.text.encode())
    assert min(len(whole.encode()), bound) - 3 <= kept <= bound


@given(st.lists(st.text(min_size=1, max_size=30), max_size=30), st.integers(0, 60))
def test_each_text_is_lost_once(texts: list[str], bound: int) -> None:
    """When it is cut, or goes."""
    tail = Tail(bound)
    lost = sum(tail.add(text) for text in texts)
    whole, kept = 0, len(tail.text.encode())
    for text in reversed(texts):
        kept -= len(text.encode())
        whole += kept >= 0
    assert lost == len(texts) - whole
