"""How a cell ended is kept, when there was more than there is room for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conkernelclient.outputs.text import for_model
from tests.messages import incoming
from tests.outputs.made import (
    assert_valid,
    clear,
    display,
    folded,
    result_of,
    stream,
    whole_error,
)


@pytest.mark.parametrize("bound", [0, 100, 10_000, 1_000_000])
def test_a_cell_that_printed_too_much_shows_how_it_ended(bound: int) -> None:
    """The head of the text, the marker, the end of the text, the value and the error."""
    reducer = folded(
        *[stream("x" * 100_000)] * 30,
        stream("the last line\n"),
        result_of("7"),
        whole_error("bad"),
        max_bytes=bound,
    )
    outputs = reducer.outputs
    kinds = [output["output_type"] for output in outputs]
    assert kinds[-3:] == ["stream", "execute_result", "error"]
    assert "left out: beyond" in "".join(output.get("text", "") for output in outputs[-4:-2])
    assert outputs[-1]["evalue"] == "bad"
    assert for_model(outputs, 100).endswith("ValueError: bad\n")
    if bound:
        assert outputs[-3]["text"].endswith("x the last line\n"[-12:])
        assert len(outputs[0]["text"]) == bound - 2 * min(bound // 8, 32_768) - min(
            bound // 4, 65_536
        )
    assert_valid(outputs)


def test_an_error_or_a_value_that_is_too_long_itself_is_cut() -> None:
    """To its name and the ends of its message, and to its plain text."""
    value = incoming(
        "execute_result",
        "r",
        data={"text/plain": "p" * 5000, "text/html": "h" * 90_000},
        metadata={},
    )
    value.size = 95_000
    error = whole_error("v" * 50_000, *["frame"] * 9000)
    error.size = 150_000
    outputs = folded(stream("x"), value, error, max_bytes=8000).outputs
    assert outputs[0]["text"] == "x"
    assert "2 more outputs left out" in outputs[1]["text"]
    assert list(outputs[2]["data"]) == ["text/plain"]
    assert "p…p" in outputs[2]["data"]["text/plain"]
    assert outputs[3]["ename"] == "ValueError"
    assert "v…v" in outputs[3]["evalue"]
    assert outputs[3]["traceback"][0] == "frame"
    assert outputs[3]["traceback"][-1].startswith("ValueError: v")
    texts = [*outputs[3]["traceback"], outputs[3]["evalue"], outputs[2]["data"]["text/plain"]]
    assert 6000 < sum(map(len, texts)) < 8000
    assert_valid(outputs)


def test_a_value_without_plain_text_that_is_too_large_is_left_out() -> None:
    """The marker says so."""
    value = incoming("execute_result", "r", data={"image/png": "A" * 5000}, metadata={})
    value.size = 5000
    outputs = folded(value, max_bytes=2000).outputs
    assert [output["output_type"] for output in outputs] == ["stream"]
    assert "1 more outputs left out" in outputs[0]["text"]


BOUND_MESSAGES = st.one_of(
    st.builds(stream, st.text(max_size=400), st.sampled_from(["stdout", "stderr"])),
    st.builds(display, st.text(max_size=3), st.sampled_from([None, "d"])),
    st.builds(result_of, st.text(max_size=3)),
    st.builds(whole_error, st.text(max_size=3000), st.text(max_size=100)),
    st.builds(clear, st.booleans()),
)


@given(st.lists(BOUND_MESSAGES, max_size=60), st.integers(0, 3000))
def test_bound_outputs_are_within_their_bound_and_end_with_the_last_error(
    messages: list[Any], bound: int
) -> None:
    """With what an error, a value and the marker have in any case."""
    for message in messages:
        message.size = max(100, len(str(message.content)))
    reducer = folded(*messages, max_bytes=bound)
    outputs = reducer.outputs
    assert_valid(outputs)
    texts = [
        output.get("text")
        or "".join([*output.get("traceback", []), *output.get("data", {}).values()])
        for output in outputs
    ]
    assert sum(len(text.encode("utf-8", "replace")) for text in texts) <= bound + 4 * 2_200 + 100
    assert (reducer.dropped > 0) == any("left out: beyond" in text for text in texts)
    if messages and messages[-1].msg_type == "error":
        assert outputs[-1]["ename"] == "ValueError"


def test_the_head_of_text_that_is_cut_has_whole_characters() -> None:
    """Its bytes are counted, not its characters."""
    outputs = folded(stream("é" * 5000), max_bytes=1001).outputs
    assert outputs[0]["text"] == "é" * 250
    assert outputs[-1]["text"] == "é" * 62


def test_text_that_has_room_in_head_and_end_is_whole() -> None:
    """It is one output, without a marker."""
    texts = [f"{n:03}," * 10 for n in range(14)]
    reducer = folded(*map(stream, texts), max_bytes=1000)
    assert reducer.is_over
    assert reducer.dropped == 0
    (output,) = reducer.outputs
    assert output["text"] == "".join(texts)
    assert reducer.outputs == [output]


def test_each_stream_keeps_its_end() -> None:
    """However much the other one printed since."""
    flood = [stream("x" * 900), stream("a warning\n", "stderr"), *[stream("y" * 900)] * 9]
    reducer = folded(*flood, stream("last\n"), max_bytes=1000)
    ends = [(output["name"], output["text"]) for output in reducer.outputs[-2:]]
    assert ends == [("stderr", "a warning\n"), ("stdout", "y" * 120 + "last\n")]
    assert reducer.dropped == 10


def test_what_a_reader_of_the_end_gets_stays_short() -> None:
    """While a cell goes on printing, there are no more outputs than one for each end."""
    reducer = folded(*[stream("x" * 600)] * 2, max_bytes=1000)
    count = len(reducer.outputs)
    for n in range(50):
        reducer.feed(stream(f"{n}\n"))
        assert len(reducer.outputs) == count
