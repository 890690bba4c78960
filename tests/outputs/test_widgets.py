"""A widget is told by its last state."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conkernelclient.outputs.text import for_model
from conkernelclient.outputs.widgets import WIDGET_VIEW, model_of, widget_text
from tests.messages import incoming
from tests.outputs.made import ended_as, folded, stream
from tests.outputs.stored import shown


def opened(model: str, target: str = "jupyter.widget", **state: Any) -> Any:
    data = {"state": state, "buffer_paths": []}
    return incoming("comm_open", "r", comm_id=model, target_name=target, data=data)


def updated(model: str, method: str = "update", **state: Any) -> Any:
    return incoming("comm_msg", "r", comm_id=model, data={"method": method, "state": state})


def closed(model: str) -> Any:
    return incoming("comm_close", "r", comm_id=model, data={})


def viewed(model: str, plain: str = "Widget()") -> Any:
    data = {"text/plain": plain, WIDGET_VIEW: {"model_id": model, "version_major": 2}}
    return incoming("display_data", "r", data=data, metadata={})


BOX = (
    opened("left", _model_name="HTMLModel", value="  0%"),
    opened("bar", _model_name="FloatProgressModel", value=0.0, max=4.0),
    opened("right", _model_name="HTMLModel", value=" 0/4 [00:00&lt;?, ?it/s]"),
    opened("layout", _model_name="LayoutModel", display=None),
    opened(
        "box",
        _model_name="HBoxModel",
        layout="IPY_MODEL_layout",
        children=["IPY_MODEL_left", "IPY_MODEL_bar", "IPY_MODEL_right"],
    ),
)
STEPS = (
    updated("bar", value=2.0),
    updated("left", value=" 50%"),
    updated("right", value=" 2/4 [00:01&lt;00:01, 2.00it/s]"),
)


def test_a_progress_bar_is_told_as_it_was_at_last() -> None:
    """And not as its first display has it."""
    reducer = folded(*BOX, viewed("box", "  0%|   | 0/4"), *STEPS)
    text = for_model(reducer.outputs, widgets=reducer.widgets)
    assert text == "50% |█████     | 2/4 [00:01<00:01, 2.00it/s]\n"
    result = ended_as("ok", outputs=reducer.outputs, widgets=reducer.widgets)
    assert result.to_llm() == text
    assert [part.text for part in result.parts() if part.kind == "text"] == [text.strip()]


@pytest.mark.parametrize("end", [closed("box"), updated("layout", display="none")])
def test_one_that_was_closed_or_hidden_shows_nothing(end: Any) -> None:
    """As a bar with `leave=False`."""
    reducer = folded(*BOX, viewed("box"), end, stream("done\n"))
    assert for_model(reducer.outputs, widgets=reducer.widgets) == "done\n"


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ({"_model_name": "IntSliderModel", "description": "n:", "value": 3}, "n: 3"),
        ({"_model_name": "IntProgressModel", "value": 5, "max": 10}, "|█████     | 5/10"),
        ({"_model_name": "IntProgressModel", "value": 99, "max": 10}, "|██████████| 99/10"),
        ({"_model_name": "IntProgressModel", "value": None, "max": 10}, None),
        ({"_model_name": "IntProgressModel", "value": 10**400, "max": 1}, None),
        ({"_model_name": "DropdownModel", "_options_labels": ["a", "b"], "index": 1}, "b"),
        ({"_model_name": "DropdownModel", "_options_labels": ["a"], "index": 7}, None),
        ({"_model_name": "ButtonModel", "description": "Go"}, "Go"),
        ({"_model_name": "HTMLModel", "value": "<b>a</b> &amp; b"}, "a & b"),
        ({"_model_name": "IntRangeSliderModel", "value": [1, 2]}, "1, 2"),
        ({"_model_name": "CheckboxModel", "value": True}, "True"),
        ({"_model_name": "ImageModel", "value": {}}, None),
        ({"_model_name": "OutputModel"}, None),
    ],
)
def test_a_widget_is_told_by_description_and_value(state: dict[str, Any], text: str | None) -> None:
    """Where it has any; else its display has the word."""
    assert widget_text({"m": state}, "m") == text


def test_a_vertical_box_has_lines_and_one_that_holds_itself_ends() -> None:
    """A kernel may send anything."""
    states = {
        "a": {"value": "one"},
        "b": {"value": "two"},
        "v": {"_model_name": "VBoxModel", "children": ["IPY_MODEL_a", "IPY_MODEL_b"]},
        "loop": {"_model_name": "HBoxModel", "children": ["IPY_MODEL_loop", "IPY_MODEL_gone"]},
    }
    assert widget_text(states, "v") == "one\ntwo"
    assert widget_text(states, "loop") == ""
    assert widget_text(states, "unknown") is None


def test_what_is_not_known_leaves_the_display_its_text() -> None:
    """As a widget that an earlier run made."""
    assert for_model([shown({"text/plain": "W()", WIDGET_VIEW: {"model_id": "m"}})]) == "W()\n"
    assert model_of({WIDGET_VIEW: {"model_id": 3}}) is None
    assert model_of({}) is None


def test_other_comms_and_odd_messages_are_passed_over() -> None:
    """Also a widget's messages that are no updates."""
    reducer = folded(
        opened("m", value=1),
        opened("other", target="mine", value=1),
        updated("other", value=2),
        updated("m", method="custom", value=3),
        updated("never", value=3),
        incoming("comm_msg", "r", comm_id="m", data=None),
        incoming("comm_msg", "r", comm_id=["m"], data={}),
        incoming("comm_msg", "r"),
    )
    assert reducer.widgets == {"m": {"value": 1}}
    assert folded(updated("m", value=1)).widgets is None


def test_states_are_within_the_bound_of_a_runs_outputs() -> None:
    """Many widgets are memory as many outputs are."""
    many = [opened(str(number), value="x") for number in range(100)]
    reducer = folded(*many, updated("0", value="y"), max_bytes=30 * many[0].size)
    assert reducer.widgets is not None
    assert 10 < len(reducer.widgets) < 30
    assert reducer.widgets["0"] == {"value": "x"}
    reducer = folded(*many[:2], *[updated("0", value="y")] * 100, max_bytes=30 * many[0].size)
    assert reducer.widgets == {"0": {"value": "y"}, "1": {"value": "x"}}
    assert len(folded(*many).widgets or ()) == 100


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
KEYS = st.sampled_from(
    ["_model_name", "value", "min", "max", "children", "layout", "description", "index"]
)
NAMES = st.sampled_from(["HTMLModel", "HBoxModel", "IntProgressModel", "X"])


@given(
    st.dictionaries(
        st.sampled_from("ab"),
        st.dictionaries(KEYS, ANY | NAMES | st.just(["IPY_MODEL_a", "IPY_MODEL_b"]), max_size=6),
        min_size=1,
    )
)
def test_any_states_are_told(states: dict[str, Any]) -> None:
    """A kernel's odd state costs nobody an error."""
    for model in states:
        assert isinstance(widget_text(states, model), (str, type(None)))
