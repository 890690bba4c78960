"""
Which notebook outputs does a sequence of messages amount to?

The rules are those of the notebook front ends: neighbouring text of one stream is one output,
`clear_output` empties, with `wait=True` when the next output comes, and `update_display_data`, as
well as a new display of the same id, rewrites every display of its id in place. The outputs are
valid nbformat 4 (section "Code cell outputs").

A large content is parsed when somebody looks: from the first such message on, messages wait until
the outputs are asked for.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from .mime import bundle_of, count_of, dict_of, lines_of, text_of
from .room import LEAST, end_of, head_within, reserve_of, size_of, within
from .tail import Tail

if TYPE_CHECKING:
    from ..protocol.incoming import Incoming
    from .widgets import Widgets

__all__ = ["Output", "Reducer", "display_id_of"]

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
            no bound. Of the text that goes over the head is kept, and the end of each stream: an
            eighth of them, at most 32 KiB. A quarter, at most 64 KiB, is kept free for the error
            and the value; what has no room there either is cut, but not below 1,000 characters
            each.

    Attributes:
        dropped: Messages that were left out, or cut, because of `max_bytes`, of those that have
            been read.
        execution_count: The kernel's number of the cell, None if it gave none.
        error: The content of the last error message, None if there was none.
    """

    __slots__ = (
        "__weakref__",
        "_by_display",
        "_clear_pending",
        "_full_at",
        "_items",
        "_max_bytes",
        "_over",
        "_size",
        "_tails",
        "_unread",
        "_widgets",
        "dropped",
        "error",
        "execution_count",
    )

    def __init__(self, max_bytes: int | None = None) -> None:
        self._items: list[_Text | Output] = []
        self._by_display: dict[str, list[Output]] | None = None
        self._clear_pending = False
        self._max_bytes = max_bytes
        self._size = 0  # bytes of the outputs so far, about, if they are bound
        self._full_at: int | None = None  # where something was left out first
        self._over: dict[str, Output] = {}  # the last that was cut, of errors and of values
        self._tails: dict[str, Tail] | None = None  # set when text has no more room in the head
        self._widgets: Widgets | None = None  # set when a comm opens
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
        if self._full_at is not None:
            outputs[self._full_at : self._full_at] = self._ends(outputs[: self._full_at])
        return outputs

    def _ends(self, heads: list[Output]) -> list[Output]:
        """Give the marker, and the end of each stream behind it."""
        ends = [
            {"output_type": "stream", "name": name, "text": tail.text}
            for name, tail in (self._tails or {}).items()
            if tail
        ]
        if self.dropped:
            return [{"output_type": "stream", "name": "stderr", "text": self._marker()}, *ends]
        if ends and heads and heads[-1].get("name") == ends[0]["name"]:  # nothing is missing
            heads[-1]["text"] += ends.pop(0)["text"]
        return ends

    @property
    def is_over(self) -> bool:
        """Whether there was more than there is room for."""
        return self._full_at is not None

    @property
    def widgets(self) -> dict[str, dict[str, Any]] | None:
        """What the widgets of this request hold by their models' ids; None if it made none."""
        self._catch_up()
        return None if self._widgets is None else self._widgets.states

    def feed(self, message: Incoming) -> bool:
        """
        Fold one message; those that show nothing are passed over.

        Returns:
            Whether it shows or updates a display, or may do so.
        """
        if self._unread is not None or message.is_deferred:
            if self._max_bytes is None:
                self._put_off(message)
                return True
            if message.msg_type == "display_data" and self._is_full():
                self.dropped += 1  # without having been parsed
                return False
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
                output["execution_count"] = count_of(content.get("execution_count"))
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
            case "comm_open" | "comm_msg" | "comm_close":
                self._take_comm(message)
            case _:
                pass

    def update_display(self, content: dict[str, Any]) -> None:
        """Rewrite every display of the id that `content` names, which may be another request's."""
        self._catch_up()
        self._update(content)

    def _count(self, content: dict[str, Any]) -> None:
        if "execution_count" in content:
            self.execution_count = count_of(content["execution_count"])

    def _update(self, content: dict[str, Any]) -> None:
        display_id = display_id_of(content)
        for output in (self._by_display or {}).get(display_id or "", ()):
            output["data"] = bundle_of(content.get("data"))
            output["metadata"] = dict_of(content.get("metadata"))

    def _take_comm(self, message: Incoming) -> None:
        """Follow a widget's state, as long as there is room for it."""
        if self._widgets is None:
            if message.msg_type != "comm_open":
                return
            from .widgets import Widgets  # few runs have any

            self._widgets = Widgets()
        if self._max_bytes is not None:
            if message.size > self._room():
                return
            if message.msg_type == "comm_open":  # what updates bring takes the place of it
                self._size += message.size
        self._widgets.take(message)

    def _stream(self, message: Incoming) -> None:
        self._start_over()
        content = message.content
        name, text = content.get("name"), content.get("text", "")
        if name not in ("stdout", "stderr"):
            name = "stdout"
        if not isinstance(text, str):
            text = text_of(text)
        if self._max_bytes is not None:
            if self._full_at is None:
                text = self._print_head(name, text)
            if text:
                self._print_end(name, text)
            return
        last = self._items[-1] if self._items else None
        if isinstance(last, _Text) and last.name == name:
            last.parts.append(text)
        elif text:
            self._items.append(_Text(name, text))

    def _print_head(self, name: str, text: str) -> str:
        """Print as much of `text` as there is room for, and give the rest."""
        room, size = self._room(), size_of(text)
        head = text if size <= room else head_within(text, room)
        self._size += size_of(head)
        last = self._items[-1] if self._items else None
        if head and isinstance(last, _Text) and last.name == name:
            last.parts.append(head)
        elif head:
            self._items.append(_Text(name, head))
        return text[len(head) :]

    def _print_end(self, name: str, text: str) -> None:
        """Print what has no room in the head, and forget what was printed long before it."""
        assert self._max_bytes is not None
        if self._full_at is None:
            self._full_at = len(self._items)
        if self._tails is None:
            self._tails = {}
        tail = self._tails.pop(name, None) or Tail(end_of(self._max_bytes))
        self._tails[name] = tail  # what was printed last is last
        self.dropped += tail.add(text)

    def _add(self, output: Output, display_id: str | None, size: int) -> None:
        self._start_over()
        if self._max_bytes is not None:
            if output["output_type"] != "display_data":
                self._add_ending(output, display_id, size)
                return
            if self._full_at is not None or size > self._room():
                self._leave_out()
                return
            self._size += size
        self._append(output, display_id)

    def _append(self, output: Output, display_id: str | None) -> None:
        self._items.append(output)
        if display_id:
            if self._by_display is None:
                self._by_display = {}
            held = self._by_display.setdefault(display_id, [])
            for earlier in held:
                earlier["data"], earlier["metadata"] = dict(output["data"]), output["metadata"]
            held.append(output)

    def _add_ending(self, output: Output, display_id: str | None, size: int) -> None:
        """Add an error or a value, cut if there is no room for it."""
        assert self._max_bytes is not None
        room = self._max_bytes - self._size
        if size <= room:
            self._size += size
            self._append(output, display_id)
            return
        kind = output["output_type"]
        self._leave_out()
        room = max(LEAST, room if kind == "error" else room // 2)
        kept = within(output, room)
        if kept is None:
            return
        before = self._over.get(kind)
        if before is None:
            self._size += min(size, room)
        else:  # it goes, or else nothing would bound how many there are
            self._items = [item for item in self._items if item is not before]
        self._over[kind] = kept
        self._items.append(kept)

    def _room(self) -> int:
        """Give the bytes that streams and displays still have."""
        assert self._max_bytes is not None
        kept_free = reserve_of(self._max_bytes) + 2 * end_of(self._max_bytes)
        return self._max_bytes - kept_free - self._size

    def _leave_out(self) -> None:
        self.dropped += 1
        if self._full_at is None:
            self._full_at = len(self._items)

    def _is_full(self) -> bool:
        """Tell whether the next output has no room."""
        self._start_over()
        return self._full_at is not None

    def _start_over(self) -> None:
        """Empty the outputs, if that waits for the next one."""
        if self._clear_pending:
            self._clear_pending = False
            self._clear()

    def _clear(self) -> None:
        self._items.clear()
        self._by_display = None
        self._size = 0
        self._full_at = self._tails = None
        self._over.clear()
        self.dropped = 0

    def _marker(self) -> str:
        return f"[{self.dropped} more outputs left out: beyond {self._max_bytes} bytes]\n"


def _display(output_type: str, content: dict[str, Any]) -> Output:
    return {
        "output_type": output_type,
        "data": bundle_of(content.get("data")),
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
