"""
What is a request of the sidecar, for the program that waits for it?

An `Action` is a run or a request of the client with handlers on it. It has ended when the kernel
has answered it whole, idle and the reply in either order, and its handlers have seen all of that.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar, cast

from .action_states import STATUSES, ActionNews, ActionState, next_state

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from ..models import Request
    from .action_states import ActionStatus
    from .delivery import Delivery
    from .handlers import HandlerFailure

__all__ = ["Action", "Answer", "Seen"]

logger: Final = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")


class Answer(Protocol):
    """What an action waits for in the client: a run, or a task that makes a request."""

    def done(self) -> bool:
        """Whether it has ended."""
        ...

    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        ...

    def cancel(self) -> bool:
        """Cancel it."""
        ...

    def result(self) -> Any:
        """Give its result, or raise its error."""
        ...

    def exception(self) -> BaseException | None:
        """Give its error."""
        ...

    def add_done_callback(self, callback: Callable[[Any], object], /) -> None:
        """Call `callback` when it has ended."""
        ...


class Seen(Protocol):
    """The messages of an action, on their way to its handlers: a subscription of the client."""

    dropped: int

    async def until_handled(self) -> None:
        """Wait until all that has come was shown."""
        ...

    def close(self) -> None:
        """Get no more."""
        ...


class Action(Generic[T]):
    """
    One request to the kernel. `Sidecar` makes it; await it for what came of it.

    An `execute_request` gives its `Result`, another request the model of its reply, and one that
    nothing replies to gives None. Any number of tasks may await it, at any time. A task that is
    cancelled while it does so cancels the action if no other one waits (`detach()` opts out).

    Args:
        request: What is sent.
        delivery: Its handlers.
        cell_id: The cell that is run, if one is.
        withdraw: Takes it out of the sidecar's queue; tells whether it was there.
        conclude: Makes what awaiters are given, of the client's answer.
        forget: Lets it go, when it has ended.

    Attributes:
        request: What is sent. The client sends `execute_request` in its own way: where an error
            aborts what is queued behind it, the sidecar sees to that, not the kernel.
        cell_id: The cell that is run; None if none was named.
        reply: The kernel's reply as a dict; None until it is in, or if none came.
        is_idle: Whether a handler was shown the kernel's idle.
        is_rewritten: Whether `after_execute` gave another result than the kernel's.
        error: What awaiting it raises; None if it raises nothing, or has not ended.
    """

    def __init__(
        self,
        request: Request,
        delivery: Delivery,
        *,
        cell_id: str | None,
        withdraw: Callable[[Action[Any]], bool],
        conclude: Callable[[Action[Any], Any], Any],
        forget: Callable[[Action[Any]], None],
    ) -> None:
        self.request: Request = request
        self.cell_id: str | None = cell_id
        self.reply: Mapping[str, Any] | None = None
        self.is_idle: bool = False
        self.is_rewritten: bool = False
        self.error: BaseException | None = None
        self._delivery = delivery
        self._withdraw = withdraw
        self._conclude = conclude
        self._forget = forget
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context()
        self._state: ActionState = ActionState.WAITING
        self._value: Any = None
        self._answer: Answer | None = None
        self._seen: Seen | None = None
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._idle: asyncio.Event = asyncio.Event()
        self._waiting: int = 0  # tasks that await it
        self._is_detached: bool = False
        self._at_work: asyncio.Task[Any] | None = None  # the one that shows messages to handlers
        self._ending: asyncio.Task[None] | None = None

    # What it is, and how it stands

    @property
    def msg_id(self) -> str:
        """The id of the request."""
        return self.request.msg_id

    @property
    def msg_type(self) -> str:
        """The type of the request."""
        return self.request.msg_type

    @property
    def status(self) -> ActionStatus:
        """Whether it waits to be sent, was sent, runs (as its handlers were shown), or is done."""
        return STATUSES[self._state]

    @property
    def failures(self) -> list[HandlerFailure]:
        """What its handlers raised, the first hundred."""
        return self._delivery.failures

    @property
    def dropped(self) -> int:
        """Messages that its handlers missed, because they were 10,000 behind."""
        return 0 if self._seen is None else self._seen.dropped

    @property
    def is_sent(self) -> bool:
        """Whether it was sent to the kernel."""
        return self._answer is not None

    @property
    def is_answered(self) -> bool:
        """Whether the kernel has finished with it, also while handlers are at work."""
        return self._state in (ActionState.ANSWERED, ActionState.DONE)

    def done(self) -> bool:
        """Whether it has ended, and its handlers have seen all of it."""
        return self._ended.done()

    def result(self) -> T:
        """
        Give what awaiting it gives.

        Raises:
            asyncio.InvalidStateError: It has not ended.
            What awaiting it raises.
        """
        if not self._ended.done():
            raise asyncio.InvalidStateError(f"{self!r} has not ended: await it")
        if self.error is not None:
            raise self.error
        return cast("T", self._value)

    @property
    def outcome(self) -> T | None:
        """What came of it, also in `action_complete`; of a run also after a cancel or an error."""
        return cast("T | None", self._value)

    # What callers do

    def cancel(self) -> bool:
        """
        End it as cancelled: awaiters get `CancelledError`.

        One that was not sent never is. A cell that the kernel runs is interrupted; of another
        request the reply is forgotten.

        Returns:
            False if it had ended, or the kernel had finished with it.
        """
        if self.is_answered:
            return False
        if self._withdraw(self):
            self.end(error=asyncio.CancelledError())
            return True
        return self._answer is not None and self._answer.cancel()

    def detach(self) -> None:
        """Let it go on when the last task that awaits it is cancelled."""
        self._is_detached = True

    def add_done_callback(self, callback: Callable[[Action[T]], object]) -> None:
        """Call `callback(action)` in the loop, soon after it has ended; at once if it has."""
        self._ended.add_done_callback(lambda _: callback(self))

    def __await__(self) -> Generator[Any, None, T]:
        if not self._ended.done():
            if self._at_work is not None and self._at_work is asyncio.current_task():
                raise RuntimeError(
                    f"a handler of {self!r} waits for its own action, which waits for the handler: "
                    "do that in a task of its own, or in action_complete"
                )
            self._waiting += 1
            try:
                yield from asyncio.shield(self._ended).__await__()
            except asyncio.CancelledError:
                if self._waiting == 1 and not self._is_detached:
                    self.cancel()
                raise
            finally:
                self._waiting -= 1
        return self.result()

    # What the sidecar does

    def here(self, function: Callable[[], R]) -> R:
        """Call `function` in the context of who made the action, as for what handlers print."""
        return self._context.copy().run(function)

    def sent(self, answer: Answer, seen: Seen) -> None:
        """Learn that it was sent: `answer` is what the client gives, `seen` its messages."""
        self._note(ActionNews.SEND)
        self._answer = answer
        self._seen = seen
        answer.add_done_callback(self._answered)

    def show(self, message: Mapping[str, Any]) -> Any:
        """Show a message to the handlers; gives what is to be awaited, if one of them waits."""
        self._at_work = asyncio.current_task()
        if message["header"]["msg_type"] != "status":
            return self._delivery.show(message)
        state = message["content"].get("execution_state")
        if state == "busy":
            self._note(ActionNews.BUSY)
            return self._delivery.show(message)
        if state != "idle":
            return self._delivery.show(message)
        return self._show_idle(message)

    async def until_idle(self) -> None:
        """Wait until the handlers were shown the kernel's idle, or it was told that none comes."""
        await self._idle.wait()

    def end(self, value: Any = None, error: BaseException | None = None) -> None:
        """End it with this, as soon as its handlers have seen what came."""
        if self._state in (ActionState.ANSWERED, ActionState.DONE):
            return
        self._note(ActionNews.ANSWER)
        self._value, self.error = value, error
        self._ending = self.here(lambda: self._loop.create_task(self._finish()))

    async def until_ended(self) -> None:
        """Wait until it has ended, without waiting for what came of it."""
        await asyncio.shield(self._ended)

    def abandon(self, error: BaseException) -> None:
        """End it at once, with `error` if it has not been answered; handlers are cancelled."""
        self.end(error=error)
        if self._answer is not None:
            self._answer.cancel()
        if self._seen is not None:
            self._seen.close()
        for task in (self._at_work, self._ending):
            if task is not None and task is not asyncio.current_task():
                task.cancel()
        self._close()

    # Inside

    async def _show_idle(self, message: Mapping[str, Any]) -> None:
        waiting = self._delivery.show(message)
        if waiting is not None:
            await waiting
        self.is_idle = True
        self._idle.set()

    def _answered(self, answer: Answer) -> None:
        """Learn that the client has given its answer."""
        if answer.cancelled():
            self.end(getattr(answer, "outcome", None), asyncio.CancelledError())
            return
        error = answer.exception()
        if error is None:
            self.end(answer.result())
        else:
            self.end(getattr(error, "result", None), error)

    async def _finish(self) -> None:
        """Let the handlers see what came, and that this is all; then tell the awaiters."""
        try:
            if self._seen is not None:
                await self._seen.until_handled()
                self._seen.close()
            self._at_work = asyncio.current_task()
            await self._make_value()
            await self._delivery.complete(self)
        except asyncio.CancelledError:
            self.error = self.error or asyncio.CancelledError()
        finally:
            self._close()

    def _close(self) -> None:
        """Tell the awaiters, once."""
        if self._ended.done():
            return
        if self._seen is not None:
            self._seen.close()
        self._at_work = None
        self._note(ActionNews.SEEN)
        self._forget(self)
        self._ended.set_result(None)

    async def _make_value(self) -> None:
        try:
            self._value = await self._conclude(self, self._value)
        except Exception as error:  # what a hook raised, or the reply does not fit its model
            self.error = self.error or error

    def _note(self, news: ActionNews) -> None:
        state = next_state(self._state, news)
        if state is None:
            logger.error("action %s is %s: %s", self.msg_id, self._state.name, news.name)
        else:
            self._state = state

    def __repr__(self) -> str:
        return f"<Action {self.msg_type} {self.msg_id} {self.status}>"
