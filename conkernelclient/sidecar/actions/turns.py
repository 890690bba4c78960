"""
Which cell may be sent now?

Cells are sent in the order of the calls. A cell whose error is to abort what is queued behind it
is waited for, so that what follows can still be taken out; others are sent at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .action import Action, Answer

__all__ = ["Turn", "Turns"]


class Turn:
    """
    One cell that waits for its turn.

    Args:
        action: Its action.
        stop_on_error: Whether its error aborts what is queued behind it.
        start: Prepares and sends it; gives the client's answer, or None if it is not sent.
        abort: Ends it unsent, after the answer of another one that failed.
    """

    __slots__ = ("abort", "action", "start", "stop_on_error")

    def __init__(
        self,
        action: Action[Any],
        *,
        stop_on_error: bool,
        start: Callable[[], Awaitable[Answer | None]],
        abort: Callable[[Answer], None],
    ) -> None:
        self.action: Action[Any] = action
        self.stop_on_error: bool = stop_on_error
        self.start: Callable[[], Awaitable[Answer | None]] = start
        self.abort: Callable[[Answer], None] = abort


class Turns:
    """
    The cells of one sidecar that wait for their turns.

    Args:
        has_failed: Tells whether an answer is one that aborts what is queued behind it.
    """

    def __init__(self, has_failed: Callable[[Answer], bool]) -> None:
        self._has_failed = has_failed
        self._waiting: deque[Turn] = deque()
        self._task: asyncio.Task[None] | None = None

    def add(self, turn: Turn) -> None:
        """Let a cell wait for its turn, behind those that wait."""
        self._waiting.append(turn)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._work())

    def withdraw(self, action: Action[Any]) -> bool:
        """Take a cell out; tells whether it waited."""
        for turn in self._waiting:
            if turn.action is action:
                self._waiting.remove(turn)
                return True
        return False

    def drain(self) -> list[Action[Any]]:
        """Take all out; gives them, the oldest first."""
        waiting = [turn.action for turn in self._waiting]
        self._waiting.clear()
        return waiting

    async def close(self) -> None:
        """Send no more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))

    async def _work(self) -> None:
        while self._waiting:
            turn = self._waiting[0]
            answer = await turn.start()  # which may have withdrawn it, or another has
            if answer is None or not turn.stop_on_error:
                continue
            if not answer.done():
                await _until_done(answer)
            if self._has_failed(answer):
                waiting = list(self._waiting)
                self._waiting.clear()
                for behind in waiting:
                    behind.abort(answer)


async def _until_done(answer: Answer) -> None:
    """Wait for the end of `answer`, which goes on if this is cancelled."""
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    answer.add_done_callback(lambda _: ended.done() or ended.set_result(None))
    await ended
