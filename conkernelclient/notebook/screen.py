"""
How does a cell show what code in another kernel shows?

As if it were its own: text to its stdout and stderr, displays by its publisher, the value as its
value. The ids of displays are put into the kernel's own place, so that the same id of two kernels
is two displays, and a later cell updates what an earlier one showed.

A widget's model lives in the other kernel, where no front end reaches it: what it shows is text,
which follows the model while the cell runs.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from conkernelclient.events import (
    Clear,
    Display,
    DisplayUpdate,
    ErrorOutput,
    ExecuteResult,
    Stream,
)
from conkernelclient.outputs.display import in_words
from conkernelclient.outputs.widgets import WIDGET_VIEW, model_of, widget_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from conkernelclient.outputs.result import Event
    from conkernelclient.outputs.widgets import States

__all__ = ["Screen", "Shown", "merged"]

PLAIN: Final = "text/plain"


class Shown:
    """The value of a cell that another kernel gave, in its MIME types."""

    def __init__(self, data: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
        self.data: dict[str, Any] = dict(data)
        self.metadata: dict[str, Any] = dict(metadata)

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Show it as the other kernel did."""
        return self.data, self.metadata

    def __repr__(self) -> str:
        return "".join(self.data.get(PLAIN, ""))


class Screen:
    """
    What one cell shows.

    Args:
        shell: IPython's.
        place: Begins the ids of its kernel's displays.
        states: Gives what the widgets of the run hold.
    """

    def __init__(self, shell: Any, place: str, states: Callable[[], States | None]) -> None:
        self._shell = shell
        self._place = place
        self._states = states
        self._value: ExecuteResult | None = None  # kept as long as nothing comes after it
        self._widgets: dict[str, tuple[str, str]] = {}  # by model: display id and text

    @property
    def value(self) -> Shown | None:
        """The value of the cell; None if it has none, or showed it already."""
        value = self._value
        return None if value is None else Shown(self._worded(value.data), value.metadata)

    def show(self, events: Iterable[Event]) -> None:
        """Show events, in their order."""
        for event in merged(events):
            match event:
                case Stream() | Display() | DisplayUpdate() | ExecuteResult() | Clear():
                    self._show_value()
                    self._show(event)
                case ErrorOutput():  # the cell raises it
                    self._show_value()
                case _:
                    pass

    def refresh(self) -> None:
        """Let what is shown of widgets follow them."""
        if not self._widgets:
            return
        states = self._states() or {}
        for model, (display_id, before) in self._widgets.items():
            text = widget_text(states, model)
            if text is not None and text != before:
                self._widgets[model] = (display_id, text)
                self._publish({PLAIN: text}, {}, display_id, is_update=True)

    def _show(self, event: Stream | Display | DisplayUpdate | ExecuteResult | Clear) -> None:
        match event:
            case Stream(name=name, text=text):
                file = sys.stderr if name == "stderr" else sys.stdout
                file.write(text)
                file.flush()
            case Clear(wait=wait):
                self._shell.display_pub.clear_output(wait=wait)
            case ExecuteResult(display_id=None) if model_of(event.data) is None:
                self._value = event
            case _:
                self._show_display(event)

    def _show_display(self, event: Display | DisplayUpdate | ExecuteResult) -> None:
        model = model_of(event.data)
        display_id = self._place + event.display_id if event.display_id else None
        data = event.data
        if model is not None:
            data = {mime: it for mime, it in data.items() if mime != WIDGET_VIEW}
            text = widget_text(self._states() or {}, model)
            if text is not None:
                data = {PLAIN: text}
            display_id = display_id or f"{self._place}widget-{model}"
            self._widgets[model] = (display_id, text or "")
        self._publish(data, event.metadata, display_id, is_update=isinstance(event, DisplayUpdate))

    def _show_value(self) -> None:
        """Show a value that is followed by something else."""
        value, self._value = self._value, None
        if value is not None:
            self._publish(value.data, value.metadata)

    def _publish(
        self,
        data: Mapping[str, Any],
        metadata: Mapping[str, Any],
        display_id: str | None = None,
        *,
        is_update: bool = False,
    ) -> None:
        transient = {} if display_id is None else {"display_id": display_id}
        self._shell.display_pub.publish(
            data=self._worded(data),
            metadata=dict(metadata),
            transient=transient,
            update=is_update,
        )

    def _worded(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Add words where there is nothing that a terminal shows."""
        has_front_end = getattr(self._shell, "kernel", None) is not None
        return dict(data) if has_front_end or PLAIN in data else {**data, PLAIN: in_words(data)}


def merged(events: Iterable[Event]) -> Iterator[Event]:
    """Give the events, neighbouring text of one stream as one."""
    name, texts = "", list[str]()
    for event in events:
        if isinstance(event, Stream):
            if texts and event.name != name:
                yield Stream(name, "".join(texts))
                texts.clear()
            name = event.name
            texts.append(event.text)
            continue
        if texts:
            yield Stream(name, "".join(texts))
            texts.clear()
        yield event
    if texts:
        yield Stream(name, "".join(texts))
