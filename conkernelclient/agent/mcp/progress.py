"""
What does a client hear of a run while it waits?

Each new output is told, but not more often than a few times a second; the last one always is. While
there is nothing new it hears that the run goes on.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any, Final, Self, TypeAlias

from conkernelclient.events import (
    Display,
    DisplayUpdate,
    ErrorOutput,
    Event,
    ExecuteResult,
    Stream,
)

from ...outputs.mime import joined
from ...outputs.pieces import clean

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    Report: TypeAlias = Callable[[float, str], Awaitable[None]]

__all__ = ["Progress", "line_of"]

logger: Final = logging.getLogger(__name__)

BEAT: Final = 4.0  # seconds until it is said that the run goes on: at most 5 are promised
GAP: Final = 0.2  # seconds between two reports
PATIENCE: Final = 1.0  # seconds in which the last report has to be taken
SHOWN: Final = 200  # characters of a line
READ: Final = 4000  # characters at the end of a text in which its last line is looked for


class Progress:
    """
    Reports of one run: `async with Progress(report) as progress`.

    Args:
        report: Sends one: seconds since the beginning, which always grow, and a line of text. What
            it raises ends the reports, and nothing else.

    A client that takes no reports holds up nothing but the last one, for a second.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self._began = time.monotonic()
        self._told_at = -1.0
        self._line = "starting"
        self._has_news = False
        self._wake = asyncio.Event()
        self._over = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._task = asyncio.get_running_loop().create_task(self._go_on())
        self._task.add_done_callback(_seen)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        self._over.set()
        self._wake.set()
        if kind is None:
            await asyncio.wait((self._task,), timeout=PATIENCE)
        self._task.cancel()

    def note(self, event: Event) -> None:
        """Take note of what the run shows."""
        line = line_of(event)
        if line:
            self._line = line
            self._has_news = True
            self._wake.set()

    async def _go_on(self) -> None:
        while not self._over.is_set():
            await _set_within(self._wake, BEAT)
            if self._has_news or not self._over.is_set():
                await self._tell()
            await _set_within(self._over, GAP)
        if self._has_news:
            await self._tell()

    async def _tell(self) -> None:
        self._has_news = False
        if not self._over.is_set():
            self._wake.clear()
        seconds = round(max(time.monotonic() - self._began, self._told_at + 0.001), 3)
        self._told_at = seconds
        await self._report(seconds, f"{seconds:.0f} s: {self._line}")


async def _set_within(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass


def _seen(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        logger.debug("a report of progress was not sent: %r", task.exception())


def line_of(event: Event) -> str:
    """Give the last line of what an event shows, in at most 200 characters; "" if nothing."""
    match event:
        case Stream(text=text):
            pass
        case Display(data=data) | DisplayUpdate(data=data) | ExecuteResult(data=data):
            text = _displayed(data)
        case ErrorOutput(ename=ename, evalue=evalue):
            text = f"{ename}: {evalue}"
        case _:
            return ""
    lines = [line.strip() for line in clean(text[-READ:]).splitlines()]
    last = next((line for line in reversed(lines) if line), "")
    return last if len(last) <= SHOWN else last[: SHOWN - 1] + "…"


def _displayed(data: Mapping[str, Any]) -> str:
    image = next((mime for mime in data if mime.startswith("image/")), None)
    if image is None and "text/plain" in data:
        return joined(data["text/plain"])
    return f"[{image or next(iter(data), 'nothing')}]"
