"""
Where is a message kept that has no owner, and how does a program wait for it?

By channel, up to a bound; a caller that claims the reply to one request gets that one.
"""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections import OrderedDict
from queue import Empty
from typing import TYPE_CHECKING, Any, Final

from ..errors import ReplyTimeout
from .threads import call_there
from .waiting import Parking

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from ..errors import ConKernelError
    from ..protocol.incoming import Incoming

__all__ = ["Inbox"]

logger: Final = logging.getLogger(__name__)

MESSAGES_KEPT: Final = 10_000
STATUSES_KEPT: Final = 10_000
BYTES_KEPT: Final = 256 * 2**20


class Inbox:
    """
    The messages of one channel that have no owner. Beyond its bounds the oldest go.

    `status` messages have a bound of their own: a caller that waits for a request's idle gets
    it, however many others came meanwhile.

    Attributes:
        dropped: How many went so.
    """

    def __init__(
        self,
        name: str,
        limit: int = MESSAGES_KEPT,
        max_bytes: int = BYTES_KEPT,
        max_statuses: int = STATUSES_KEPT,
    ) -> None:
        self._name = name
        self._limit = limit
        self._max_bytes = max_bytes
        self._max_statuses = max_statuses
        # By place: the count of the messages put before.
        self._others: OrderedDict[int, Incoming] = OrderedDict()
        self._statuses: OrderedDict[int, Incoming] = OrderedDict()
        self._replies: dict[str, int] = {}  # place of the reply to each request
        self._next = 0
        self._size = 0  # bytes of those that are no statuses
        self._waiting: Parking = Parking()
        # The waiters without a timeout, each with its task.
        self._patient: dict[asyncio.Future[None], asyncio.Task[Any] | None] = {}
        # Tasks that had just been given a message when the others were told of the kernel's end,
        # and what they are told when they wait again.
        self._untold: weakref.WeakKeyDictionary[asyncio.Task[Any], Callable[[], ConKernelError]] = (
            weakref.WeakKeyDictionary()
        )
        self._claims: dict[str, asyncio.Future[Incoming]] = {}
        self.dropped: int = 0

    def __len__(self) -> int:
        return len(self._others) + len(self._statuses)

    def put(self, message: Incoming) -> None:
        """Keep `message`, or give it to the claim of the reply to its request."""
        claim = self._claims.get(message.parent_id)
        if claim is not None and not (claim.done() or claim.get_loop().is_closed()):
            call_there(claim.get_loop(), _settle, claim, message)
            return
        is_status = message.msg_type == "status"
        (self._statuses if is_status else self._others)[self._next] = message
        self._replies[message.parent_id] = self._next
        self._next += 1
        if not is_status:
            self._size += message.size
        while len(self._others) > self._limit or self._size > self._max_bytes:
            self._take(next(iter(self._others)))
            self._count_drop()
        while len(self._statuses) > self._max_statuses:
            self._take(next(iter(self._statuses)))
            self._count_drop()
        self._waiting.wake_one()

    def get(self) -> Incoming:
        """
        Take the oldest message.

        Raises:
            queue.Empty: There is none.
        """
        firsts = [next(iter(kept)) for kept in (self._others, self._statuses) if kept]
        if not firsts:
            raise Empty
        return self._take(min(firsts))

    def take_all(self) -> list[Incoming]:
        """Take all messages, oldest first."""
        kept = {**self._others, **self._statuses}
        self._others.clear()
        self._statuses.clear()
        self._replies.clear()
        self._size = 0
        return [kept[place] for place in sorted(kept)]

    def discard_parentless(self) -> None:
        """Drop what answers no request, such as the status messages of a kernel that starts."""
        for kept in (self._others, self._statuses):
            for place in [place for place, message in kept.items() if not message.parent_id]:
                self._take(place)

    async def wait(self, timeout: float | None) -> Incoming:
        """
        Take the oldest message, or wait for the next one.

        Raises:
            queue.Empty: None comes within `timeout` seconds (None: for ever).
        """
        try:
            async with asyncio.timeout(timeout):
                while not len(self):
                    await self._next_put(is_patient=timeout is None)
        except TimeoutError:
            if not len(self):
                raise Empty from None
        return self.get()

    async def claim(self, msg_id: str, timeout: float | None) -> Incoming:
        """
        Take the reply to the request `msg_id`, or wait for it.

        Claims of other replies stay as they are.

        Raises:
            ReplyTimeout: It does not come within `timeout` seconds (None: for ever).
            ValueError: Somebody else waits for it.
        """
        place = self._replies.get(msg_id)
        if place is not None:
            return self._take(place)
        if msg_id in self._claims:
            raise ValueError(f"somebody else waits for the reply to {msg_id!r} already")
        claim = self._claims[msg_id] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(timeout):
                await asyncio.wait((claim,))
        except TimeoutError:
            if not claim.done():
                raise ReplyTimeout(
                    f"Timeout waiting for reply to {msg_id} within {timeout} s; the kernel goes on",
                    msg_id=msg_id,
                ) from None
        except asyncio.CancelledError:
            if claim.done() and claim.exception() is None:
                del self._claims[msg_id]
                # It came while we were being cancelled: it stays claimable.
                self.put(claim.result())
            raise
        finally:
            self._claims.pop(msg_id, None)
        return claim.result()

    def fail(self, make_error: Callable[[], ConKernelError]) -> None:
        """Let all waiters fail; what is kept stays."""
        self._waiting.fail_all(make_error)
        for claim in self._claims.values():
            call_there(claim.get_loop(), _fail, claim, make_error)

    def fail_claims(
        self, make_error: Callable[[], ConKernelError], spared: Collection[str] = ()
    ) -> None:
        """Let the claims of replies that will not come fail, but for the `spared` ones."""
        for msg_id in list(self._claims):
            if msg_id not in spared:
                self.fail_claim(msg_id, make_error)

    def fail_claim(self, msg_id: str, make_error: Callable[[], ConKernelError]) -> None:
        """Let the claim of the reply to that request fail."""
        claim = self._claims.get(msg_id)
        if claim is not None:
            call_there(claim.get_loop(), _fail, claim, make_error)

    def fail_patient(self, make_error: Callable[[], ConKernelError]) -> None:
        """Let the waiters without a timeout fail; the others get `queue.Empty` in time."""
        for waiter, task in tuple(self._patient.items()):
            if waiter.get_loop().is_closed():
                continue
            if not waiter.done():
                self._waiting.fail(waiter, make_error)
            elif task is not None and not waiter.cancelled():
                self._untold[task] = make_error

    def forget_waiters(self) -> None:
        """Forget the waiters in loops that are closed."""
        self._waiting.forget_closed()
        for waiter in [one for one in self._patient if one.get_loop().is_closed()]:
            del self._patient[waiter]
        for msg_id, claim in list(self._claims.items()):
            if claim.get_loop().is_closed():
                del self._claims[msg_id]

    async def _next_put(self, *, is_patient: bool) -> None:
        waiter = self._waiting.add()
        if is_patient:
            task = asyncio.current_task()
            self._patient[waiter] = task
            if task is not None and (make_error := self._untold.pop(task, None)) is not None:
                waiter.set_exception(make_error())
        try:
            if not len(self) or waiter.done():  # the thread of another loop may just have put one
                await waiter
        except BaseException:
            if len(self) and waiter.done() and not waiter.cancelled():
                self._waiting.wake_one()  # this waiter is gone: another one is to look
            raise
        finally:
            self._patient.pop(waiter, None)
            self._waiting.remove(waiter)

    def _take(self, place: int) -> Incoming:
        if place in self._others:
            message = self._others.pop(place)
            self._size -= message.size
        else:
            message = self._statuses.pop(place)
        if self._replies.get(message.parent_id) == place:
            del self._replies[message.parent_id]
        return message

    def _count_drop(self) -> None:
        if not self.dropped:
            logger.warning(
                "more than %d messages (or %d bytes) wait in the %s channel and nobody reads them: "
                "the oldest are dropped from now on, see stats()['dropped']",
                self._limit,
                self._max_bytes,
                self._name,
            )
        self.dropped += 1


def _settle(future: asyncio.Future[Any], result: Any) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], make_error: Callable[[], ConKernelError]) -> None:
    if not future.done():
        future.set_exception(make_error())
