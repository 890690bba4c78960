"""
How long does a request wait for a kernel that is not there yet?

While a kernel starts, restarts, or is looked for, what is meant for its shell is held in the
window. What has been held for `startup_timeout` seconds fails, and was never sent.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from ..errors import BacklogFullError, ChannelsClosedError, ReadyTimeout

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from ..state.window import Entry
    from .connection import Connection

__all__ = ["Holding"]


class Holding:
    """
    The held requests of one connection, and the clock that ends their waiting.

    Args:
        connection: Has the window that they wait in.
        max_messages: How many may be held.

    Attributes:
        timeout: Seconds that each is held; None: any time.
    """

    def __init__(self, connection: Connection, max_messages: int) -> None:
        self._connection = connection
        self._max_messages = max_messages
        self._timer: asyncio.TimerHandle | None = None
        self.timeout: float | None = None

    def check(self, message: dict[str, Any], buffers: Sequence[Any]) -> None:
        """
        See that a request may be held: that there is room, and that it can be packed.

        Raises:
            ChannelsClosedError: Nobody waits for the kernel, as the channel was closed.
            BacklogFullError: There are too many.
            TypeError, ValueError: It cannot be packed, as `Session.send` says it.
        """
        if not self._connection.is_open("shell"):
            raise ChannelsClosedError(
                "the shell channel is not running: call start_channels() first",
                msg_id=message["msg_id"],
            )
        self._connection.outbound.freeze(message, None, buffers)
        held = len(self._connection.window.held)
        if held >= self._max_messages:
            raise BacklogFullError(
                f"{held} requests wait for a kernel that is not ready. Nothing was sent. Wait for "
                "it with `await kc.wait_for_ready()`"
            )

    def hold(self, entry: Entry) -> None:
        """Hold `entry` until the kernel is there, or its time is over."""
        until = math.inf if self.timeout is None else time.monotonic() + self.timeout
        self._connection.window.submit(entry, until)
        if self._timer is None:
            self.watch()

    def watch(self) -> None:
        """Look at the clock in the loop that is served, when the first one's time is over."""
        self.clear()
        held, loop = self._connection.window.held, self._connection.loop
        until = min(held.values(), default=math.inf)
        if until < math.inf and loop is not None and not loop.is_closed():
            self._timer = loop.call_later(max(0.0, until - time.monotonic()), self._expire)

    def clear(self) -> None:
        """Look at the clock no more."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _expire(self) -> None:
        self._timer = None
        state = self._connection.peer.describe()
        for entry in self._connection.window.expire(time.monotonic()):
            entry.fail(
                ReadyTimeout(
                    f"the kernel was not ready within {self.timeout} s (startup_timeout): {state}. "
                    "The request was never sent; check `await kc.is_alive()`, or restart the "
                    "kernel",
                    msg_id=entry.msg_id,
                )
            )
        if self._connection.window.held:
            self.watch()
