"""Messages fold into valid notebook outputs."""

from __future__ import annotations

import copy
import json
from itertools import pairwise
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbclient import NotebookClient

from conkernelclient import events
from conkernelclient.outputs.events import event_of
from conkernelclient.outputs.reduce import Reducer
from conkernelclient.outputs.text import as_text, for_model
from tests.messages import incoming
from tests.outputs.made import (
    assert_valid,
    clear,
    display,
    error,
    folded,
    result_of,
    stream,
)

MESSAGES = st.one_of(
    st.builds(stream, st.text(max_size=5), st.sampled_from(["stdout", "stderr"])),
    st.builds(display, st.text(max_size=3), st.sampled_from([None, "d", "e"])),
    st.builds(display, st.text(max_size=3), st.just("d"), st.just("update_display_data")),
    st.builds(clear, st.booleans()),
    st.builds(error),
    st.builds(result_of, st.text(max_size=3), st.integers(1, 9)),
    st.builds(lambda: incoming("comm_msg", "r", comm_id="c", data={})),
)


@given(st.lists(MESSAGES, max_size=12))
def test_any_sequence_of_messages_folds_into_valid_outputs(messages: list[Any]) -> None:
    """No two neighbours are of one stream, and no text is lost."""
    outputs = folded(*messages).outputs
    assert_valid(outputs)
    names = [output.get("name") for output in outputs]
    assert all(a != b for a, b in pairwise(names) if a is not None)
    if not any(message.msg_type == "clear_output" for message in messages):
        for name in ("stdout", "stderr"):
            assert "".join(o["text"] for o in outputs if o.get("name") == name) == "".join(
                m.content["text"]
                for m in messages
                if m.msg_type == "stream" and m.content["name"] == name
            )


def test_neighbouring_text_of_one_stream_is_one_output() -> None:
    """Text of the other stream, or a display, parts them."""
    reducer = folded(
        stream("a"), stream("b"), stream("c", "stderr"), stream("d"), display("x"), stream("e")
    )
    assert [o.get("text") for o in reducer.outputs] == ["ab", "c", "d", None, "e"]


def test_clear_output_empties_at_once_or_with_the_next_output() -> None:
    """With `wait`, nothing goes until something comes."""
    assert folded(stream("a"), clear(False)).outputs == []
    waiting = folded(stream("a"), clear(True))
    assert waiting.outputs[0]["text"] == "a"
    waiting.feed(stream("b"))
    assert [o["text"] for o in waiting.outputs] == ["b"]
    waiting.feed(clear(True))
    waiting.feed(clear(False))
    assert waiting.outputs == []


def test_update_display_data_rewrites_every_display_of_its_id() -> None:
    """In place, and only those."""
    reducer = folded(
        display("1", "d"),
        display("2", "e"),
        result_of("r"),
        display("3", "d"),
        display("new", "d", "update_display_data"),
    )
    assert [o["data"]["text/plain"] for o in reducer.outputs] == ["new", "2", "r", "new"]
    assert reducer.has_displays
    reducer.feed(display("nobody", None, "update_display_data"))


def test_a_new_display_of_an_id_rewrites_the_earlier_ones() -> None:
    """As JupyterLab and nbclient do it; each keeps its own place."""
    reducer = folded(display("1", "d"), display("2", "e"), display("3", "d"))
    assert [o["data"]["text/plain"] for o in reducer.outputs] == ["3", "2", "3"]
    reducer.outputs[0]["data"]["text/plain"] = "mine"
    assert reducer.outputs[2]["data"]["text/plain"] == "3"


