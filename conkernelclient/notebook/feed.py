"""
How do the events of a run, which lives in another thread's loop, reach the cell that shows them?

Through a queue. The cell waits for it in short steps, so that an interrupt reaches it; where it
shows more slowly than the kernel prints, the run's events wait in the loop, where text is merged.
"""

from __future__ import annotations

import asyncio
import queue
from typing import TYPE_CHECKING, Final

from conkernelclient.events import Finished, InputRequest

from .thread import LOOK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conkernelclient import Result, Run
    from conkernelclient.outputs.result import Event

    from .thread import LoopThread

__all__ = ["Feed"]

MANY: Final = 1000  # events in the queue, at most about


class Feed:
    """
    The events of one run, for a cell.

    Attributes:
        run: The run; None until it is attended to.
        result: What came of it, when `batches` has ended; None if it failed.
        error: What it failed with.
    """

    def __init__(self, thread: LoopThread) -> None:
        self.run: Run | None = None
        self.result: Result | None = None
        self.error: BaseException | None = None
        self._thread = thread
        self._events: queue.SimpleQueue[Event | BaseException] = queue.SimpleQueue()
        self._room = asyncio.Event()
        self._answers: asyncio.Queue[str] = asyncio.Queue()
        self._pump: asyncio.Task[None] | None = None

    # In the loop

    def attend(self, run: Run) -> None:
        """Let the events of `run` come."""
        self.run = run
        self._pump = asyncio.create_task(self._attend(run))

    async def answer(self, _question: InputRequest) -> str:
        """Give the cell's answer to a question of the code: the run's `on_stdin`."""
        return await self._answers.get()

    async def _attend(self, run: Run) -> None:
        try:
            async for event in run:
                self._events.put(event)
                while self._events.qsize() >= MANY:
                    self._room.clear()
                    await self._room.wait()
        except (asyncio.CancelledError, Exception) as error:
            self._events.put(error)

    # In the cell

    @property
    def is_over(self) -> bool:
        """Whether all of it was read."""
        return self.result is not None or self.error is not None

    def batches(self) -> Iterator[list[Event]]:
        """Give what has come, as often as something came, and [] after each short wait."""
        while not self.is_over:
            yield list(self._read())
            self._thread.post(self._room.set)

    def _read(self) -> Iterator[Event]:
        for number in range(MANY):
            event = self._take(0.0 if number else LOOK)
            if event is None:
                return
            if isinstance(event, BaseException):
                self.error = event
                return
            if isinstance(event, Finished):
                self.result = event.result
                return
            yield event

    def _take(self, timeout: float) -> Event | BaseException | None:
        try:
            return self._events.get(timeout > 0, timeout)
        except queue.Empty:
            return None

    def give(self, text: str) -> None:
        """Answer the oldest question."""
        self._thread.post(self._answers.put_nowait, text)
