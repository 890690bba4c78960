"""Messages fold into valid notebook outputs, events and text."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conkernelclient import errors, events
from conkernelclient.outputs.events import event_of
from conkernelclient.outputs.log import Cursor, EventLog
from conkernelclient.outputs.reduce import Reducer
from conkernelclient.outputs.result import Result
from conkernelclient.outputs.text import as_text, for_model, shorten, strip_ansi
from tests.messages import incoming


def stream(text: str, name: str = "stdout") -> Any:
    return incoming("stream", "r", name=name, text=text)


def display(text: str, display_id: str | None = None, msg_type: str = "display_data") -> Any:
    transient = {"display_id": display_id} if display_id else {}
    return incoming(msg_type, "r", data={"text/plain": text}, metadata={}, transient=transient)


def clear(wait: bool) -> Any:
    return incoming("clear_output", "r", wait=wait)


def error(ename: str = "E") -> Any:
    return incoming("error", "r", ename=ename, evalue="v", traceback=["\x1b[31mT\x1b[0m", "b"])


def result_of(text: str, count: int = 1) -> Any:
    return incoming(
        "execute_result", "r", data={"text/plain": text}, metadata={}, execution_count=count
    )


def folded(*messages: Any, **options: Any) -> Reducer:
    reducer = Reducer(**options)
    for message in messages:
        reducer.feed(message)
    return reducer


def assert_valid(outputs: list[Any]) -> None:
    cell = nbformat.v4.new_code_cell(outputs=[nbformat.from_dict(output) for output in outputs])
    nbformat.validate(nbformat.v4.new_notebook(cells=[cell]))


MESSAGES = st.one_of(
    st.builds(stream, st.text(max_size=5), st.sampled_from(["stdout", "stderr"])),
    st.builds(display, st.text(max_size=3), st.sampled_from([None, "d", "e"])),
    st.builds(display, st.text(max_size=3), st.just("d"), st.just("update_display_data")),
    st.builds(clear, st.booleans()),
    st.builds(error),
    st.builds(result_of, st.text(max_size=3), st.integers(1, 9)),
    st.builds(lambda: incoming("comm_msg", "r", data={})),
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


def test_outputs_beyond_the_bound_are_left_out_with_a_marker() -> None:
    """And the marker says how many; the head of the text that went over is kept."""
    reducer = folded(*[stream("x" * 50)] * 5, display("y"), max_bytes=250)
    assert reducer.dropped == 3
    assert reducer.outputs[0]["text"] == "x" * 188
    assert "3 more outputs left out" in reducer.outputs[-1]["text"]
    assert_valid(reducer.outputs)
    reducer.feed(clear(False))
    assert reducer.outputs == []


def test_a_stream_of_another_name_is_shown_as_stdout() -> None:
    """nbformat knows two streams."""
    assert folded(stream("a", "log")).outputs[0]["name"] == "stdout"


def test_empty_text_makes_no_output() -> None:
    """Some kernels send it at each flush."""
    assert folded(stream("")).outputs == []


def test_each_message_that_shows_something_is_an_event() -> None:
    """With the message that it was made from."""
    message = display("x", "d")
    event = event_of(message)
    assert event == events.Display({"text/plain": "x"}, {}, "d")
    assert event.message == message.message
    assert event_of(incoming("status", "r", execution_state="busy")) is None
    assert event_of(clear(True)) == events.Clear(True)
    assert event_of(error()) == events.ErrorOutput("E", "v", ["\x1b[31mT\x1b[0m", "b"])
    assert event_of(error()).text == "T\nb"
    assert events.ErrorOutput("E", "v", []).text == "E: v"
    assert event_of(result_of("1", 3)) == events.ExecuteResult({"text/plain": "1"}, {}, 3)
    assert event_of(display("u", "d", "update_display_data")) == events.DisplayUpdate(
        {"text/plain": "u"}, {}, "d"
    )
    assert event_of(incoming("execute_input", "r", code="1", execution_count=2)) == events.Started(
        2
    )
    asked = incoming("input_request", "r", prompt="?", password=True)
    assert event_of(asked) == events.InputRequest("?", True)
    assert events.Started().message is None


def read(cursor: Cursor) -> list[Any]:
    got: list[Any] = []
    while (event := cursor.next()) is not None:
        got.append(event)
    return got


def text_of(shown: list[Any]) -> str:
    return "".join(e.text if isinstance(e, events.Stream) else e.data["text/plain"] for e in shown)


@given(
    st.lists(
        st.one_of(
            st.builds(
                stream, st.text(min_size=1, max_size=3), st.sampled_from(["stdout", "stderr"])
            ),
            st.builds(display, st.text(min_size=1, max_size=3)),
        ),
        max_size=40,
    ),
    st.integers(1, 6),
    st.lists(st.integers(0, 40), max_size=4),
)
def test_every_cursor_reads_all_from_the_start_whatever_has_grown_together(
    messages: list[Any], limit: int, stops: list[int]
) -> None:
    """One that reads now and then, and one that reads at the end."""
    log = EventLog(limit)
    eager, got = Cursor(log), []
    for number, message in enumerate(messages):
        assert log.append(message)
        if number in stops:
            got += read(eager)
    got += read(eager)
    late = read(Cursor(log))
    wanted = "".join(m.content.get("text") or m.content["data"]["text/plain"] for m in messages)
    assert text_of(got) == text_of(late) == wanted
    assert read(eager) == []
    assert not log.append(incoming("status", "r"))
    if len(messages) <= limit:
        assert len(late) == len(messages)


def test_a_long_log_of_one_stream_does_not_grow_in_events() -> None:
    """Its text does."""
    log = EventLog(3)
    for number in range(100):
        log.append(stream(f"{number},"))
    assert len(log) == 3
    assert len(text_of(read(Cursor(log)))) == sum(len(f"{n},") for n in range(100))


OUTPUTS = folded(
    stream("10%\r100%\n"), stream("warn", "stderr"), result_of("42"), error("ZeroDivisionError")
).outputs


def test_text_is_what_a_terminal_would_show() -> None:
    """Streams as they are, values and tracebacks on lines of their own."""
    assert as_text(OUTPUTS) == "10%\r100%\nwarn\n42\n\x1b[31mT\x1b[0m\nb\n"


def test_text_for_a_model_has_no_colours_and_no_overwritten_text() -> None:
    """And names what is no text."""
    assert for_model(OUTPUTS) == "100%\nwarn\n42\nT\nb\nZeroDivisionError: v\n"
    image = {
        "output_type": "display_data",
        "data": {"image/png": "A" * 400, "text/plain": "<Figure>"},
        "metadata": {},
    }
    assert for_model([image]) == "<Figure>\n[image/png, 300 bytes]\n"
    strange = {"output_type": "display_data", "data": {"application/x": "abcd"}, "metadata": {}}
    assert for_model([strange]) == "[application/x, 3 bytes]\n"
    lines = {"output_type": "display_data", "data": {"text/plain": ["a\n", "b"]}, "metadata": {}}
    assert as_text([lines]) == "a\nb\n"
    assert as_text([{**image, "data": {}}]) == ""


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


def test_ansi_sequences_of_all_kinds_go() -> None:
    """Colours, cursor moves, hyperlinks."""
    assert (
        strip_ansi("\x1b[1;31mred\x1b[0m\x1b[2K \x1b]8;;http://x\x07link\x1b]8;;\x07") == "red link"
    )


def made(status: Any, **more: Any) -> Result:
    return Result(status=status, msg_id="m", code="c", **more)


def test_a_result_reads_as_text_and_tells_its_status() -> None:
    """A model sees why there is nothing more."""
    good = made("ok", outputs=folded(stream("a\n"), stream("b", "stderr"), result_of("1")).outputs)
    assert good.ok
    assert (good.stdout, good.stderr, good.text) == ("a\n", "b", "a\nb\n1\n")
    assert good.data == {"text/plain": "1"}
    assert good.to_llm() == "a\nb\n1\n"
    assert made("ok").data is None
    left = made("timeout", started=True, still_running=True)
    assert "timed out, and the kernel is still busy" in left.to_llm()
    assert "timed out before it ran" in made("timeout").to_llm()
    assert "aborted after E: x" in made("aborted", aborted_by="E: x").to_llm()
    assert "cancelled before it ran" in made("cancelled").to_llm()
    assert made("cancelled", started=True).to_llm() == "\n[cancelled]\n"
    assert "still running" in made("running").to_llm()
    long = made("timeout", outputs=folded(stream("x" * 1000)).outputs)
    assert len(long.to_llm(max_chars=100)) <= 100
    assert "timed out" in long.to_llm(max_chars=100)


def test_raise_for_status_raises_what_the_code_raised() -> None:
    """Or says what else became of it; an ok result is itself."""
    good = made("ok")
    assert good.raise_for_status() is good
    raised = made("error", error=events.ErrorOutput("ValueError", "bad", ["t"]))
    with pytest.raises(errors.ExecutionError, match="ValueError: bad") as caught:
        raised.raise_for_status()
    assert (caught.value.ename, caught.value.traceback, caught.value.msg_id) == (
        "ValueError",
        ["t"],
        "m",
    )
    assert caught.value.result is raised
    with pytest.raises(errors.ConKernelError, match="did not run"):
        made("aborted").raise_for_status()
    with pytest.raises(errors.ConKernelError, match="timed out"):
        made("timeout", error=None).raise_for_status()


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


# How a cell ended, when there was more than is kept


def whole_error(evalue: str, *lines: str) -> Any:
    return incoming(
        "error", "r", ename="ValueError", evalue=evalue, traceback=[*lines, f"ValueError: {evalue}"]
    )


@pytest.mark.parametrize("bound", [0, 100, 10_000, 1_000_000])
def test_a_cell_that_printed_too_much_shows_how_it_ended(bound: int) -> None:
    """The head of the text, the marker, the value and the error."""
    reducer = folded(
        *[stream("x" * 100_000)] * 30, result_of("7"), whole_error("bad"), max_bytes=bound
    )
    outputs = reducer.outputs
    kinds = [output["output_type"] for output in outputs]
    assert kinds[-3:] == ["stream", "execute_result", "error"]
    assert "left out: beyond" in outputs[-3]["text"]
    assert outputs[-1]["evalue"] == "bad"
    assert for_model(outputs, 100).endswith("ValueError: bad\n")
    if bound:
        assert len(outputs[0]["text"]) == bound - min(bound // 4, 65_536)
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


def test_clearing_the_outputs_makes_room_again() -> None:
    """At once, or with the next output."""
    reducer = folded(*[stream("x" * 400)] * 3, max_bytes=1000)
    assert reducer.dropped == 2
    reducer.feed(clear(True))
    reducer.feed(stream("new"))
    assert reducer.dropped == 0
    assert [output["text"] for output in reducer.outputs] == ["new"]


# What a notebook shows


def test_a_result_of_one_display_is_shown_as_that_display() -> None:
    """In all its types, with its metadata."""
    data = {"text/html": "<b>x</b>", "text/plain": "x"}
    shown = {"output_type": "display_data", "data": data, "metadata": {"a": 1}}
    assert made("ok", outputs=[shown])._repr_mimebundle_() == (data, {"a": 1})


def test_a_result_of_several_outputs_is_shown_one_below_the_other() -> None:
    """As HTML, where what is printed is text, and as what a terminal would show."""
    outputs = [
        *folded(stream("<a>\r<b>\n"), stream("warn", "stderr"), display("d"), error()).outputs,
        {"output_type": "display_data", "data": {"image/png": "iVBO\nRw0K"}, "metadata": {}},
        {"output_type": "display_data", "data": {"image/svg+xml": ["<svg>"]}, "metadata": {}},
        {"output_type": "display_data", "data": {"text/html": "<i>i</i>"}, "metadata": {}},
        {"output_type": "display_data", "data": {"text/latex": "$x<y$"}, "metadata": {}},
    ]
    data, metadata = made("error", outputs=outputs)._repr_mimebundle_()
    assert metadata == {}
    assert data["text/plain"] == as_text(outputs).removesuffix("\n")
    html = data["text/html"]
    places = [
        html.index(part)
        for part in (
            "<pre>&lt;b&gt;",
            "warn</pre>",
            "<pre>d</pre>",
            "T\nb</pre>",
            '<img src="data:image/png;base64,iVBORw0K">',
            "<svg>",
            "<i>i</i>",
            "$x&lt;y$",
        )
    ]
    assert places == sorted(places)
    assert "\x1b" not in html


def test_a_result_without_outputs_is_shown_by_how_it_stands() -> None:
    """Something has to be seen."""
    assert made("ok")._repr_mimebundle_()[0]["text/plain"] == "<Result ok>"
    assert "cancelled before it ran" in made("cancelled")._repr_mimebundle_()[0]["text/html"]


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


def test_the_head_of_text_that_is_cut_has_whole_characters() -> None:
    """Its bytes are counted, not its characters."""
    outputs = folded(stream("é" * 5000), max_bytes=1001).outputs
    assert outputs[0]["text"] == "é" * 375
