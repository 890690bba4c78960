"""How does a front end wait for what a session tells?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from .mailbox import Mailbox, weight_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from .session_events import SessionEvent, Snapshot, Told

__all__ = ["Watcher", "Watchers"]


class Watcher:
    """
    What one front end is told: `async for told in watcher`.

    First a `Snapshot`, then each event after it. One that is too far behind gets `Missed`, and a
    `Snapshot` again. It ends when it is closed, and when the session is, after what waits. It is
    read by one task at a time. Cancelling that loses nothing.
    """

    def __init__(self, owner: Watchers, mailbox: Mailbox) -> None:
        self._owner = owner
        self._mailbox = mailbox
        self._waiter: asyncio.Future[None] | None = None
        self._is_closed = False

    @property
    def missed(self) -> int:
        """How many events it did not get, all together."""
        return self._mailbox.missed

    @property
    def is_closed(self) -> bool:
        """Whether it will get no more events than those that wait."""
        return self._is_closed

    def close(self) -> None:
        """End it; what waits is dropped. Harmless if it has ended."""
        self._mailbox.drop()
        self.end()

    def end(self) -> None:
        """End it after what waits."""
        self._owner.remove(self)
        self._is_closed = True
        self._wake()

    def put(self, event: SessionEvent, weight: int) -> None:
        """Let it have an event."""
        self._mailbox.put(event, weight)
        self._wake()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Told:
        while (told := self._mailbox.take()) is None:
            if self._is_closed:
                raise StopAsyncIteration
            await self._news()
        return told

    async def _news(self) -> None:
        if self._waiter is not None:
            raise RuntimeError("a watcher is read by one task at a time")
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Watchers:
    """
    All watchers of one session.

    Args:
        snapshot: Gives how everything stands.
    """

    def __init__(self, snapshot: Callable[[], Snapshot]) -> None:
        self._snapshot = snapshot
        self._all: dict[Watcher, None] = {}

    def __len__(self) -> int:
        return len(self._all)

    def add(self, limit: int) -> Watcher:
        """Begin one; see `NotebookSession.watch`."""
        watcher = Watcher(self, Mailbox(self._snapshot, limit))
        self._all[watcher] = None
        return watcher

    def remove(self, watcher: Watcher) -> None:
        """Tell one nothing more. Harmless if it is not there."""
        self._all.pop(watcher, None)

    def tell(self, event: SessionEvent) -> None:
        """Tell all of them."""
        if self._all:
            weight = weight_of(event)
            for watcher in self._all:
                watcher.put(event, weight)

    def end(self) -> None:
        """End all of them, after what waits."""
        for watcher in tuple(self._all):
            watcher.end()
