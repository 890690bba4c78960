"""
When is a kernel ready for this client?

When three things are so: it answered a `kernel_info_request`; the client hears its iopub channel,
from the kernel's `iopub_welcome` (JEP 65), or because the status of a probe came through; and it
knows the client's stdin, for it drops a question to a client that it does not know. A subscription
takes its time to reach the kernel; probes follow each other, one round trip each, until one is
heard.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..errors import ReadyTimeout
from ..protocol.router import Claim, Phase, Request

if TYPE_CHECKING:
    from ..protocol.incoming import Incoming
    from ..protocol.messages import Channel, Message
    from .connection import Connection

__all__ = ["probe_until_ready"]


class _Probes:
    """The kernel_info requests of one wait."""

    subshell_id: str | None = None  # the main shell answers them

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._requests: list[Request] = []
        self._changed = asyncio.Event()
        self.reply: Message | None = None
        self.error: BaseException | None = None
        self.is_answered = False
        self.is_heard = False

    def send(self) -> None:
        connection = self._connection
        message = connection.outbound.make("kernel_info_request", {})
        request = Request(message["msg_id"], Claim.REPLY_AND_IOPUB, owner=self)
        connection.router.open(request)
        self._requests.append(request)
        connection.send_request(request, message, [])

    def receive(self, channel: Channel, message: Incoming) -> None:
        if channel == "shell":
            self.reply = message.message
            self.is_answered = True
        else:
            self.is_heard = True
        self.wake()

    def fail(self, error: BaseException) -> None:
        self.error = error
        self.wake()

    def end(self) -> None:
        """Learn that the reply to one of them will not come: ask again, if there is none."""
        if not self.is_answered:
            self.send()

    def wake(self) -> None:
        self._changed.set()

    async def changed(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return
        self._changed.clear()

    def close(self) -> None:
        for request in self._requests:
            request.owner = None  # nobody misses what still comes
            if request.phase is Phase.REPLIED:  # its idle may have come before we were subscribed
                self._connection.router.end(request)
            else:
                self._connection.router.abandon(request)


async def probe_until_ready(connection: Connection, timeout: float | None) -> Message:
    """
    Wait until the kernel is ready; gives its `kernel_info_reply`.

    Raises:
        ReadyTimeout: It is not within `timeout` seconds; the text says how far it was.
        DeadKernelError, KernelRestartedError, ChannelsClosedError: It, or its connection, ended.
    """
    loop = asyncio.get_running_loop()
    deadline = None if timeout is None else loop.time() + timeout
    probes = _Probes(connection)
    info: Message | None = None

    def is_heard() -> bool:
        return probes.is_heard or connection.is_welcomed or not connection.is_open("iopub")

    connection.peer_listeners.add(probes.wake)
    try:
        probes.send()
        while True:
            if probes.error is not None:
                raise probes.error
            if probes.reply is not None:
                info, probes.reply = probes.reply, None
                if not is_heard():
                    probes.send()
            if info is not None and is_heard() and connection.is_stdin_connected():
                return info
            left = None if deadline is None else deadline - loop.time()
            if left is not None and left <= 0:
                raise ReadyTimeout(_state(info, is_heard()))
            await probes.changed(left)
    finally:
        connection.peer_listeners.discard(probes.wake)
        probes.close()


def _state(info: object, is_heard: bool) -> str:
    if info is None:
        return "it is still starting, busy with other code, or mute"
    if not is_heard:
        return "it answers, but nothing comes on its iopub channel"
    return "it answers, but its stdin port does not; start_channels(stdin=False) does without"
