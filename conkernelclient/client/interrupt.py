"""
How does an interrupt hit the run that it is meant for?

A kernel drops an interrupt that comes before it is inside the code, and lets one that comes after
it hit whatever runs next. So it is sent only between the two, as far as the messages tell; to a
kernel that is told which request is meant, as soon as it has that. And it is sent again while the
kernel is still at it: the interrupts of an execution are one ladder, and a caller that asks for one
meanwhile joins it.

One that hits the kernel in its own code may cost a reply: see `watchdog`.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final, Protocol

from ..connection.threads import begin
from ..errors import ChannelsClosedError, DeadKernelError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["Interruptible", "Ladder", "interrupt_until_finished"]

logger: Final = logging.getLogger(__name__)

# Seconds from one interrupt to the next: they are sent after 0, 0.5, 1 and 2 s.
PAUSES: Final = (0.5, 0.5, 1.0)
PATIENCE: Final = 0.5  # seconds after the last one
# The kernel has ended, or nothing is sent to it any more.
NOTHING_LEFT: Final = (ChannelsClosedError, DeadKernelError)


class Interruptible(Protocol):
    """
    An execution, as its interrupts see it.

    Attributes:
        msg_id: Id of its request.
    """

    msg_id: str

    @property
    def is_interruptible(self) -> bool:
        """Whether an interrupt would hit it."""
        ...

    @property
    def is_finished(self) -> bool:
        """Whether the kernel has finished with it."""
        ...

    @property
    def lacks_reply(self) -> bool:
        """Whether an interrupt may have cost its reply."""
        ...

    def catch_up(self) -> None:
        """Read what has come."""
        ...

    def note_interrupt(self) -> None:
        """Note that an interrupt is about to be sent."""
        ...

    async def changed(self, has_news: Callable[[], object]) -> None:
        """Wait until there is news of it, unless `has_news`: another thread may bring them."""
        ...


class Ladder:
    """
    The interrupts of one execution, sent once for all callers that ask for them.

    Args:
        execution: Is to be interrupted.
        send: Sends an interrupt to the kernel.
        loop: The interrupts are sent in it.
    """

    __slots__ = ("_climbers", "_msg_id", "_task")

    def __init__(
        self,
        execution: Interruptible,
        send: Callable[[], Awaitable[None]],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._msg_id = execution.msg_id
        self._climbers = 0  # the callers that wait for its end, or want it without waiting
        self._task = begin(loop, interrupt_until_finished(execution, send))

    @property
    def is_over(self) -> bool:
        """Whether no caller can join any more: its last interrupt was sent, or it is called off."""
        return self._task.done() or self._task.cancelling() > 0

    async def climb(self) -> bool:
        """
        Wait until the kernel has finished with it, or nothing has helped; tells which.

        When all callers that want it were cancelled, no more interrupts are sent.
        """
        self._climbers += 1
        try:
            return await asyncio.shield(self._task)
        finally:
            self._climbers -= 1
            if not self._climbers:
                self._task.cancel()

    def climb_unwatched(self) -> None:
        """Let the interrupts go to their end without a caller that waits; an error is logged."""
        self._climbers += 1  # and never one less
        self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[bool]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, NOTHING_LEFT):
            logger.error("in run %s: %r", self._msg_id, error, exc_info=error)


async def interrupt_until_finished(
    execution: Interruptible, send: Callable[[], Awaitable[None]]
) -> bool:
    """
    Interrupt `execution` as soon as an interrupt would hit it.

    Tells whether the kernel has finished with it in the end.
    """

    def is_time() -> bool:
        return execution.is_interruptible or execution.is_finished or execution.lacks_reply

    while not is_time():
        await execution.changed(is_time)
    for pause in (*PAUSES, PATIENCE):
        execution.catch_up()
        if execution.is_interruptible:
            execution.note_interrupt()
            await send()
        if await _is_finished_within(execution, pause):
            return True
    return execution.is_finished


async def _is_finished_within(execution: Interruptible, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            while not execution.is_finished:
                await execution.changed(lambda: execution.is_finished)
    except TimeoutError:
        return False
    return True
