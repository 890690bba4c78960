"""
How does a program wait for what the kernel publishes for a request made without `run()`?

The records are filled as messages come; whoever takes one waits until its idle is in, or until it
is sure that it will never come.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ..errors import ReplyTimeout
from ..state.records import Record, Records
from .threads import call_there

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from ..errors import ConKernelError
    from ..protocol.incoming import Incoming

__all__ = ["Recording"]


class Recording:
    """
    The records of one connection, and who waits for them.

    Attributes:
        records: What was published, by request.
    """

    def __init__(self) -> None:
        self.records: Records = Records()
        self._waiters: dict[str, set[asyncio.Future[None]]] = {}

    def open(self, message: dict[str, Any]) -> None:
        """Begin the record of a request that is about to be sent."""
        if message["msg_type"].endswith("_request") and message["msg_id"] not in self.records:
            for evicted in self.records.open(message["msg_id"]):
                self._wake(evicted.msg_id)

    def add(self, message: Incoming) -> None:
        """Put an iopub message where it belongs."""
        record, gone = self.records.add(message)
        if record is not None and record.is_complete:
            self._wake(record.msg_id)
        for evicted in gone:
            self._wake(evicted.msg_id)

    async def take(self, msg_id: str, timeout: float | None) -> list[Incoming]:
        """
        Take the iopub messages of a request, when its idle is in.

        See `ConKernelClient.get_pubs`.
        """
        record = self.records.find(msg_id)
        try:
            async with asyncio.timeout(timeout):
                while _is_open(record):
                    await self._next_change(record)
        except TimeoutError:
            raise ReplyTimeout(
                f"request {msg_id} was not idle within {timeout} s; its record is kept",
                msg_id=msg_id,
            ) from None
        if not record.is_kept:
            raise self.records.evicted(msg_id)
        if record.failure is not None and not record.is_complete:
            raise record.failure()
        return self.records.take(self.records.find(msg_id))

    def fail(self, make_error: Callable[[], ConKernelError], spared: Collection[str] = ()) -> None:
        """Take note that what is incomplete will stay so, but for the `spared` ones."""
        for msg_id in self.records.fail(make_error, spared):
            self._wake(msg_id)

    def fail_one(self, msg_id: str, make_error: Callable[[], ConKernelError]) -> None:
        """Take note that a request was never sent: nothing will be published for it."""
        if msg_id in self.records:
            self.records.find(msg_id).failure = make_error
            self._wake(msg_id)

    def forget_waiters(self) -> None:
        """Forget whoever waits in a loop that is closed."""
        for msg_id, waiters in list(self._waiters.items()):
            waiters.difference_update([one for one in waiters if one.get_loop().is_closed()])
            if not waiters:
                del self._waiters[msg_id]

    async def _next_change(self, record: Record) -> None:
        msg_id = record.msg_id
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiters = self._waiters.setdefault(msg_id, set())
        waiters.add(waiter)
        try:
            if _is_open(record):  # the thread of another loop may just have changed it
                await waiter
        finally:
            waiters.discard(waiter)
            if not waiters:
                self._waiters.pop(msg_id, None)

    def _wake(self, msg_id: str) -> None:
        for waiter in tuple(self._waiters.get(msg_id, ())):
            call_there(waiter.get_loop(), _settle, waiter)


def _is_open(record: Record) -> bool:
    return record.is_kept and not record.is_complete and record.failure is None


def _settle(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
