"""What widgets hold is followed from cell to cell, and Output widgets take what is theirs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from conkernelclient.outputs.events import event_of
from conkernelclient.outputs.notebook_widgets import STATE, NotebookWidgets
from conkernelclient.protocol.incoming import Incoming

COUNT = iter(range(10**9))


def message(msg_type: str, request: str, content: Any, buffers: Any = ()) -> Any:
    """An iopub message of a request."""
    msg_id = f"m{next(COUNT)}"
    return {
        "header": {"msg_id": msg_id, "msg_type": msg_type, "date": datetime.now(UTC)},
        "msg_id": msg_id,
        "msg_type": msg_type,
        "parent_header": {"msg_id": request},
        "metadata": {},
        "content": content,
        "buffers": [memoryview(buffer) for buffer in buffers],
    }


def opened(model: str, **state: Any) -> Any:
    """A widget that is made."""
    target = {"comm_id": model, "target_name": "jupyter.widget"}
    return message("comm_open", "r", {**target, "data": {"state": state}})


def updated(model: str, **state: Any) -> Any:
    """A widget that is changed."""
    return message(
        "comm_msg", "r", {"comm_id": model, "data": {"method": "update", "state": state}}
    )


def printed(text: str, request: str = "r") -> Any:
    """Text on stdout."""
    return message("stream", request, {"name": "stdout", "text": text})


def event(one: Any) -> Any:
    """The event of a message."""
    header, parent = one["header"], one["parent_header"]
    kind, content = one["msg_type"], one["content"]
    return event_of(Incoming(header, kind, parent, parent["msg_id"], {}, content, (), 0))


def test_states_are_those_at_last_with_their_buffers() -> None:
    """Closed ones are gone, and comms that are no widgets are nobody's."""
    widgets = NotebookWidgets()
    assert widgets.metadata() is None
    widgets.take(opened("a", _model_name="M", _model_module="m", value=1))
    widgets.take(opened("gone", value=1))
    widgets.take(message("comm_open", "r", {"comm_id": "x", "target_name": "y", "data": {}}))
    binary = {"comm_id": "a", "data": {"state": {"value": 2}, "buffer_paths": [["data"]]}}
    widgets.take(message("comm_msg", "later", binary, [b"\x00\x01"]))
    widgets.take(message("comm_close", "r", {"comm_id": "gone", "data": {}}))
    metadata = widgets.metadata()
    assert metadata is not None
    assert metadata[STATE]["version_major"] == 2
    assert metadata[STATE]["state"] == {
        "a": {
            "model_name": "M",
            "model_module": "m",
            "model_module_version": None,
            "state": {"_model_name": "M", "_model_module": "m", "value": 2},
            "buffers": [{"data": "AAE=", "encoding": "base64", "path": ["data"]}],
        }
    }


def test_an_output_widget_takes_what_is_shown_while_it_is_told_to() -> None:
    """Of its request alone, the inner one first; the cell has the rest, and the kernel is told."""
    widgets = NotebookWidgets()
    for model in ("outer", "inner"):
        widgets.take(opened(model, _model_name="OutputModel", msg_id="", outputs=[]))
    cell = [printed("before "), printed("1 "), printed("2"), printed("3 "), printed("after")]
    widgets.take(cell[0])
    widgets.take(updated("outer", msg_id="r"))
    widgets.take(cell[1])
    widgets.take(printed("of another", "other"))
    widgets.take(updated("inner", msg_id="r"))
    widgets.take(cell[2])
    widgets.take(updated("inner", msg_id=""))
    widgets.take(cell[3])
    widgets.take(updated("outer", msg_id=""))
    widgets.take(cell[4])
    rest = widgets.uncaptured([event(one) for one in cell])
    assert [output["text"] for output in rest] == ["before after"]
    told = {news["comm_id"]: news["data"]["state"]["outputs"] for news in widgets.news()}
    assert told["outer"][0]["text"] == "1 3 "
    assert told["inner"][0]["text"] == "2"
    assert widgets.news() == []
    widgets.take(updated("inner", outputs=[{"output_type": "stream", "name": "x", "text": "set"}]))
    metadata = widgets.metadata()
    assert metadata is not None
    assert metadata[STATE]["state"]["inner"]["state"]["outputs"][0]["text"] == "set"


KEYS = st.sampled_from(
    ["comm_id", "data", "state", "msg_id", "outputs", "buffer_paths", "_model_name", "text"]
)
JUNK = st.recursive(
    st.none() | st.integers() | st.sampled_from(["a", "b", "r", "OutputModel", ""]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=12,
)
KINDS = st.sampled_from(["comm_open", "comm_msg", "comm_close", "stream", "display_data", "error"])


def test_an_echo_of_what_the_kernel_was_told_takes_nothing_away() -> None:
    """It comes late: more was taken since. What the kernel itself sets counts."""
    widgets = NotebookWidgets()
    widgets.take(opened("o", _model_name="OutputModel", outputs=[]))
    widgets.take(updated("o", msg_id="r"))
    widgets.take(printed("one\n"))
    (told,) = widgets.news()
    widgets.take(printed("two\n"))
    echo = {"method": "echo_update", "state": told["data"]["state"]}
    widgets.take(message("comm_msg", "told", {"comm_id": "o", "data": echo}))
    held: Any = widgets.metadata()
    outputs = held[STATE]["state"]["o"]["state"]["outputs"]
    assert outputs[0]["text"] == "one\ntwo\n"
    assert widgets.news()[0]["data"]["state"]["outputs"] == outputs
    widgets.take(updated("o", outputs=[]))
    held = widgets.metadata()
    assert held[STATE]["state"]["o"]["state"]["outputs"] == []


@given(st.lists(st.tuples(KINDS, st.dictionaries(st.sampled_from(["data", "wait"]), JUNK), JUNK)))
def test_no_message_is_too_odd(messages: list[tuple[str, dict[str, Any], Any]]) -> None:
    """A kernel may send anything."""
    widgets = NotebookWidgets()
    widgets.take(opened("a", _model_name="OutputModel"))
    widgets.take(updated("a", msg_id="r"))
    for msg_type, content, state in messages:
        data = content.get("data")
        content = {"comm_id": "a", "target_name": "jupyter.widget", **content}
        if isinstance(data, dict):
            content["data"] = {"state": state, **data}
        widgets.take(message(msg_type, "r", content, [b"x"]))
        widgets.news()
    widgets.metadata()