def folded_by_nbclient(messages: list[Any]) -> list[Any]:
    """What nbclient makes of them, with neighbouring text of one stream joined, as it can be told.

    Its `coalesce_streams` does that at the end of a cell.
    """
    cell = nbformat.v4.new_code_cell()
    client = NotebookClient(nbformat.v4.new_notebook(cells=[cell]))
    client.reset_execution_trackers()
    client.clear_before_next_output = False  # as at the start of each cell
    for message in messages:
        header = {"msg_type": message.msg_type}
        content = copy.deepcopy(message.content)
        parent = {"msg_id": "r"}
        client.process_message(
            {**header, "header": header, "parent_header": parent, "content": content}, cell, 0
        )
    outputs: list[Any] = []
    for output in json.loads(json.dumps(cell.outputs)):
        last = outputs[-1] if outputs else {}
        if output["output_type"] != "stream":
            outputs.append(output)
        elif output["name"] == last.get("name"):
            last["text"] += output["text"]
        elif output["text"]:
            outputs.append(output)
    return outputs


@given(st.lists(MESSAGES, max_size=15))
def test_outputs_are_those_of_nbclient_where_it_is_right(messages: list[Any]) -> None:
    """Where messages are as the protocol says, nbclient makes the same of them, but for this.

    - Text of one stream in several messages is several outputs, unless `coalesce_streams` is set;
      a message without text is an output without text.
    - A stream of another name than stdout and stderr makes a notebook that is not valid; here it
      is stdout. So does content of a wrong type, which is brought into shape here; a field that is
      missing is a KeyError there, and ends the cell.
    - What is printed while an `Output` widget is open is the widget's there, and is in the
      notebook's widget state; here it is among the outputs, where a reader without widgets sees it.
    - An update of a display of another cell changes a cell that an index names, which may be
      another one after cells have moved; here it is the run that showed it.
    """
    assert folded(*messages).outputs == folded_by_nbclient(messages)


def test_outputs_beyond_the_bound_are_left_out_with_a_marker() -> None:
    """And the marker says how many; head and end of the text that went over are kept."""
    reducer = folded(*[stream("x" * 50)] * 5, display("y"), max_bytes=250)
    assert reducer.dropped == 4
    head, marker, end = (output["text"] for output in reducer.outputs)
    assert (head, end) == ("x" * 126, "x" * 31)
    assert "4 more outputs left out" in marker
    assert_valid(reducer.outputs)
    reducer.feed(clear(False))
    assert reducer.outputs == []


def test_a_stream_of_another_name_is_shown_as_stdout() -> None:
    """nbformat knows two streams."""
    assert folded(stream("a", "log")).outputs[0]["name"] == "stdout"


def test_empty_text_makes_no_output() -> None:
    """Some kernels send it at each flush."""
    assert folded(stream("")).outputs == []


@pytest.mark.parametrize("bad", [None, 5, "text", ["a"], [{"b": 1}]])
def test_content_of_another_shape_costs_itself(bad: Any) -> None:
    """What is read of the outputs is text all the same."""
    reducer = Reducer()
    for kind in ("display_data", "update_display_data", "execute_result"):
        message = incoming(kind, "r", data=bad, metadata=bad, transient={"display_id": bad})
        reducer.feed(message)
        assert event_of(message).data == {}
    reducer.feed(incoming("display_data", "r", data={"text/plain": bad}))
    reducer.feed(incoming("stream", "r", name=bad, text="printed"))
    assert all(isinstance(output.get("data", {}), dict) for output in reducer.outputs)
    assert "printed" in as_text(reducer.outputs)
    assert "printed" in for_model(reducer.outputs)


