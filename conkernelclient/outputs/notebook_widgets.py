"""
What do a notebook's widgets show at last, and which outputs went into one of them?

Widgets live beside the cells: one is made in a cell, and changed by later ones. What they hold is
kept in the notebook's metadata (`application/vnd.jupyter.widget-state+json`), with which a page
shows them without a kernel. An Output widget takes what is shown while it is told to (its `msg_id`
names the request), as it does in a notebook's front ends; those keep what it holds, and tell the
kernel, which knows it from them alone.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final, cast

from ..protocol.incoming import Incoming
from .events import Stream
from .reduce import Reducer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..protocol.messages import Message
    from .reduce import Output
    from .result import Event

__all__ = ["STATE", "NotebookWidgets"]

STATE: Final = "application/vnd.jupyter.widget-state+json"
TARGET: Final = "jupyter.widget"
OUTPUT: Final = "OutputModel"
ECHO: Final = "echo_update"  # by which the kernel tells all what one of them has told it
SHOWING: Final = frozenset({"stream", "display_data", "execute_result", "error", "clear_output"})


class NotebookWidgets:
    """
    The widgets of one kernel, by its iopub messages in their order.

    Attributes:
        states: What each widget holds, by its model's id.
        captured: Ids of the messages whose output went into an Output widget.
    """

    def __init__(self) -> None:
        self.states: dict[str, dict[str, Any]] = {}
        self.captured: set[str] = set()
        self._buffers: dict[str, dict[str, dict[str, Any]]] = {}  # by model, by path
        self._open: list[tuple[str, str]] = []  # (request, model) of those that take outputs
        self._taken: dict[str, Reducer] = {}  # what Output widgets hold
        self._news: set[str] = set()  # Output widgets of which the kernel knows less than we

    def take(self, message: Message) -> None:
        """Fold one message."""
        msg_type, content = message["msg_type"], message["content"]
        if msg_type in SHOWING:
            self._show(message)
            return
        model, data = content.get("comm_id"), content.get("data")
        if not isinstance(model, str) or not isinstance(data, dict):
            return
        held = cast("dict[str, Any]", data)
        if msg_type == "comm_open" and content.get("target_name") == TARGET:
            self.states[model] = {}
        elif msg_type == "comm_close":
            self._close(model)
        state = held.get("state")
        if model in self.states and isinstance(state, dict):
            is_echo = held.get("method") == ECHO
            self._update(model, cast("dict[str, Any]", state), is_echo=is_echo)
            self._take_buffers(model, held.get("buffer_paths"), message["buffers"])

    def news(self) -> list[dict[str, Any]]:
        """Give, once, the contents of comm messages by which the kernel learns what was taken."""
        models, self._news = sorted(self._news & self.states.keys()), set()
        return [
            {
                "comm_id": model,
                "data": {
                    "method": "update",
                    "state": {"outputs": self._taken[model].outputs},
                    "buffer_paths": [],
                },
            }
            for model in models
        ]

    def uncaptured(self, events: Iterable[Event]) -> list[Output]:
        """Give the outputs of a run without those that went into an Output widget."""
        rest = Reducer()
        for event in events:
            message = event.message
            if message is None or message["header"]["msg_id"] in self.captured:
                continue
            content = message["content"]
            if isinstance(event, Stream):  # of a long run, several messages may be one event
                content = {"name": event.name, "text": event.text}
            rest.feed(_incoming(message["msg_type"], content))
        return rest.outputs

    def metadata(self) -> dict[str, Any] | None:
        """Give what the notebook's metadata hold as "widgets"; None if there are no widgets."""
        for model, taken in self._taken.items():
            if model in self.states:
                self.states[model]["outputs"] = taken.outputs
        if not self.states:
            return None
        models = {model: self._serialised(model) for model in self.states}
        return {STATE: {"state": models, "version_major": 2, "version_minor": 0}}

    def _serialised(self, model: str) -> dict[str, Any]:
        state = self.states[model]
        keys = ("model_name", "model_module", "model_module_version")
        entry: dict[str, Any] = {key: state.get(f"_{key}") for key in keys}
        entry["state"] = state
        if buffers := self._buffers.get(model):
            entry["buffers"] = list(buffers.values())
        return entry

    def _close(self, model: str) -> None:
        self.states.pop(model, None)
        self._buffers.pop(model, None)
        self._taken.pop(model, None)
        self._open = [entry for entry in self._open if entry[1] != model]

    def _update(self, model: str, state: Mapping[str, Any], *, is_echo: bool) -> None:
        self.states[model].update(state)
        if self.states[model].get("_model_name") != OUTPUT:
            return
        if "outputs" in state and not is_echo:  # what we told: more may have been taken since
            taken = self._taken[model] = Reducer()
            for output in _dicts(state["outputs"]):
                taken.feed(_incoming(str(output.get("output_type")), output))
        if "msg_id" in state:
            self._open = [entry for entry in self._open if entry[1] != model]
            if state["msg_id"]:
                self._open.append((str(state["msg_id"]), model))

    def _show(self, message: Message) -> None:
        request = message["parent_header"].get("msg_id")
        model = next((one for owner, one in reversed(self._open) if owner == request), None)
        if model is None:
            return
        self.captured.add(message["header"]["msg_id"])
        taken = self._taken.setdefault(model, Reducer())
        taken.feed(_incoming(message["msg_type"], message["content"]))
        self._news.add(model)

    def _take_buffers(self, model: str, paths: object, buffers: Iterable[Any]) -> None:
        """Keep the binary parts of a state, which come beside it."""
        if not isinstance(paths, list):
            return
        for path, buffer in zip(cast("list[Any]", paths), buffers, strict=False):
            self._buffers.setdefault(model, {})[str(path)] = {
                "data": base64.b64encode(buffer).decode("ascii"),
                "encoding": "base64",
                "path": path,
            }


def _incoming(msg_type: str, content: dict[str, Any]) -> Incoming:
    return Incoming({}, msg_type, {}, "", {}, content, (), 0)


def _dicts(value: object) -> list[dict[str, Any]]:
    if not isinstance(value, (list, tuple)):
        return []
    return [part for part in cast("list[Any]", value) if isinstance(part, dict)]
