"""Each message of a run is one event."""

from __future__ import annotations

from conkernelclient import events
from conkernelclient.outputs.events import event_of
from tests.messages import incoming
from tests.outputs.made import (
    clear,
    display,
    error,
    result_of,
)


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
