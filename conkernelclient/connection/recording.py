"""
How does a program wait for what the kernel publishes for a request made without `run()`?

The records are filled as messages come; a caller that takes one waits until its idle is in, or
until it is sure that it will never come.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ..errors import ReplyTimeout
from ..state.records import Record, Records
from .waiting import Parking

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from ..errors import ConKernelError
    from ..protocol.incoming import Incoming

__all__ = ["Recording"]


class Recording:
    """
    The records of one connection, and the callers that wait for them.

    Attributes:
        records: What was published, by request.
    """

    def __init__(self) -> None:
        self.records: Records = Records()
        self._parkings: dict[str, Parking] = {}  # by request

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
                await self._until_settled(record)
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
        """Forget the waiters in loops that are closed."""
        for msg_id, parking in list(self._parkings.items()):
            parking.forget_closed()
            if not parking.waiters:
                del self._parkings[msg_id]

    async def _until_settled(self, record: Record) -> None:
        parking = self._parkings.setdefault(record.msg_id, Parking())
        try:
            await parking.until(lambda: not _is_open(record))
        finally:
            if not parking.waiters and self._parkings.get(record.msg_id) is parking:
                del self._parkings[record.msg_id]

    def _wake(self, msg_id: str) -> None:
        parking = self._parkings.get(msg_id)
        if parking is not None:
            parking.wake_all()


def _is_open(record: Record) -> bool:
    return record.is_kept and not record.is_complete and record.failure is None
