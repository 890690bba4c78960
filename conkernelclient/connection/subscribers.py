"""
Who wants to see messages as they come, whosever they are?

Each subscriber has a task of its own behind a bounded queue: a slow one delays no other, and
counts what it misses. `status` messages have a bound of their own, so that a flood of others costs
no subscriber the idle of a request.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import deque
from typing import TYPE_CHECKING, Final

from .threads import begin, is_elsewhere, retire

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from ..protocol.incoming import Incoming
    from ..protocol.messages import Channel, Message

__all__ = ["Subscribers", "Subscription"]

logger: Final = logging.getLogger(__name__)

QUEUED: Final = 10_000
STATUSES_QUEUED: Final = 10_000


class Subscription:
    """
    One handler and what it wants to see. `close()` ends it.

    Attributes:
        dropped: Messages that it missed, because it was slow.
    """

    def __init__(
        self,
        owner: Subscribers,
        handler: Callable[[Message], Awaitable[None] | None],
        channel: Channel | None,
        msg_types: Collection[str] | None,
        parent_id: str | None,
    ) -> None:
        self._owner = owner
        self._handler = handler
        self._channel = channel
        self._msg_types = None if msg_types is None else frozenset(msg_types)
        self._parent_id = parent_id
        self._queue: deque[Incoming] = deque()
        self._statuses = 0  # of those in the queue
        self._task: asyncio.Task[None] | None = None
        self._is_handling = False  # the task has begun
        self.dropped: int = 0

    def close(self) -> None:
        """Get no more messages; those that wait are dropped."""
        self._owner.remove(self)
        self._queue.clear()
        self._statuses = 0

    def wants(self, channel: Channel, message: Incoming) -> bool:
        """Tell whether `message` is one of those subscribed to."""
        return (
            (self._channel is None or channel == self._channel)
            and (self._msg_types is None or message.msg_type in self._msg_types)
            and (self._parent_id is None or message.parent_id == self._parent_id)
        )

    def put(self, message: Incoming) -> None:
        """Queue `message` for the handler."""
        is_status = message.msg_type == "status"
        others = len(self._queue) - self._statuses
        if self._statuses >= STATUSES_QUEUED if is_status else others >= QUEUED:
            if not self.dropped:
                logger.warning(
                    "subscriber %r is slow: it misses messages from now on", self._handler
                )
            self.dropped += 1
            return
        self._queue.append(message)
        self._statuses += is_status
        task = self._task
        if task is not None and self._is_stranded(task):
            retire(task)
            task = None
        if task is None or task.done():
            self._is_handling = False
            self._task = begin(asyncio.get_running_loop(), self._work())

    def _is_stranded(self, task: asyncio.Task[None]) -> bool:
        """Whether its loop is closed, or at rest before it began: the one that runs goes on."""
        loop = task.get_loop()
        return loop.is_closed() or (not self._is_handling and is_elsewhere(loop))

    async def _work(self) -> None:
        while self._queue and self._task is asyncio.current_task():
            self._is_handling = True
            message = self._queue.popleft()
            self._statuses -= message.msg_type == "status"
            try:
                waiting = self._handler(message.message)
                if inspect.isawaitable(waiting):
                    await waiting
            except Exception:
                logger.exception("subscriber %r failed at %r", self._handler, message)


class Subscribers:
    """
    The subscribers of one client.

    Attributes:
        all: Their subscriptions.
    """

    def __init__(self) -> None:
        self.all: list[Subscription] = []

    @property
    def dropped(self) -> int:
        """Messages that the present subscribers missed."""
        return sum(subscription.dropped for subscription in self.all)

    def add(
        self,
        handler: Callable[[Message], Awaitable[None] | None],
        channel: Channel | None = None,
        msg_types: Collection[str] | None = None,
        parent_id: str | None = None,
    ) -> Subscription:
        """Begin a subscription."""
        subscription = Subscription(self, handler, channel, msg_types, parent_id)
        self.all.append(subscription)
        return subscription

    def remove(self, subscription: Subscription) -> None:
        """End a subscription. Harmless if it has ended."""
        if subscription in self.all:
            self.all.remove(subscription)

    def offer(self, channel: Channel, message: Incoming) -> None:
        """Show `message` to those who want it."""
        for subscription in self.all:
            if subscription.wants(channel, message):
                subscription.put(message)
