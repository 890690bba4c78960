"""A reader gets each part of outputs that grow once."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from conkernelclient.agent.reading import Place


def stream(text: str) -> dict[str, Any]:
    """Text on stdout."""
    return {"output_type": "stream", "name": "stdout", "text": text}


def display(text: str) -> dict[str, Any]:
    """A display."""
    return {"output_type": "display_data", "data": {"text/plain": text}, "metadata": {}}


def grown(outputs: list[dict[str, Any]], is_text: bool, text: str) -> list[dict[str, Any]]:
    """The outputs with one more piece: neighbouring text is one output."""
    if is_text and outputs and outputs[-1]["output_type"] == "stream":
        return [*outputs[:-1], stream(outputs[-1]["text"] + text)]
    return [*outputs, stream(text) if is_text else display(text)]


def shown(outputs: list[dict[str, Any]]) -> str:
    """All text of outputs."""
    return "".join(
        out["text"] if out["output_type"] == "stream" else f"<{out['data']['text/plain']}>"
        for out in outputs
    )


@given(st.lists(st.tuples(st.booleans(), st.text(max_size=5), st.booleans()), max_size=30))
def test_what_a_reader_gets_is_all_that_was_shown_in_order_and_once(
    pieces: list[tuple[bool, str, bool]],
) -> None:
    """Whenever it reads."""
    place, outputs, got = Place(), [], ""
    for is_text, text, reads in pieces:
        outputs = grown(outputs, is_text, text)
        if reads:
            got += shown(place.advance(outputs))
    got += shown(place.advance(outputs))
    assert got == shown(outputs)
    assert place.advance(outputs) == []


def test_outputs_that_became_fewer_are_read_anew() -> None:
    """As `clear_output` makes them."""
    place = Place()
    place.advance([stream("1"), display("a"), stream("2")])
    assert place.advance([stream("3")]) == [stream("3")]


def test_text_that_was_replaced_is_given_whole() -> None:
    """It does not begin with what was read."""
    place = Place()
    place.advance([stream("12 left out")])
    assert place.advance([stream("345 left out")]) == [stream("345 left out")]
