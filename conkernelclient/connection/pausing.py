"""
How long does a request wait for a kernel that is not there yet?

While a kernel starts, restarts, or is looked for, the window pauses what is meant for its shell. A
request that has been paused for `startup_timeout` seconds fails, and was never sent.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from ..errors import BacklogFullError, ReadyTimeout

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from ..state.window import Entry, Window

__all__ = ["Pausing"]


class Pausing:
    """
    The paused requests of one connection, and the clock that ends their waiting.

    Args:
        window: They wait in it.
        max_messages: How many may be paused.

    Attributes:
        timeout: Seconds that each is paused; None: any time.
        describe: Says what is waited for; set by the peer.
    """

    describe: Callable[[], str]

    def __init__(self, window: Window, max_messages: int) -> None:
        self._window = window
        self._max_messages = max_messages
        self._timer: asyncio.TimerHandle | None = None
        self._due = math.inf  # when the timer is, by `time.monotonic`
        self.timeout: float | None = None

    def check_room(self) -> None:
        """
        See that another one may be paused.

        Raises:
            BacklogFullError: There are too many.
        """
        paused = len(self._window.paused)
        if paused >= self._max_messages:
            raise BacklogFullError(
                f"{paused} requests wait for a kernel that is not ready. Nothing was sent. Wait "
                "for it with `await kc.wait_for_ready()`"
            )

    def pause(self, entry: Entry, loop: asyncio.AbstractEventLoop | None) -> None:
        """Pause `entry` until the kernel is there, or its time is over by the clock of `loop`."""
        until = math.inf if self.timeout is None else time.monotonic() + self.timeout
        self._window.submit(entry, until)
        if self._timer is None or until < self._due:  # it may have less time than those before it
            self.watch(loop)

    def watch(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Look at the clock in `loop`, which is served, when the first one's time is over."""
        self.clear()
        paused = self._window.paused
        until = self._due = min(paused.values(), default=math.inf)
        if until < math.inf and loop is not None and not loop.is_closed():
            self._timer = loop.call_later(max(0.0, until - time.monotonic()), self._expire, loop)

    def clear(self) -> None:
        """Look at the clock no more."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _expire(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        state = self.describe()
        for entry in self._window.expire(time.monotonic()):
            entry.fail(
                ReadyTimeout(
                    f"the kernel was not ready within {self.timeout} s (startup_timeout): {state}. "
                    "The request was never sent; check `await kc.is_alive()`, or restart the "
                    "kernel",
                    msg_id=entry.msg_id,
                )
            )
        if self._window.paused:
            self.watch(loop)
