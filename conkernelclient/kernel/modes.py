"""
In which way does a message of a front end run?

`MODES` has each pair of channel and message type. What an execute request wants beyond that stands
in its metadata, its cell's tags or the first line of its code; `options_of` reads it.
"""

from __future__ import annotations

import math
import re
import reprlib
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TypeGuard, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "MODES",
    "BadOptionError",
    "Options",
    "RunMode",
    "all_concurrency_run_modes",
    "is_list_of_str",
    "options_of",
]

LONGEST_NAME: Final = 1000  # characters of a lane's name, which stands in every table of jobs
MOST_AFTER: Final = 1000


class RunMode(StrEnum):
    """How a message runs."""

    QUEUE = "queue"
    """One at a time in its lane."""
    TASK = "task"
    """In a task of its own, beside the others."""
    THREAD = "thread"
    """In a thread of its own, with an event loop of its own."""
    LANGUAGE = "language"
    """In the one thread that knows the language, beside a cell that blocks the main thread."""
    COMM = "comm"
    """In the main thread, in the order of the comm messages, between the steps of the cells."""
    CONTROL = "control"
    """In the control thread, one after the other."""
    DIRECT = "direct"
    """At once, in the thread that reads the sockets."""


ASKED_FOR: Final = frozenset({RunMode.QUEUE, RunMode.TASK, RunMode.THREAD})
SHELL: Final[Mapping[str, RunMode]] = {
    "execute_request": RunMode.QUEUE,
    "complete_request": RunMode.LANGUAGE,
    "inspect_request": RunMode.LANGUAGE,
    "is_complete_request": RunMode.LANGUAGE,
    "history_request": RunMode.LANGUAGE,
    "comm_open": RunMode.COMM,
    "comm_msg": RunMode.COMM,
    "comm_close": RunMode.COMM,
    "comm_info_request": RunMode.DIRECT,
    "kernel_info_request": RunMode.DIRECT,
    "connect_request": RunMode.DIRECT,
    "interrupt_request": RunMode.DIRECT,
    "shutdown_request": RunMode.CONTROL,
}
CONTROL: Final[Mapping[str, RunMode]] = {
    "debug_request": RunMode.CONTROL,
    "usage_request": RunMode.CONTROL,
    "create_subshell_request": RunMode.DIRECT,
    "delete_subshell_request": RunMode.DIRECT,
    "list_subshell_request": RunMode.DIRECT,
    "list_requests": RunMode.DIRECT,
}
# A front end may send all that shell takes on control as well, but comms.
MODES: Final[Mapping[str, Mapping[str, RunMode]]] = {
    "shell": SHELL,
    "control": {**{name: mode for name, mode in SHELL.items() if name[:5] != "comm_"}, **CONTROL},
}


def all_concurrency_run_modes() -> dict[str, tuple[str, ...]]:
    """
    Give the table of what runs how: "channel", "msg_type" and "mode", each a column.

    A pair without a mode is not taken: its mode is "".
    """
    names = sorted({name for modes in MODES.values() for name in modes})
    rows = [(ch, name, MODES[ch].get(name, "")) for ch in MODES for name in names]
    return dict(
        zip(("channel", "msg_type", "mode"), map(tuple, zip(*rows, strict=True)), strict=True)
    )


class BadOptionError(ValueError):
    """What a request wants cannot be: the text says which, and what could be."""


@dataclass(frozen=True, slots=True)
class Options:
    """What an execute request wants."""

    mode: RunMode = RunMode.QUEUE
    lane: str = ""
    priority: int = 0
    """Higher ones are first, in a lane and where there are limits."""
    after: tuple[str, ...] = ()
    """It starts when these requests have ended well, by their msg_ids."""
    timeout: float | None = None
    """Seconds from its start."""
    is_auto: bool = False
    """It becomes a task if its code awaits at the top."""

    def as_task(self) -> Options:
        """Give the same for a task."""
        return replace(self, mode=RunMode.TASK, is_auto=False)


# `# task` or `##thread`, with nothing else in the line.
FIRST_LINE: Final = re.compile(r"[ \t\n]*##?[ \t]*(queue|task|thread)[ \t]*(?:\n|\Z)")


def options_of(metadata: Mapping[str, Any], code: str, default: str = "queue") -> Options:
    """
    Read the options of an execute request.

    The metadata's `run_mode` goes before a tag of the cell, which goes before the first line of
    the code, which goes before `default`: "queue", or "auto".

    Raises BadOptionError.
    """
    mode, is_auto = _mode(metadata, code, default)
    lane = metadata.get("lane", "")
    if not isinstance(lane, str) or len(lane) > LONGEST_NAME:
        raise BadOptionError(f"lane: give a name of at most {LONGEST_NAME} characters")
    priority = metadata.get("priority", 0)
    if not isinstance(priority, int) or isinstance(priority, bool):
        raise BadOptionError(f"priority: give an integer, not {_short(priority)}")
    return Options(mode, lane, priority, _after(metadata), _timeout(metadata), is_auto)


def _mode(metadata: Mapping[str, Any], code: str, default: str) -> tuple[RunMode, bool]:
    asked: Any = metadata.get("run_mode")
    if asked is None:
        tags: Any = metadata.get("tags")
        known = [it for it in tags if it in ASKED_FOR] if is_list_of_str(tags) else []
        found = None if known else FIRST_LINE.match(code)
        asked = known[0] if known else found[1] if found else default
        if asked == "auto":
            return RunMode.QUEUE, True
    if not isinstance(asked, str) or asked not in ASKED_FOR:
        raise BadOptionError(f'run_mode: give "queue", "task" or "thread", not {_short(asked)}')
    return RunMode(asked), False


def _after(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    after = metadata.get("after")
    if after is None:
        return ()
    if is_list_of_str(after) and len(after) <= MOST_AFTER:
        return tuple(after)
    raise BadOptionError(f"after: give a list of at most {MOST_AFTER} msg_ids")


def is_list_of_str(value: Any) -> TypeGuard[list[str]]:
    """Whether it is a list of strings."""
    return isinstance(value, list) and all(isinstance(it, str) for it in cast("list[Any]", value))


def _timeout(metadata: Mapping[str, Any]) -> float | None:
    timeout = metadata.get("timeout")
    if timeout is None:
        return None
    if isinstance(timeout, int | float) and not isinstance(timeout, bool):
        try:
            seconds = float(timeout)
        except OverflowError:
            seconds = math.inf
        if math.isfinite(seconds) and seconds > 0:
            return seconds
    raise BadOptionError(f"timeout: give seconds, over 0, or null, not {_short(timeout)}")


def _short(value: object) -> str:
    try:
        text = reprlib.repr(value)
    except ValueError:  # more digits than Python writes
        text = f"such a large {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:77]}..."
