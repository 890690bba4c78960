"""
Who wants to see messages as they come, whosever they are?

Each subscriber has a task of its own behind a bounded queue: a slow one delays no other, and
counts what it misses. `status` messages have a bound of their own, so that a flood of others costs
no subscriber the idle of a request.

Those that asked for one request are found by its id, so that a thousand of them cost the messages
of others nothing.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from .handling import Handling

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from ..protocol.incoming import Incoming
    from ..protocol.messages import Channel, Message

__all__ = ["UNCLAIMED", "Subscribers", "Subscription"]

logger: Final = logging.getLogger(__name__)

QUEUED: Final = 10_000
STATUSES_QUEUED: Final = 10_000
UNCLAIMED: Final = "\0unclaimed"  # no id of a request


class Subscription(Handling["Incoming"]):
    """
    One handler and what it wants to see. `close()` ends it.

    `await subscription.until_handled()` waits until it has handled what had come by then.

    Attributes:
        parent_id: The request of which it sees the messages; None: of each; `UNCLAIMED`: of those
            that no other subscription names.
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
        super().__init__(handler)
        self._owner = owner
        self._channel = channel
        self._msg_types = None if msg_types is None else frozenset(msg_types)
        self.parent_id: str | None = parent_id
        self._statuses = 0  # of those in the queue
        self.dropped: int = 0

    def close(self) -> None:
        """Get no more messages; those that wait are dropped."""
        self._owner.remove(self)
        self._close()
        self._statuses = 0

    def wants(self, channel: Channel, message: Incoming) -> bool:
        """Tell whether `message`, of a request that it sees, is one of those subscribed to."""
        return (self._channel is None or channel == self._channel) and (
            self._msg_types is None or message.msg_type in self._msg_types
        )

    def put(self, message: Incoming) -> None:
        """Queue `message` for the handler."""
        if self._is_closed:  # amid the offer
            return
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
        self._go_on()

    def _give(self, item: Incoming) -> Awaitable[None] | None:
        self._statuses -= item.msg_type == "status"
        return self._handler(item.message)


class Subscribers:
    """
    The subscribers of one client.

    Attributes:
        all: Their subscriptions, oldest first.
    """

    def __init__(self) -> None:
        self.all: dict[Subscription, None] = {}
        # By the request that they see; None: each. Tuples, for a handler may end a subscription
        # while a message is offered.
        self._seeing: dict[str | None, tuple[Subscription, ...]] = {}

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
        """Begin a subscription; `UNCLAIMED` is the parent of what no other one names."""
        subscription = Subscription(self, handler, channel, msg_types, parent_id)
        self.all[subscription] = None
        self._seeing[parent_id] = (*self._seeing.get(parent_id, ()), subscription)
        return subscription

    def remove(self, subscription: Subscription) -> None:
        """End a subscription. Harmless if it has ended."""
        if self.all.pop(subscription, self) is self:
            return
        parent_id = subscription.parent_id
        left = tuple(one for one in self._seeing[parent_id] if one is not subscription)
        if left:
            self._seeing[parent_id] = left
        else:
            del self._seeing[parent_id]

    def offer(self, channel: Channel, message: Incoming) -> None:
        """Show `message` to those who want it."""
        named = self._seeing.get(message.parent_id) or self._seeing.get(UNCLAIMED)
        for seeing in (self._seeing.get(None), named):
            if seeing is not None:
                for subscription in seeing:
                    if subscription.wants(channel, message):
                        subscription.put(message)
