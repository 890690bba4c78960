"""
In which loop, and so in which thread, is something called?

What belongs to a loop (futures, tasks, timers) is only touched where that loop runs.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["begin", "call_there", "is_elsewhere", "note_several", "retire"]

T = TypeVar("T")


class _Known:
    """
    What this process knows of loops.

    Attributes:
        are_several: Whether any client has ever gone from one loop to another: until then no
            call need ask where it runs.
    """

    are_several = False


def is_elsewhere(loop: asyncio.AbstractEventLoop) -> bool:
    """Tell whether another loop than `loop` runs here, or none, and there are several."""
    return _Known.are_several and asyncio._get_running_loop() is not loop


def call_there(
    loop: asyncio.AbstractEventLoop, function: Callable[..., object], *args: Any
) -> None:
    """
    Call `function` where `loop` runs: now if that is here, or as soon as it runs.

    In a loop that is closed nothing can be called.
    """
    if not is_elsewhere(loop):
        if not loop.is_closed():
            function(*args)
        return
    with suppress(RuntimeError):  # it is closed
        loop.call_soon_threadsafe(function, *args)


def begin(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Make a task of ours, which nobody awaits: one whose loop never runs again ends in silence."""
    task = loop.create_task(work)
    task._log_destroy_pending = False  # pyright: ignore[reportAttributeAccessIssue]
    return task


def retire(task: asyncio.Task[Any]) -> None:
    """Cancel one of our tasks; in a loop that is closed it is dropped."""
    loop = task.get_loop()
    if not loop.is_closed():
        call_there(loop, task.cancel)


def note_several() -> None:
    """Note that a client goes from one loop to another."""
    _Known.are_several = True