@pytest.mark.parametrize(
    ("data", "kept"),
    [
        ({"image/png": None, "text/plain": "p"}, {"text/plain": "p"}),
        ({"image/png": 5}, {}),
        ({"image/png": {"a": 1}, "text/html": None}, {}),
        ({"image/png": ["iVBO\n", "Rw0K\n"]}, {"image/png": ["iVBO\n", "Rw0K\n"]}),
        ({"text/plain": ["a\n", "b"]}, {"text/plain": ["a\n", "b"]}),
        ({"text/plain": ["a", 1]}, {"text/plain": '["a", 1]'}),
        ({"text/plain": 5}, {"text/plain": "5"}),
        ({"application/json": None}, {"application/json": None}),
        ({"application/geo+json": [1]}, {"application/geo+json": [1]}),
        ({"application/x": True}, {}),
    ],
)
@pytest.mark.parametrize("kind", ["display_data", "execute_result", "update_display_data"])
def test_content_of_a_wrong_type_is_brought_into_shape_or_left_out(
    data: Any, kept: Any, kind: str
) -> None:
    """`image/png: null` was shown as an image of 3 bytes."""
    message = incoming(
        kind, "r", data=data, metadata={}, transient={"display_id": "d"}, execution_count=1
    )
    reducer = folded(display("x", "d"), message)
    assert reducer.outputs[-1]["data"] == kept
    assert event_of(message).data == kept
    assert_valid(reducer.outputs)
    assert "[image/png, 3 bytes]" not in for_model(reducer.outputs)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner)),
    max_leaves=4,
)
MIMES = st.sampled_from(["text/plain", "text/html", "image/png", "application/json", "a/b", "x"])


@given(
    st.lists(
        st.builds(
            lambda kind, data, count, text, name: incoming(
                kind,
                "r",
                data=data,
                metadata=count,
                execution_count=count,
                text=text,
                name=name,
                ename=name,
                evalue=text,
                traceback=text,
            ),
            st.sampled_from(["display_data", "execute_result", "stream", "error"]),
            st.one_of(JSON, st.dictionaries(MIMES, JSON)),
            JSON,
            JSON,
            JSON,
        ),
        max_size=5,
    )
)
def test_outputs_are_valid_whatever_a_kernel_sends_in_them(messages: list[Any]) -> None:
    """And they read as text, and make events."""
    outputs = folded(*messages).outputs
    assert_valid(outputs)
    assert isinstance(as_text(outputs), str)
    assert isinstance(for_model(outputs, 100), str)
    for message in messages:
        event_of(message)


def test_text_that_is_a_list_of_lines_is_joined() -> None:
    """Files have it so, and some kernels send it."""
    message = incoming("stream", "r", name="stdout", text=["a\n", "b"])
    assert folded(message).outputs[0]["text"] == "a\nb"
    assert event_of(message) == events.Stream("stdout", "a\nb")
    assert event_of(incoming("stream", "r", name="stdout", text=None)) == events.Stream(
        "stdout", ""
    )


def test_clearing_the_outputs_makes_room_again() -> None:
    """At once, or with the next output."""
    reducer = folded(*[stream("x" * 400)] * 3, max_bytes=1000)
    assert reducer.dropped == 2
    reducer.feed(clear(True))
    reducer.feed(stream("new"))
    assert reducer.dropped == 0
    assert [output["text"] for output in reducer.outputs] == ["new"]


def test_bound_outputs_are_folded_as_they_come_however_large_they_are() -> None:
    """Put off, they would be kept whole until somebody looks."""
    reducer = Reducer(max_bytes=1000)
    large = stream("x" * 5000)
    large.is_deferred = True
    assert not reducer.feed(large)
    assert not reducer.is_behind
    picture = display("y", "d")
    picture.is_deferred = True
    assert not reducer.feed(picture)
    assert reducer.dropped == 2
    assert not reducer.has_displays
    reducer.feed(clear(True))
    assert reducer.feed(picture)
    assert [output["output_type"] for output in reducer.outputs] == ["display_data"]


@pytest.mark.parametrize(
    ("traceback", "lines"), [(5, []), (None, []), ("one", ["one"]), ([1], ["1"])]
)
def test_a_traceback_of_another_shape_costs_itself(traceback: Any, lines: list[str]) -> None:
    """It raised when the result was made, and the run hung."""
    message = incoming("error", "r", ename="E", evalue="v", traceback=traceback)
    reducer = Reducer()
    reducer.feed(message)
    assert reducer.outputs[0]["traceback"] == lines
    event = event_of(message)
    assert event is not None
    assert event.traceback == lines
