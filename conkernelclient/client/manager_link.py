"""
What does the manager of a kernel tell its clients?

That it starts, restarts and ends: the manager, which owns the process, knows it first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..state.presence import News, State

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from jupyter_client.connect import KernelConnectionInfo

    from ..connection.connection import Connection
    from ..connection.peer import Peer
    from ..errors import ConKernelError

__all__ = ["ManagerLink"]


class ManagerLink:
    """
    The way of a manager's news to one client; from any thread.

    Args:
        connection: The client's.
        peer: What acts on the news.
        move: Tells the client where the kernel is now.
    """

    def __init__(
        self, connection: Connection, peer: Peer, move: Callable[[KernelConnectionInfo], None]
    ) -> None:
        self._connection = connection
        self._peer = peer
        self._move = move
        self._received_before: int = 0  # messages that had come when the kernel was started last

    def watch(
        self, on_vanished: Callable[[], None], on_answer: Callable[[], None], *, is_starting: bool
    ) -> None:
        """
        Note that the owner will tell of the kernel's end.

        Args:
            on_vanished: Called when the kernel closed its connections and did not end.
            on_answer: Called when it has answered.
            is_starting: Whether it has not answered any client yet.
        """
        self._peer.is_watched = True
        self._peer.is_starting = is_starting
        self._peer.on_vanished = on_vanished
        self._peer.on_answer = on_answer

    def has_received(self) -> bool:
        """Tell whether anything came from the kernel since it was started."""
        return self._connection.stats.received > self._received_before

    async def until_settled(self) -> None:
        """Wait until what the kernel had sent before its end is read."""
        if not self._connection.is_foreign_thread():
            await self._peer.until_settled()

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop that the client serves; None before it is used in one."""
        return self._connection.loop

    def note_interrupt(self) -> None:
        """Note that the kernel is about to be interrupted."""
        self._connection.note_interrupt()

    def announce_restart(self) -> None:
        """Tell that a restart of the kernel begins."""
        self._connection.hand_over(lambda: self._peer.learn(News.RESTARTS))

    def call_off_restart(self) -> None:
        """Tell that nothing comes of a restart which was announced."""

        def stay() -> None:
            if self._connection.presence.state is State.RESTARTING:
                self._peer.learn(News.STARTED)

        self._connection.hand_over(stay)

    def end(self, make_error: Callable[[], ConKernelError], *, returns: bool = False) -> None:
        """Tell that the kernel ended; with `returns` that another one takes its place."""
        news = News.RETURNS if returns else News.ENDED
        self._connection.hand_over(lambda: self._peer.learn(news, make_error))

    def start(
        self,
        info: KernelConnectionInfo,
        on_vanished: Callable[[], None],
        on_answer: Callable[[], None],
    ) -> None:
        """Tell that the kernel was started, maybe again, maybe at other ports."""

        def start() -> None:
            self._move(info)
            self._received_before = self._connection.stats.received
            self._peer.learn(News.STARTED)

        self.watch(on_vanished, on_answer, is_starting=True)
        self._connection.hand_over(start)
