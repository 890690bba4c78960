"""A cell shows events of another kernel as its own."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from conkernelclient.events import (
    Clear,
    Display,
    DisplayUpdate,
    ErrorOutput,
    ExecuteResult,
    Started,
    Stream,
)
from conkernelclient.notebook.screen import Screen, Shown, merged

if TYPE_CHECKING:
    import pytest

VIEW = "application/vnd.jupyter.widget-view+json"


class Publisher:
    """IPython's, as far as it is used."""

    def __init__(self) -> None:
        self.shown: list[Any] = []

    def publish(self, **what: Any) -> None:
        """Publish a display."""
        self.shown.append(what)

    def clear_output(self, *, wait: bool) -> None:
        """Clear."""
        self.shown.append(wait)


def screen_of(states: Any = None, **shell: Any) -> tuple[Screen, list[Any]]:
    """A screen of a kernel, and what is shown on it."""
    publisher = Publisher()
    made = SimpleNamespace(display_pub=publisher, **shell)
    return Screen(made, "here-", lambda: states), publisher.shown


def test_text_goes_to_its_stream_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    """Neighbours are written at once."""
    events = [Stream("stdout", "a"), Stream("stdout", "b"), Stream("stderr", "c")]
    assert list(merged([*events, Started(), Stream("stderr", "d")])) == [
        Stream("stdout", "ab"),
        Stream("stderr", "c"),
        Started(),
        Stream("stderr", "d"),
    ]
    screen, shown = screen_of()
    screen.show(events)
    assert capsys.readouterr() == ("ab", "c")
    assert shown == []


def test_ids_of_displays_are_put_in_the_kernels_place() -> None:
    """Of displays, of their updates, and of values that have one."""
    screen, shown = screen_of(kernel=object())
    data = {"text/html": "<b>"}
    screen.show([Display(data, {"m": 1}, "x"), DisplayUpdate(data, {}, "x"), Clear(wait=True)])
    screen.show([ExecuteResult(data, {}, 1, "x")])
    assert [it["transient"] for it in shown if it is not True] == [{"display_id": "here-x"}] * 3
    assert [it["update"] for it in shown if it is not True] == [False, True, False]
    assert shown[0]["data"] == data
    assert shown[0]["metadata"] == {"m": 1}
    assert shown[2] is True


def test_a_value_is_the_cells_unless_something_follows_it() -> None:
    """Then it is shown in its place."""
    screen, shown = screen_of(kernel=object())
    value = ExecuteResult({"text/plain": "1"}, {}, 1)
    screen.show([value])
    assert isinstance(screen.value, Shown)
    assert repr(screen.value) == "1"
    assert screen.value._repr_mimebundle_() == ({"text/plain": "1"}, {})
    assert shown == []
    screen.show([ErrorOutput("E", "v", [])])
    assert screen.value is None
    assert shown[0]["data"] == {"text/plain": "1"}


def test_a_widget_is_text_that_follows_its_model() -> None:
    """Its view would show nothing here."""
    states: dict[str, dict[str, Any]] = {"m": {"_model_name": "IntSliderModel", "value": 3}}
    screen, shown = screen_of(states, kernel=object())
    view = {"text/plain": "IntSlider()", VIEW: {"model_id": "m"}}
    screen.show([ExecuteResult(view, {}, 1)])
    screen.refresh()
    states["m"]["value"] = 4
    screen.refresh()
    assert [(it["data"], it["update"]) for it in shown] == [
        ({"text/plain": "3"}, False),
        ({"text/plain": "4"}, True),
    ]
    assert len({it["transient"]["display_id"] for it in shown}) == 1
    unknown, shown = screen_of(kernel=object())
    unknown.show([Display({"text/plain": "W()", VIEW: {"model_id": "n"}}, {})])
    unknown.refresh()
    assert [it["data"] for it in shown] == [{"text/plain": "W()"}]


def test_where_no_front_end_is_a_display_has_words() -> None:
    """A terminal shows text alone."""
    screen, shown = screen_of()
    screen.show([Display({"text/html": "<b>bold</b>"}, {})])
    assert shown[0]["data"]["text/plain"] == "bold"
