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
from ..errors import ReplyTimeout
from ..state.endings import lost_reply
from ..state.router import Phase, Request, Takes
from ..state.window import Call

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..connection.connection import Connection
    from ..protocol.incoming import Incoming
    from ..protocol.messages import Channel, Message

__all__ = ["Interactive"]


class Interactive:
    """
    One request whose messages of all channels come out in the order of their arrival.

    Args:
        connection: Sends it.
        message: The `execute_request`.

    Attributes:
        request: As the router knows it.
    """

    subshell_id: str | None = None  # the main shell runs it

    def __init__(self, connection: Connection, message: dict[str, Any]) -> None:
        self.request: Request = Request(message["msg_id"], Takes.RUN, owner=self)
        self._connection = connection
        self._message = message
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

    async def run(
        self,
        output_hook: Callable[[Message], Any],
        stdin_hook: Callable[[Message], Any],
        timeout: float | None,
    ) -> Message:
        """
        Send it, and call the hooks with each message; gives the reply when it and idle are in.

        Args:
            output_hook: Called with each iopub message.
            stdin_hook: Called with each `input_request`, sync or async.
            timeout: Seconds to the end of it all, from when the kernel is there; None: any time.

        Raises:
            ReplyTimeout: It is not at its end in time.
        """
        connection, msg_id = self._connection, self.request.msg_id
        is_paused = connection.register(self.request, self._message)
        clock = asyncio.timeout(None if is_paused else timeout)
        entry = Call(
            lambda: connection.send_request(self.request, self._message, []),
            self.fail,
            msg_id=msg_id,
            on_resume=lambda: _start_clock(clock, timeout),
        )
        try:
            async with clock:
                connection.submit(entry)
                return await self._relay(output_hook, stdin_hook)
        except TimeoutError as error:
            if isinstance(error, ReplyTimeout):
                raise
            raise ReplyTimeout(
                f"Timeout waiting for output: {msg_id} is not at its end within {timeout} s; the "
                "kernel goes on",
                msg_id=msg_id,
            ) from None
        finally:
            connection.forget(self.request, entry)

    async def _relay(
        self, output_hook: Callable[[Message], Any], stdin_hook: Callable[[Message], Any]
    ) -> Message:
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


def _start_clock(clock: asyncio.Timeout, seconds: float | None) -> None:
    if seconds is not None and not clock.expired():
        clock.reschedule(asyncio.get_running_loop().time() + seconds)
