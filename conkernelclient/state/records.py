"""
What did the kernel publish for the requests that are no runs?

One record a request, for the last requests only: bounded in number and in bytes, the oldest go
first. A record is taken whole, once.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from ..errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from ..protocol.incoming import Incoming

__all__ = ["Record", "Records"]

EVICTED_REMEMBERED: Final = 10_000


class Record:
    """
    The iopub messages of one request so far; `is_complete` once its idle is in.

    `failure` makes the error that says why it never will be, once that is known.
    """

    __slots__ = ("failure", "is_complete", "is_kept", "messages", "msg_id", "size")

    def __init__(self, msg_id: str) -> None:
        self.msg_id: str = msg_id
        self.messages: list[Incoming] = []
        self.size: int = 0
        self.is_complete: bool = False
        self.failure: Callable[[], Exception] | None = None
        self.is_kept: bool = True  # False once it had to go to make room


class Records:
    """
    The records of one client's last requests.

    Args:
        limit: How many requests are remembered.
        max_bytes: How many bytes of messages all records together may hold.

    Attributes:
        evictions: How many records went before they were taken, to make room.
    """

    def __init__(self, limit: int = 1_000, max_bytes: int = 64 * 2**20) -> None:
        self._limit = limit
        self._max_bytes = max_bytes
        self._records: OrderedDict[str, Record] = OrderedDict()
        self._evicted: OrderedDict[str, None] = OrderedDict()
        self.size: int = 0
        self.evictions: int = 0

    def __contains__(self, msg_id: str) -> bool:
        return msg_id in self._records

    def open(self, msg_id: str) -> list[Record]:
        """Begin the record of a request; gives the records that went to make room."""
        self._records[msg_id] = Record(msg_id)
        return self._make_room()

    def add(self, message: Incoming) -> tuple[Record | None, list[Record]]:
        """
        Put an iopub message into its request's record.

        Gives that record, and the ones that went to make room.
        """
        record = self._records.get(message.parent_id)
        if record is None:
            return None, []
        record.messages.append(message)
        record.size += message.size
        self.size += message.size
        if message.msg_type == "status" and message.content.get("execution_state") == "idle":
            record.is_complete = True
        return record, self._make_room()

    def find(self, msg_id: str) -> Record:
        """
        Give the record of a request, without taking it.

        Raises:
            ProtocolError: It had to go to make room.
            KeyError: It was taken, or this client never sent such a request without `run()`.
        """
        record = self._records.get(msg_id)
        if record is not None:
            return record
        if msg_id in self._evicted:
            raise self.evicted(msg_id)
        raise KeyError(
            f"no iopub record of {msg_id!r}: it was taken already, or was not sent by this client "
            "without run()"
        )

    def take(self, record: Record) -> list[Incoming]:
        """Give the messages of `record` and forget it."""
        if self._records.get(record.msg_id) is record:
            self._drop(record)
        return record.messages

    def fail(self, make_error: Callable[[], Exception], spared: Collection[str] = ()) -> list[str]:
        """
        Note why the records that are incomplete stay so, but for the `spared` ones.

        Gives the ids of their requests.
        """
        failed = [
            record
            for record in self._records.values()
            if not record.is_complete and record.msg_id not in spared
        ]
        for record in failed:
            record.failure = record.failure or make_error
        return [record.msg_id for record in failed]

    def evicted(self, msg_id: str) -> ProtocolError:
        """Make the error for a record that had to go."""
        return ProtocolError(
            f"the iopub record of {msg_id!r} had to go: only the last {self._limit} requests and "
            f"{self._max_bytes} bytes are kept; take it earlier, or use run()",
            msg_id=msg_id,
        )

    def _make_room(self) -> list[Record]:
        gone: list[Record] = []
        while len(self._records) > self._limit or self.size > self._max_bytes:
            record = next(iter(self._records.values()))
            self._drop(record)
            record.is_kept = False
            gone.append(record)
            self._evicted[record.msg_id] = None
            if len(self._evicted) > EVICTED_REMEMBERED:
                self._evicted.popitem(last=False)
        self.evictions += len(gone)
        return gone

    def _drop(self, record: Record) -> None:
        del self._records[record.msg_id]
        self.size -= record.size
