"""
What can a program do with the answer to a request before it is there?

`RequestFuture` is an `asyncio.Future`, so `gather`, `wait_for`, `shield` and `run_until_complete`
take it, and a `collections.abc.Coroutine`, so `create_task` and `TaskGroup.create_task` take it as
well: jupyter_client returns coroutines in its place. (`asyncio.wait` refuses coroutines since
Python 3.11, and with them these.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ..connection.threads import call_there, is_elsewhere
from ..errors import ConKernelError
from ..protocol.messages import Message
from ..state.endings import lost_reply

if TYPE_CHECKING:
    from collections.abc import Generator

    from ..protocol.incoming import Incoming
    from ..protocol.messages import Channel

__all__ = ["ReplyFuture", "RequestFuture"]

T = TypeVar("T")


class RequestFuture(asyncio.Future[T], Coroutine[Any, Any, T], Generic[T]):
    """
    The answer to one request.

    Any number of tasks may await it. A task that is cancelled while it awaits leaves the others
    alone; when the last one is cancelled, so is the request, unless `detach()` was called or
    someone shields it. Never awaited, it logs nothing.
    """

    __slots__ = ("_is_detached", "_waiters")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self._is_detached = False
        # The tasks that await it, as long as it is not done. Most are awaited once.
        self._waiters: tuple[asyncio.Future[None], ...] = ()

    def detach(self) -> None:
        """
        Let the request go on when the last task that awaits it is cancelled.

        A direct `cancel()` still ends it, and that is what `wait_for` (until Python 3.11) and a
        cancelled `gather` call: give those `asyncio.shield(...)`.
        """
        self._is_detached = True

    def set_result(self, result: T, /) -> None:
        """Mark as done, and set the result."""
        super().set_result(result)
        self._release()

    def set_exception(self, exception: type | BaseException, /) -> None:
        """Mark as done, and set an exception."""
        super().set_exception(exception)
        self._release()

    def cancel(self, msg: Any = None) -> bool:
        """Cancel the request. False if it had ended."""
        is_cancelled = super().cancel(msg)
        self._release()
        return is_cancelled

    def settle(self, result: T) -> None:
        """Set the result, if there is none yet; called in another loop's thread, it is set soon."""
        if is_elsewhere(self._loop):
            call_there(self._loop, self._settle_here, result)
        elif not self.done():
            self.set_result(result)

    def _settle_here(self, result: T) -> None:
        if not self.done():
            self.set_result(result)

    def fail(self, error: BaseException) -> None:
        """Set an exception, if nothing is set yet. If nobody retrieves it, nothing is logged."""
        call_there(self.get_loop(), self._fail_here, error)

    def _fail_here(self, error: BaseException) -> None:
        if not self.done():
            self.set_exception(error)
            self._log_traceback = False

    def __await__(self) -> Generator[Any, None, T]:
        if not self.done():
            waiter = self._new_waiter()
            try:
                yield from waiter
            except BaseException:
                self._gone(waiter)
                raise
        return self.result()

    def __iter__(self) -> Generator[Any, None, T]:
        return self.__await__()

    def send(self, value: None, /) -> Any:
        """Be a coroutine: give what the task is to wait for, or stop with the result."""
        if self.done():
            raise StopIteration(self.result())
        waiter = self._wait()
        waiter._asyncio_future_blocking = True
        return waiter

    def throw(self, typ: Any, value: Any = None, traceback: Any = None, /) -> Any:
        """Be a coroutine: the task that awaits is to raise this."""
        error = typ if value is None else value
        raise error if isinstance(error, BaseException) else error()

    def close(self) -> None:
        """Be a coroutine: one that holds nothing between its steps."""

    def _new_waiter(self) -> asyncio.Future[None]:
        waiter: asyncio.Future[None] = self.get_loop().create_future()
        self._waiters += (waiter,)
        return waiter

    def _wait(self) -> asyncio.Future[None]:
        waiter = self._new_waiter()
        waiter.add_done_callback(self._gone)
        return waiter

    def _gone(self, waiter: asyncio.Future[None]) -> None:
        self._drop(waiter)
        if waiter.cancelled() and not (self._waiters or self._is_detached or self.done()):
            self.cancel()

    def _drop(self, waiter: asyncio.Future[None]) -> None:
        waiters = self._waiters
        if waiter in waiters:
            at = waiters.index(waiter)
            self._waiters = waiters[:at] + waiters[at + 1 :]

    def _release(self) -> None:
        waiters, self._waiters = self._waiters, ()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)


class ReplyFuture(RequestFuture[Message]):
    """
    The reply to one request, a message dict.

    Attributes:
        msg_id: The request's id.
        subshell_id: The subshell that answers; None for the main shell.
    """

    __slots__ = ("msg_id", "subshell_id")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, msg_id: str, subshell_id: str | None = None
    ) -> None:
        super().__init__(loop)
        self.msg_id: str = msg_id
        self.subshell_id: str | None = subshell_id

    def receive(self, _channel: Channel, message: Incoming) -> None:
        """Take the reply."""
        self.settle(message.message)

    def end(self) -> None:
        """Learn that the kernel has finished with it, and the reply will not come."""
        self.fail(lost_reply(self.msg_id))

    def fail(self, error: BaseException) -> None:
        """Set an exception, with this request's id."""
        if isinstance(error, ConKernelError) and error.msg_id is None:
            error.msg_id = self.msg_id
        super().fail(error)

    def __repr__(self) -> str:
        return f"<reply to {self.msg_id} {self._state.lower()}>"
