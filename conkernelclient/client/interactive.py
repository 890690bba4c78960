"""
How does a cell run for a caller who wants each of its messages in a hook?

That is `execute_interactive`.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from typing import TYPE_CHECKING, Any

from ..connection.waiting import Parking
from ..state.endings import lost_reply
from ..state.router import Phase, Request, Takes

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..connection.connection import Connection
    from ..protocol.incoming import Incoming
    from ..protocol.messages import Channel, Message

__all__ = ["Interactive"]


class Interactive:
    """One request whose messages of all channels come out in the order of their arrival."""

    subshell_id: str | None = None  # the main shell runs it

    def __init__(self, connection: Connection, msg_id: str) -> None:
        self.request: Request = Request(msg_id, Takes.RUN, owner=self)
        self._connection = connection
        self._messages: deque[tuple[Channel, Incoming]] = deque()
        self._error: BaseException | None = None
        self._news: Parking = Parking()
        self._loop = asyncio.get_running_loop()

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Give the loop of the caller."""
        return self._loop

    def receive(self, channel: Channel, message: Incoming) -> None:
        """Take one message of the request."""
        self._messages.append((channel, message))
        self._news.wake_all()

    def fail(self, error: BaseException) -> None:
        """Let the caller fail."""
        self._error = error
        self._news.wake_all()

    def end(self) -> None:
        """Learn that nothing more will come."""
        self._news.wake_all()

    async def relay(
        self, output_hook: Callable[[Message], Any], stdin_hook: Callable[[Message], Any]
    ) -> Message:
        """Call the hooks with each message; gives the reply when it and idle are in."""
        reply: Message | None = None
        while True:
            while self._messages:
                channel, message = self._messages.popleft()
                if channel == "shell":
                    reply = message.message
                elif channel == "iopub":
                    output_hook(message.message)
                else:
                    waiting = stdin_hook(message.message)
                    if inspect.isawaitable(waiting):
                        await waiting
            if self._error is not None:
                raise self._error
            if self.request.phase is Phase.DONE:
                if reply is None:
                    raise lost_reply(self.request.msg_id)
                return reply
            await self._news.park(self._is_settled)

    def _is_settled(self) -> bool:
        return bool(self._messages) or self._error is not None or self.request.phase is Phase.DONE
