"""
Which notebook outputs does a sequence of messages amount to?

The rules are those of the notebook front ends: neighbouring text of one stream is one output,
`clear_output` empties, with `wait=True` when the next output comes, and `update_display_data`
rewrites every display of its id in place. The outputs are valid nbformat 4 (section "Code cell
outputs").

A large content is parsed when somebody looks: from the first such message on, messages wait until
the outputs are asked for.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

if TYPE_CHECKING:
    from ..protocol.incoming import Incoming

__all__ = ["Output", "Reducer", "dict_of", "display_id_of", "lines_of"]

Output: TypeAlias = dict[str, Any]

DISPLAYS: Final = frozenset({"display_data", "execute_result", "update_display_data"})


class _Text:
    """A stream output that grows: parts are joined when someone looks."""

    __slots__ = ("name", "parts")

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.parts = [text]

    def output(self) -> Output:
        if len(self.parts) > 1:
            self.parts = ["".join(self.parts)]
        return {"output_type": "stream", "name": self.name, "text": self.parts[0]}


class Reducer:
    """
    Folds the iopub messages of one request into outputs, as they come.

    Args:
        max_bytes: Beyond so many bytes of outputs the rest is left out and a marker says so; None:
            no bound.

    Attributes:
        dropped: Messages that were left out because of `max_bytes`, of those that have been read.
        execution_count: The kernel's number of the cell, None if it gave none.
        error: The content of the last error message, None if there was none.
    """

    __slots__ = (
        "__weakref__",
        "_by_display",
        "_clear_pending",
        "_items",
        "_max_bytes",
        "_size",
        "_unread",
        "dropped",
        "error",
        "execution_count",
    )

    def __init__(self, max_bytes: int | None = None) -> None:
        self._items: list[_Text | Output] = []
        self._by_display: dict[str, list[Output]] | None = None
        self._clear_pending = False
        self._max_bytes = max_bytes
        self._size = 0  # bytes of the messages folded so far, about that of the outputs
        self.dropped: int = 0
        self._unread: deque[Incoming] | None = None
        self.execution_count: int | None = None
        self.error: dict[str, Any] | None = None

    @property
    def has_displays(self) -> bool:
        """Whether it holds displays that may be updated, as far as they have been read."""
        return bool(self._by_display)

    @property
    def is_behind(self) -> bool:
        """Whether large messages, and what came after them, have not been read."""
        return self._unread is not None

    @property
    def display_ids(self) -> list[str]:
        """The ids of all its displays."""
        self._catch_up()
        return list(self._by_display or ())

    @property
    def outputs(self) -> list[Output]:
        """
        The outputs as they stand, in a new list.

        Its dicts are new for streams, the reducer's own for others.
        """
        self._catch_up()
        outputs = [item.output() if isinstance(item, _Text) else item for item in self._items]
        if self.dropped:
            outputs.append({"output_type": "stream", "name": "stderr", "text": self._marker()})
        return outputs

    def feed(self, message: Incoming) -> bool:
        """
        Fold one message; those that show nothing are passed over.

        Returns:
            Whether it shows or updates a display, or may do so.
        """
        if self._unread is not None or message.is_deferred:
            self._put_off(message)
            return True
        if message.msg_type == "stream":
            self._stream(message)
            return False
        self._fold(message)
        return message.msg_type in DISPLAYS

    def _put_off(self, message: Incoming) -> None:
        if message.msg_type == "error":
            self.error = message.content
        elif message.msg_type == "execute_input":
            self._count(message.content)
        if self._unread is None:
            self._unread = deque()
        self._unread.append(message)

    def _catch_up(self) -> None:
        unread, self._unread = self._unread, None
        while unread:
            self._fold(unread.popleft())

    def _fold(self, message: Incoming) -> None:
        content = message.content
        match message.msg_type:
            case "stream":
                self._stream(message)
            case "execute_input":
                self._count(content)
            case "display_data":
                self._add(_display("display_data", content), display_id_of(content), message.size)
            case "execute_result":
                self._count(content)
                output = _display("execute_result", content)
                output["execution_count"] = content.get("execution_count")
                self._add(output, display_id_of(content), message.size)
            case "error":
                self.error = content
                self._add(_error(content), None, message.size)
            case "clear_output":
                self._clear_pending = bool(content.get("wait", False))
                if not self._clear_pending:
                    self._clear()
            case "update_display_data":
                self._update(content)
            case _:
                pass

    def update_display(self, content: dict[str, Any]) -> None:
        """Rewrite every display of the id that `content` names, which may be another request's."""
        self._catch_up()
        self._update(content)

    def _count(self, content: dict[str, Any]) -> None:
        self.execution_count = content.get("execution_count", self.execution_count)

    def _update(self, content: dict[str, Any]) -> None:
        display_id = display_id_of(content)
        for output in (self._by_display or {}).get(display_id or "", ()):
            output["data"] = dict_of(content.get("data"))
            output["metadata"] = dict_of(content.get("metadata"))

    def _stream(self, message: Incoming) -> None:
        content = message.content
        name, text = content.get("name"), content.get("text", "")
        if name not in ("stdout", "stderr"):
            name = "stdout"
        if not isinstance(text, str):
            text = str(text)
        is_bound = self._max_bytes is not None or self._clear_pending
        if is_bound and not self._has_room(message.size):
            return
        last = self._items[-1] if self._items else None
        if isinstance(last, _Text) and last.name == name:
            last.parts.append(text)
        elif text:
            self._items.append(_Text(name, text))

    def _add(self, output: Output, display_id: str | None, size: int) -> None:
        if not self._has_room(size):
            return
        self._items.append(output)
        if display_id:
            if self._by_display is None:
                self._by_display = {}
            self._by_display.setdefault(display_id, []).append(output)

    def _has_room(self, size: int) -> bool:
        if self._clear_pending:
            self._clear_pending = False
            self._clear()
        self._size += size
        if self._max_bytes is not None and self._size > self._max_bytes:
            self.dropped += 1
            return False
        return True

    def _clear(self) -> None:
        self._items.clear()
        self._by_display = None
        self._size = 0
        self.dropped = 0

    def _marker(self) -> str:
        return f"[{self.dropped} more outputs left out: beyond {self._max_bytes} bytes]\n"


def _display(output_type: str, content: dict[str, Any]) -> Output:
    return {
        "output_type": output_type,
        "data": dict_of(content.get("data")),
        "metadata": dict_of(content.get("metadata")),
    }


def _error(content: dict[str, Any]) -> Output:
    return {
        "output_type": "error",
        "ename": str(content.get("ename", "")),
        "evalue": str(content.get("evalue", "")),
        "traceback": lines_of(content.get("traceback")),
    }


def display_id_of(content: dict[str, Any]) -> str | None:
    """Give the display_id in a message's content, None if there is none."""
    transient = content.get("transient")
    if not isinstance(transient, dict):
        return None
    display_id = cast("dict[str, Any]", transient).get("display_id")
    return display_id if isinstance(display_id, str) else None


def dict_of(value: object) -> dict[str, Any]:
    """Give a MIME bundle or its metadata as a dict, whatever a kernel put in its place."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def lines_of(traceback: object) -> list[str]:
    """Give a traceback as a list of strings, whatever a kernel put in its place."""
    if isinstance(traceback, str):
        return [traceback]
    lines = cast("list[object]", traceback) if isinstance(traceback, list) else []
    return [str(line) for line in lines]
