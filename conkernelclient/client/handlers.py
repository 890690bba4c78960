"""
When are the caller's handlers called, and in which task?

Each run has tasks of its own for them: a handler that is slow, or fails, delays its own run and no
other.
"""

from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..outputs.events import InputRequest
    from ..outputs.log import Cursor
    from ..outputs.result import Event
    from ..protocol.incoming import Incoming

__all__ = ["StdinHandler", "answer_questions", "deliver_events"]

logger: Final = logging.getLogger(__name__)

StdinHandler: TypeAlias = "Callable[[InputRequest], str | Awaitable[str | None] | None]"
END_OF_FILE: Final = "\x04"  # what kernels raise EOFError for


class Told(Protocol):
    """
    An execution, as its handlers' tasks see it.

    Attributes:
        msg_id: Id of the request.
    """

    msg_id: str

    @property
    def is_over(self) -> bool:
        """Whether no event will come any more."""
        ...

    def cursor(self) -> Cursor:
        """Give a place in its events, before the first one."""
        ...

    async def changed(self, has_news: Callable[[], object]) -> None:
        """Wait until there is news of it, unless `has_news`: another thread may bring them."""
        ...

    def answer(self, question: Incoming, text: str, /) -> None:
        """Answer a question of its code."""
        ...


async def deliver_events(
    execution: Told, handler: Callable[[Event], Awaitable[None] | None]
) -> None:
    """Call `handler` with each event, in order, until the execution is over."""
    cursor = execution.cursor()
    while True:
        while (event := cursor.next()) is not None:
            try:
                waiting = handler(event)
                if inspect.isawaitable(waiting):
                    await waiting
            except Exception:
                logger.exception("on_output of run %s failed at %r", execution.msg_id, event)
        if execution.is_over:
            return
        await execution.changed(lambda: execution.is_over or cursor.has_next())


async def answer_questions(execution: Told, handler: StdinHandler) -> None:
    """Call `handler` with each question, one after the other, and send its answers."""
    from ..outputs.events import InputRequest

    cursor = execution.cursor()
    while True:
        while (event := cursor.next()) is not None:
            if isinstance(event, InputRequest) and event.incoming is not None:
                answer = await _ask(execution, handler, event)
                if answer is not None:
                    execution.answer(event.incoming, answer)
        if execution.is_over:
            return
        await execution.changed(lambda: execution.is_over or cursor.has_next())


async def _ask(
    execution: Told, handler: Callable[[InputRequest], object], question: InputRequest
) -> str | None:
    """
    Give the handler's answer.

    If it fails, end of file, so that the code does not wait for ever.
    """
    try:
        answer = handler(question)
        if inspect.isawaitable(answer):
            answer = await answer
    except Exception:
        logger.exception(
            "on_stdin of run %s failed at %r; the code gets EOFError", execution.msg_id, question
        )
        return END_OF_FILE
    if answer is None or isinstance(answer, str):
        return answer
    logger.error(
        "on_stdin of run %s gave %r, no str; the code gets EOFError", execution.msg_id, answer
    )
    return END_OF_FILE
