"""
Where does what a cell prints go?

To the front end that sent it: what a cell writes is gathered with the cell, sent at once the first
time, and then every 50 ms; a line that has not ended waits for 50 ms more. A cell that puts
something else in the place of `sys.stdout` does so for itself: other cells print on.
"""

from __future__ import annotations

import sys
import threading
import types
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from .cells import CURRENT, Cell, current
from .compat import OutStream
from .masking import masked

if TYPE_CHECKING:
    from collections.abc import Callable

    from .wire import Wire

__all__ = ["Stream", "route_by_context"]

BATCH: Final = 0.05  # seconds
LARGE: Final = 1_000_000  # characters that are sent at once


class Text:
    """What one cell has written to one stream, and was not sent."""

    __slots__ = ("is_due", "lacks_newline", "length", "parts", "was_sent")

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.length: int = 0
        self.was_sent: bool = False
        self.is_due: bool = False
        self.lacks_newline: bool = False


class Stream(OutStream):
    """`sys.stdout` or `sys.stderr` of the kernel."""

    follows_context: Final = True
    """It asks `REPLACED` what the code has put in its place."""
    wire: Wire
    """Set when the kernel starts."""
    on_sent: Callable[[Cell, int], object] | None = None
    """Told of the bytes of each cell's output."""
    flush_interval: float | None = None
    """Seconds to gather from the first write on, as ipykernel has it; None: as is said above."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lock = threading.RLock()  # what is collected while it is held may print
        self._nobody = Text()

    def write(self, string: Any) -> int:
        """Write text. It is sent soon."""
        if not isinstance(string, str):
            raise TypeError(f"write() argument must be str, not {type(string).__name__}")
        other = REPLACED[self.name].get()
        if other is not None and other is not self:
            return other.write(string)
        if self.pub_thread is None:
            raise ValueError("I/O operation on closed file")
        if self.echo is not None:
            self.echo.write(string)
        if string:
            with masked(), self._lock:
                self._gather(current(), string)
        return len(string)

    def _gather(self, cell: Cell | None, string: str) -> None:
        text = self._text_of(cell)
        text.parts.append(string)
        text.length += len(string)
        channels = self.pub_thread.channels
        if text.length > LARGE:
            self._send(cell, text)
        elif not channels.is_usable:  # a forked child, whose messages may overtake each other
            if "\n" in string:
                self._send(cell, text)
        elif not text.is_due:
            text.is_due = True
            if self.flush_interval is not None:
                channels.call_later(self.flush_interval, lambda: self._flush_of(cell))
            elif text.was_sent:
                channels.call_later(BATCH, lambda: self._flush_when_whole(cell))
            else:
                channels.call(lambda: self._flush_when_whole(cell))
        elif text.lacks_newline and string.endswith("\n"):  # what it waited for
            text.lacks_newline = False
            channels.call(lambda: self._flush_of(cell))

    def _flush_when_whole(self, cell: Cell | None) -> None:
        """Send what a cell has written, but give `print` time to write its newline as well."""
        with self._lock:
            text = self._text_of(cell)
            if text.parts and not text.parts[-1].endswith("\n"):
                text.lacks_newline = not text.was_sent  # the first line is not to be late
                self.pub_thread.channels.call_later(BATCH, lambda: self._flush_of(cell))
            else:
                self._send(cell, text)

    def _text_of(self, cell: Cell | None) -> Text:
        if cell is None:
            return self._nobody
        text = cell.texts.get(self.name)
        if text is None:
            text = cell.texts[self.name] = Text()
        return text

    def _flush_of(self, cell: Cell | None) -> None:
        """Send what a cell has written."""
        with self._lock:
            self._send(cell, self._text_of(cell))

    def _send(self, cell: Cell | None, text: Text) -> None:
        text.is_due = text.lacks_newline = False
        if not text.parts:
            return
        string, text.parts, text.length = "".join(text.parts), [], 0
        text.was_sent = True
        if self._hooks:
            self._send_through_hooks(cell, string)
            return
        parent = cell.incoming.raw_header if cell is not None else b"{}"
        content = {"name": self.name, "text": string}
        frames = self.wire.pack("stream", content, parent, idents=[self.topic])
        self.pub_thread.send_multipart(frames)
        if cell is not None and self.on_sent is not None:
            self.on_sent(cell, len(string))

    def _send_through_hooks(self, cell: Cell | None, string: str) -> None:
        content = {"name": self.name, "text": string}
        message = self.session.msg("stream", content, parent=cell.header if cell else {})
        for hook in self._hooks:
            message = hook(message)
            if message is None:
                return
        self.session.send(self.pub_thread, message, ident=self.topic)

    def flush(self) -> None:
        """Send what this cell has written, before whatever is sent next."""
        other = REPLACED[self.name].get()
        if other is not None and other is not self:
            other.flush()
            return
        if self.pub_thread is None:
            return
        if self.echo is not None:
            self.echo.flush()
        with masked():
            self._flush_of(current())

    def flush_cell(self, cell: Cell) -> None:
        """Send what a cell has written, if there is anything."""
        text = cell.texts.get(self.name)
        if text is not None and text.parts:
            self._flush_of(cell)

    @property
    def parent_header(self) -> dict[str, Any]:
        """The header of the request of this code."""
        cell = current()
        return cell.header if cell is not None else {}

    @parent_header.setter
    def parent_header(self, value: dict[str, Any]) -> None:
        """Do nothing: it follows the code."""

    def set_parent(self, parent: dict[str, Any]) -> None:
        """Do nothing: it follows the code."""

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        other = REPLACED[self.name].get()
        if other is not None and other is not self:
            return other.isatty()
        return self._isatty


REPLACED: Final[dict[str, ContextVar[Any]]] = {
    name: ContextVar(f"conkernel_{name}", default=None)
    for name in ("stdout", "stderr", "displayhook")
}


class Sys(types.ModuleType):
    """The module `sys`, whose streams and display hook are each cell's own."""


def _by_context(name: str) -> property:
    replaced = REPLACED[name]

    def read(self: types.ModuleType) -> Any:
        other = replaced.get()
        return self.__dict__[name] if other is None else other

    def write(self: types.ModuleType, value: Any) -> None:
        own = self.__dict__.get(name)
        if CURRENT.get() is None or not getattr(own, "follows_context", False):
            self.__dict__[name] = value
        else:
            replaced.set(None if value is own else value)

    def delete(self: types.ModuleType) -> None:
        del self.__dict__[name]

    return property(read, write, delete)


Sys.stdout = _by_context("stdout")  # type: ignore[attr-defined]
Sys.stderr = _by_context("stderr")  # type: ignore[attr-defined]
Sys.displayhook = _by_context("displayhook")  # type: ignore[attr-defined]


def route_by_context() -> Callable[[], None]:
    """
    Let code that replaces `sys.stdout`, `stderr` or `displayhook` do so for its context alone.

    Python reads the module's dict, and finds the kernel's own, which asks what the code has put in
    its place. Returns what undoes it.
    """
    module: Any = sys
    module.__class__ = Sys

    def undo() -> None:
        module.__class__ = types.ModuleType

    return undo
