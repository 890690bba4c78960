"""
How does a program hear of what becomes of its kernel?

`kc.watch_kernel(handler)` tells each change of what a user would call the kernel's state, and
`kc.kernel_state` is that word. The peer learns what happens; `state.kernel_words` has the words.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..connection.companion import Companion
from ..connection.handling import Handling
from ..protocol.messages import CHANNELS
from ..state.kernel_words import KernelState, word_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..connection.connection import Connection
    from ..connection.peer import Peer
    from ..errors import ConKernelError

__all__ = ["KernelNews", "KernelState", "KernelWatch", "KernelWatches"]


@dataclass(frozen=True, slots=True)
class KernelNews:
    """
    A change of what a user would call the kernel's state.

    Attributes:
        state: "ready": what is sent reaches it. "disconnected": it closed its connections and is
            looked for, or this client's channels are closed. "restarting": another one is to take
            its place. "starting": the connection to it is new, and it has not answered; what is
            sent waits. "dead": it ended, or does not come back; all that waited for it has failed.
        error: Why it is dead, as those that waited for it are told: a `DeadKernelError` with
            `exit_code` (negative: that signal) and `stderr`. Where it is restarted because it had
            ended, why that was. None for the others.
    """

    state: KernelState
    error: ConKernelError | None = None


class KernelWatch(Handling[KernelNews]):
    """
    One handler of a kernel's news. `close()` ends it.

    `await watch.until_handled()` waits until it has handled the news that had come by then.
    """

    def __init__(
        self,
        owner: KernelWatches,
        handler: Callable[[KernelNews], Awaitable[None] | None],
        connection: Connection,
    ) -> None:
        super().__init__(handler)
        self._owner = owner
        self._connection = connection

    def close(self) -> None:
        """Get no more news; those that wait are dropped. Harmless if it is closed."""
        self._owner.remove(self)
        self._close()

    def put(self, news: KernelNews) -> None:
        """Queue `news` for the handler."""
        if not self._is_closed:
            self._queue.append(news)
            self.go_on()

    def go_on(self) -> None:
        """See that what waits is handled in the loop that is served, now or as soon as it runs."""
        loop = self._connection.loop
        if not self._queue or loop is None or loop.is_closed():
            return  # the next loop goes on with it
        if asyncio._get_running_loop() is loop:
            self._go_on()
        else:
            with suppress(RuntimeError):  # it is being closed
                loop.call_soon_threadsafe(self._go_on_there)

    def _go_on_there(self) -> None:
        served = self._connection.loop
        if self._queue and (served is None or served is asyncio._get_running_loop()):
            self._go_on()


class KernelWatches(Companion):
    """
    The watches of one client.

    Args:
        connection: The client's.
        peer: What learns of the kernel.
    """

    def __init__(self, connection: Connection, peer: Peer) -> None:
        self._connection = connection
        self._all: dict[KernelWatch, None] = {}
        self._told: KernelState = "disconnected"  # the word of the last change
        connection.join(self)
        peer.listeners.append(self.look)

    @property
    def state(self) -> KernelState:
        """The word for the kernel's present state."""
        connection = self._connection
        is_open = any(map(connection.is_open, CHANNELS))
        return word_of(connection.presence.state, self._told, is_open=is_open)

    def add(self, handler: Callable[[KernelNews], Awaitable[None] | None]) -> KernelWatch:
        """Begin a watch."""
        watch = KernelWatch(self, handler, self._connection)
        self._all[watch] = None
        return watch

    def remove(self, watch: KernelWatch) -> None:
        """End a watch. Harmless if it has ended."""
        self._all.pop(watch, None)

    def look(self) -> None:
        """Tell the watches if the word is another one."""
        state = self.state
        if state == self._told:
            return
        self._told = state
        if self._all:
            news = KernelNews(state, self._why(state))
            for watch in tuple(self._all):
                watch.put(news)

    def _why(self, state: KernelState) -> ConKernelError | None:
        presence = self._connection.presence
        is_meant = state == "dead" or (state == "restarting" and presence.is_explained)
        return presence.error() if is_meant else None

    def rebound(self) -> None:
        """Let the loop that is served now go on with what waits."""
        for watch in tuple(self._all):
            watch.go_on()

    def closed(self) -> None:
        """Learn that all channels were closed."""
        self.look()
