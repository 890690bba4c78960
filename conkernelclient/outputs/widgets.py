"""
What do the widgets of a run show at last?

A widget's display names its model; what the model holds comes by comm messages (ipywidgets, "Widget
messaging protocol", version 2): opened with its whole state, updated with what changes, closed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from .html import text_of_html
from .mime import dict_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..protocol.incoming import Incoming

__all__ = ["WIDGET_VIEW", "States", "Widgets", "model_of", "widget_text"]

WIDGET_VIEW: Final = "application/vnd.jupyter.widget-view+json"
TARGET: Final = "jupyter.widget"
REFERENCE: Final = "IPY_MODEL_"  # before the id of another model
BAR: Final = 10  # characters of a progress bar
DEEPEST: Final = 10  # boxes in boxes

States: TypeAlias = "Mapping[str, Mapping[str, Any]]"


class Widgets:
    """
    The models of one run's widgets.

    Attributes:
        states: What each holds, by its id; a closed one holds nothing.
    """

    __slots__ = ("states",)

    def __init__(self) -> None:
        self.states: dict[str, dict[str, Any]] = {}

    def take(self, message: Incoming) -> None:
        """Fold one comm message; those of other comms are passed over."""
        content = message.content
        model = content.get("comm_id")
        if not isinstance(model, str):
            return
        state = dict_of(dict_of(content.get("data")).get("state"))
        if message.msg_type == "comm_open":
            if content.get("target_name") == TARGET:
                self.states[model] = dict(state)
        elif model in self.states:
            if message.msg_type == "comm_close":
                self.states[model] = {}
            elif dict_of(content["data"]).get("method") == "update":
                self.states[model].update(state)


def model_of(data: Mapping[str, Any]) -> str | None:
    """Give the id of the model that a MIME bundle shows; None if it shows no widget."""
    model = dict_of(data.get(WIDGET_VIEW)).get("model_id")
    return model if isinstance(model, str) else None


def widget_text(states: States, model: str) -> str | None:
    """
    Give what the widget shows: of boxes what is in them, of others description and value.

    Returns:
        "" for one that is closed or hidden; None where that is not known.
    """
    state = states.get(model)
    if state is None:
        return None
    return "" if _is_hidden(states, state) else _shown(states, state, DEEPEST)


def _is_hidden(states: States, state: Mapping[str, Any]) -> bool:
    layout = states.get(str(state.get("layout", "")).removeprefix(REFERENCE), {})
    is_hidden = layout.get("display") == "none" or layout.get("visibility") == "hidden"
    return is_hidden or not state


def _shown(states: States, state: Mapping[str, Any], depth: int) -> str | None:
    name = str(state.get("_model_name", ""))
    children = _list_of(state.get("children"))
    if children is not None:
        shown = _children(states, children, depth) if depth else ()
        return ("\n" if name.startswith("VBox") else " ").join(filter(None, shown))
    described = str(state.get("description") or "")
    value = _value(name, state, is_alone=depth == DEEPEST)
    if value is None:
        return described or None
    return f"{described} {value}".strip()


def _children(states: States, children: list[Any], depth: int) -> Iterator[str | None]:
    for child in children:
        state = states.get(str(child).removeprefix(REFERENCE), {})
        if not _is_hidden(states, state):
            yield _shown(states, state, depth - 1)


def _value(name: str, state: Mapping[str, Any], *, is_alone: bool) -> str | None:
    value = state.get("value")
    if name.endswith("ProgressModel"):
        return _bar(state, is_alone=is_alone)
    if name.startswith("HTML"):
        return text_of_html(str(value or ""))
    if value is None:
        return _chosen(state)
    values = _list_of(value)
    if values is not None:
        return ", ".join(map(str, values))
    return str(value) if isinstance(value, (str, int, float)) else None


def _chosen(state: Mapping[str, Any]) -> str | None:
    labels, index = _list_of(state.get("_options_labels")), state.get("index")
    if labels is None or type(index) is not int or not 0 <= index < len(labels):
        return None
    return str(labels[index])


def _list_of(value: object) -> list[Any] | None:
    return cast("list[Any]", value) if isinstance(value, list) else None


def _bar(state: Mapping[str, Any], *, is_alone: bool) -> str | None:
    least, value, most = (_number(state.get(key)) for key in ("min", "value", "max"))
    if value is None or most is None:
        return None
    least = least or 0.0
    share = (value - least) / (most - least) if most > least else 1.0
    full = min(BAR, max(0, int(share * BAR)))
    bar = "|" + "█" * full + " " * (BAR - full) + "|"
    return f"{bar} {value:g}/{most:g}" if is_alone else bar


def _number(value: object) -> float | None:
    try:
        number = float(value) if isinstance(value, (int, float)) else math.nan
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
