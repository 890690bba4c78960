"""
How does a message get to the handlers of an action?

Which handler wants it is found once for each type of message. It becomes a model when the first
handler wants one, and is made once for all of them.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from conkernelclient.errors import UnparseableMessageError

from ..models import parse
from .handlers import Handler, HandlerFailure, method_for

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from .handlers import Ended, HandlerLike

__all__ = ["Delivery"]

logger: Final = logging.getLogger(__name__)

FAILURES_KEPT: Final = 100
TYPES_KEPT: Final = 100


class Way(NamedTuple):
    """What a handler wants of one type of message."""

    handler: HandlerLike
    call: Callable[[Any], object]
    takes_models: bool


class Delivery:
    """
    The handlers of one action.

    Args:
        handlers: In the order in which each message is shown to them.
        timeout: Seconds that an async handler may take for one message; None: any time.
        unparseable: Is told, once, of a message that does not fit the model of its type. Handlers
            that take dicts get it all the same.

    Attributes:
        failures: What handlers raised, the first hundred.
        failed: How often one raised.
    """

    def __init__(
        self,
        handlers: Iterable[HandlerLike],
        timeout: float | None,
        unparseable: Callable[[Mapping[str, Any], UnparseableMessageError], Awaitable[None]],
    ) -> None:
        self._handlers: tuple[HandlerLike, ...] = tuple(handlers)
        self._timeout = timeout
        self._unparseable = unparseable
        self._ways: dict[str, tuple[Way, ...]] = {}
        self.failures: list[HandlerFailure] = []
        self.failed: int = 0

    @property
    def handlers(self) -> tuple[HandlerLike, ...]:
        """The handlers, in their order."""
        return self._handlers

    def show(self, message: Mapping[str, Any]) -> Awaitable[None] | None:
        """Show a message to the handlers; gives what is to be awaited, if one of them waits."""
        msg_type = message["header"]["msg_type"]
        ways = self._ways.get(msg_type)
        return self._show(message, self._find(msg_type) if ways is None else ways, None)

    async def complete(self, action: Ended) -> None:
        """Tell each handler that the action has ended."""
        for handler in self._handlers:
            if isinstance(handler, Handler):
                try:
                    waiting = handler.action_complete(action)
                except Exception as error:
                    self._note(handler, error, None)
                    continue
                if waiting is not None:
                    await self._wait(waiting, handler, None)

    def _find(self, msg_type: str) -> tuple[Way, ...]:
        found: list[Way] = []
        for handler in self._handlers:
            call = method_for(handler, msg_type)
            if call is not None:
                found.append(Way(handler, call, getattr(handler, "takes", "models") == "models"))
        ways = tuple(found)
        if len(self._ways) < TYPES_KEPT:  # a kernel may name any number of types
            self._ways[msg_type] = ways
        return ways

    def _show(
        self, message: Mapping[str, Any], ways: tuple[Way, ...], model: Any
    ) -> Awaitable[None] | None:
        for at, way in enumerate(ways):
            given: Any = message
            if way.takes_models:
                if model is None:
                    try:
                        model = parse(message)
                    except UnparseableMessageError as error:
                        return self._go_on_with_dicts(message, ways[at:], error)
                given = model
            try:
                waiting = way.call(given)
            except Exception as error:
                self._note(way.handler, error, message["header"]["msg_type"])
                continue
            if waiting is not None and inspect.isawaitable(waiting):
                return self._wait_and_go_on(message, ways[at:], model, waiting)
        return None

    async def _wait_and_go_on(
        self,
        message: Mapping[str, Any],
        ways: tuple[Way, ...],
        model: Any,
        waiting: Awaitable[object],
    ) -> None:
        """Wait for the first of the handlers, and show the message to those behind it."""
        msg_type = message["header"]["msg_type"]
        await self._wait(waiting, ways[0].handler, msg_type)
        rest = self._show(message, ways[1:], model)
        if rest is not None:
            await rest

    async def _go_on_with_dicts(
        self, message: Mapping[str, Any], ways: tuple[Way, ...], error: UnparseableMessageError
    ) -> None:
        """Tell that there is no model of the message, and show it to those who want none."""
        await self._unparseable(message, error)
        rest = self._show(message, tuple(way for way in ways if not way.takes_models), None)
        if rest is not None:
            await rest

    async def _wait(
        self, waiting: Awaitable[object], handler: HandlerLike, msg_type: str | None
    ) -> None:
        task = asyncio.current_task()
        try:
            async with asyncio.timeout(self._timeout):
                await waiting
        except asyncio.CancelledError:
            if task is None or task.cancelling():
                raise
            self._note(handler, RuntimeError("it was cancelled from within"), msg_type)
        except Exception as error:
            self._note(handler, error, msg_type)

    def _note(self, handler: HandlerLike, error: Exception, msg_type: str | None) -> None:
        self.failed += 1
        if not self.failures:
            logger.error(
                "handler %r failed at %s; the others go on, and what fails further is in the "
                "action's failures",
                handler,
                msg_type or "the end",
                exc_info=error,
            )
        if len(self.failures) < FAILURES_KEPT:
            self.failures.append(HandlerFailure(handler, error, msg_type))
