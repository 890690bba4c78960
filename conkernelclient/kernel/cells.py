"""
Which request does the code that runs here belong to?

`CURRENT` says it in each task and thread that a request started, however deep: threads and pools
take the context of the code that starts them, as tasks do.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any, Final, Protocol

import orjson

from .request import Request
from .wire import Incoming

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .stops import Guard

__all__ = [
    "CURRENT",
    "ON_BEHALF",
    "Cell",
    "Task",
    "act_for",
    "current",
    "follow_threads",
    "note_children",
    "set_latest",
]


class Task(Protocol):
    """What runs a cell: a task of asyncio, or one of trio."""

    def done(self) -> bool:
        """Whether it has ended."""
        ...

    def cancel(self) -> object:
        """Cancel what it awaits."""
        ...


CURRENT: Final[ContextVar[Cell | None]] = ContextVar("conkernel_cell", default=None)
# The cell to which code gives its output, by `set_parent`, in the place of its own.
ON_BEHALF: Final[ContextVar[Cell | None]] = ContextVar("conkernel_on_behalf", default=None)


class Cell:
    """
    One message of a front end, and all that belongs to it while it is worked at.

    Attributes:
        incoming: The message.
        channel: The channel on which it came, and is answered.
        request: Where it stands for the scheduler.
        guard: How its code is stopped.
        task: The task that runs it, from its start on.
        is_over: Whether its code has ended; it is being answered.
        why: What stops it, once it is told to stop.
        texts: What it has printed and was not sent, by stream.
        sent: Bytes of output sent, for its limit.
        kept: What the shell keeps per cell: its count, its result, its payloads.
    """

    __slots__ = (
        "channel",
        "guard",
        "incoming",
        "is_over",
        "kept",
        "request",
        "sent",
        "task",
        "texts",
        "why",
        "worker",
    )

    def __init__(self, incoming: Incoming, channel: str, request: Request | None = None) -> None:
        self.incoming: Incoming = incoming
        self.channel: str = channel
        self.request: Request = request or Request(incoming.msg_id)
        self.guard: Guard | None = None
        self.task: Task | None = None
        self.is_over: bool = False
        self.why: BaseException | None = None
        self.worker: Any = None
        self.texts: dict[str, Any] = {}
        self.sent: int = 0
        self.kept: dict[str, Any] = {}

    @property
    def parent(self) -> dict[str, Any]:
        """The message as ipykernel has it."""
        return self.incoming.message

    @property
    def header(self) -> dict[str, Any]:
        """The parent header of what it publishes."""
        return self.incoming.message["header"]

    @property
    def allows_stdin(self) -> bool:
        """Whether the front end answers questions."""
        return bool(self.incoming.message["content"].get("allow_stdin", False))


_latest: list[Cell | None] = [None]


def set_latest(cell: Cell) -> None:
    """Note the cell that began last: what no request started belongs to it."""
    _latest[0] = cell


def current() -> Cell | None:
    """Give the cell of this code's output: what it has set, its own, or the one that began last."""
    return ON_BEHALF.get() or CURRENT.get() or _latest[0]


def act_for(parent: Mapping[str, Any]) -> Token[Cell | None]:
    """Let the output of this code, from here on, belong to the request `parent`."""
    header = parent.get("header", parent)
    for cell in (CURRENT.get(), _latest[0]):
        if cell is not None and cell.header.get("msg_id") == header.get("msg_id"):
            return ON_BEHALF.set(cell)
    message: dict[str, Any] = {
        "header": header,
        "parent_header": {},
        "metadata": {},
        "content": {},
        **parent,
    }
    return ON_BEHALF.set(Cell(Incoming([], orjson.dumps(header, default=str), message), "shell"))


def follow_threads() -> Callable[[], None]:
    """
    Let threads, and jobs of thread pools, have the cell of the code that started them.

    Returns what undoes it.
    """
    start: Any = threading.Thread.start
    submit: Any = ThreadPoolExecutor.submit

    @functools.wraps(start)
    def start_in_context(self: Any) -> None:
        if CURRENT.get() is not None:
            self.run = functools.partial(contextvars.copy_context().run, self.run)
        start(self)

    @functools.wraps(submit)
    def submit_in_context(
        self: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> Any:
        if CURRENT.get() is not None:
            fn = functools.partial(contextvars.copy_context().run, fn)
        return submit(self, fn, *args, **kwargs)

    threading.Thread.start = start_in_context
    ThreadPoolExecutor.submit = submit_in_context

    def undo() -> None:
        threading.Thread.start = start
        ThreadPoolExecutor.submit = submit

    return undo


def note_children(
    loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any
) -> asyncio.Task[Any]:
    """Make a task, as a loop's task factory, and note it with its cell: a stop reaches it."""
    task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, **options)
    cell = CURRENT.get()
    if cell is not None:
        children: set[asyncio.Task[Any]] = cell.kept.setdefault("children", set())
        children.add(task)
        task.add_done_callback(children.discard)
    return task
