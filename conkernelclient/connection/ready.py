"""
When is a kernel ready for this client?

When three things are so: it answered a `kernel_info_request`; the client has subscribed its iopub,
since anything came over it (the kernel's `iopub_welcome` of JEP 65, or the status of a probe); and
it knows the client's stdin, for it drops a question to a client that it does not know. A
subscription takes its time to reach the kernel; probes follow each other, one round trip each,
until the status of one arrives.

The reply to the first question may be lost, as by an interrupt, and its idle published before the
subscription had reached the kernel: then nothing tells of it. So a question that was asked before
iopub was subscribed, and has no answer soon after, is asked again, once; the watchdog looks after
the second one.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from ..errors import ReadyTimeout
from ..state.router import Phase, Takes
from .threads import call_there

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..protocol.incoming import Incoming
    from ..protocol.messages import Channel, Message
    from ..state.router import Request
    from .connection import Connection

__all__ = ["Greeting"]

ASK_AGAIN: Final = 0.5  # seconds from the first message on iopub; a kernel that is up has answered


class Greeting:
    """
    One wait for a kernel: the `kernel_info_request`s of it, and what came of them.

    Args:
        connection: Sends them, past whatever is paused.
    """

    subshell_id: str | None = None  # the main shell answers them
    is_ours: bool = True  # no caller of the client made these requests

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._requests: list[Request] = []
        self._changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._reply: Message | None = None  # that was not looked at yet
        self._info: Message | None = None
        self._error: BaseException | None = None
        self._is_followed = False  # iopub was subscribed when the last question was asked
        self._ask_at: float | None = None  # when it is asked again, by the loop's clock

    async def until_ready(
        self, timeout: float | None, on_subscribed: Callable[[], None] | None = None
    ) -> Message:
        """
        Wait until the kernel is ready; gives its `kernel_info_reply`.

        Args:
            timeout: Seconds; None: any time.
            on_subscribed: Called once when its iopub is subscribed and it knows our stdin: a kernel
                that is busy answers later.

        Raises:
            ReadyTimeout: It is not within `timeout` seconds; the text says how far it was.
            DeadKernelError, KernelRestartedError, ChannelsClosedError: It, or its connection,
                ended.
        """
        connection = self._connection
        loop = asyncio.get_running_loop()
        deadline = None if timeout is None else loop.time() + timeout
        connection.peer_listeners.add(self._wake)
        try:
            self._send()
            while True:
                if self._error is not None:
                    raise self._error
                if self._reply is not None:
                    self._info, self._reply = self._reply, None
                    if not connection.is_subscribed():
                        self._send()
                if connection.is_subscribed() and connection.is_stdin_connected():
                    if on_subscribed is not None:
                        on_subscribed()
                        on_subscribed = None
                    if self._info is not None:
                        return self._info
                left = None if deadline is None else deadline - loop.time()
                if left is not None and left <= 0:
                    raise ReadyTimeout(self.describe())
                pause = self._ask_again()
                if left is not None:
                    pause = left if pause is None else min(left, pause)
                await self._next_change(pause)
        finally:
            connection.peer_listeners.discard(self._wake)
            self._close()

    def describe(self) -> str:
        """Say what is missing."""
        if self._info is None:
            return "it is still starting, busy with other code, or mute"
        if not self._connection.is_subscribed():
            return "it answers, but nothing comes on its iopub channel"
        return "it answers, but its stdin port does not; start_channels(stdin=False) does without"

    # What the connection does

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Give the loop that waits."""
        return self._loop

    def receive(self, channel: Channel, message: Incoming) -> None:
        """Take a message of one of the requests."""
        if channel == "shell":
            self._reply = message.message
        self._wake()

    def fail(self, error: BaseException) -> None:
        """Learn that one of them failed."""
        self._error = error
        self._wake()

    def end(self) -> None:
        """Learn that the reply to one of them will not come: ask again, if there is none."""
        if self._info is None and self._reply is None:
            self._send()

    # Inside

    def _ask_again(self) -> float | None:
        """Ask again if it is time; gives the seconds until then, None if that will not be."""
        if self._info is not None or self._is_followed or not self._connection.is_subscribed():
            return None
        now = self._loop.time()
        if self._ask_at is None:
            self._ask_at = now + ASK_AGAIN
        if now < self._ask_at:
            return self._ask_at - now
        self._send()
        return None

    def _send(self) -> None:
        self._is_followed = self._connection.is_subscribed()
        self._requests.append(
            self._connection.open_request(self, "kernel_info_request", {}, Takes.REPLY_AND_IOPUB)
        )

    def _wake(self) -> None:
        call_there(self._loop, self._changed.set)

    async def _next_change(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return
        self._changed.clear()

    def _close(self) -> None:
        for request in self._requests:
            request.owner = None  # nobody misses what still comes
            if request.phase is Phase.REPLIED:  # its idle may have come before we were subscribed
                self._connection.finish(request)
            else:
                self._connection.give_up(request)
