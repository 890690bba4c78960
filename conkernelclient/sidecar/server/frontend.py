"""
What passes between the session and one front end?

Three things go on apart: its messages are read, one after the other; what takes its time is
awaited, a few at a time; and what the session tells is written as fast as the front end reads. Each
of them is bounded, and keeps no other front end waiting.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from starlette.websockets import WebSocketDisconnect

from ...errors import ConKernelError
from .acting import act
from .encoding import encoded
from .messages import Error, Ok, RubbishError, Subscribe, read

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from starlette.websockets import WebSocket

    from ..session.session import NotebookSession
    from ..session.watching import Watcher
    from .encoding import Encoder
    from .messages import FrontEndMessage

__all__ = ["AT_ONCE", "FrontEnd"]

AT_ONCE: Final = 32  # requests of one front end that are awaited
LONGEST: Final = 2_000  # characters of an error
BUSY: Final = f"{AT_ONCE} requests of this front end are under way: wait for an answer"
FAILED: Final = "the server failed at this; its log says more"

logger: Final = logging.getLogger(__name__)


class FrontEnd:
    """
    One front end, for as long as it is connected.

    Args:
        socket: Its WebSocket, not accepted yet.
        session: What it is told of, and what it asks.
        name: What it is called, as in `by` of its edits.
        encoder: Writes events, for all front ends.
        limit: Events that it may be behind: see `NotebookSession.watch`.
    """

    def __init__(
        self,
        socket: WebSocket,
        session: NotebookSession,
        name: str,
        encoder: Encoder,
        *,
        limit: int,
    ) -> None:
        self._socket = socket
        self._session = session
        self._name = name
        self._encoder = encoder
        self._limit = limit
        self._sending = asyncio.Lock()
        self._is_closed = False  # by this side
        self._watcher: Watcher | None = None
        self._writer: asyncio.Task[None] | None = None
        self._waiting: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """
        Serve it until it goes, or the session ends.

        What it has asked for goes on without it. Cancelling this ends the same.
        """
        await self._socket.accept()
        try:
            while (text := await self._next()) is not None:
                await self._take(text)
                await asyncio.sleep(0)  # whatever it sends at once, others have their turn
        except WebSocketDisconnect:
            pass
        finally:
            if self._watcher is not None:
                self._watcher.close()
            tasks = [*self._waiting, *([self._writer] if self._writer else [])]
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks)

    async def _next(self) -> str | None:
        """Give the next message; None when it has gone."""
        while True:
            received = await self._socket.receive()
            if received["type"] == "websocket.disconnect":
                return None
            text = received.get("text")
            if isinstance(text, str):
                return text
            await self._answer(Error(id=None, message="a message is text: this is binary"))

    async def _take(self, text: str) -> None:
        try:
            message = read(text)
        except RubbishError as error:
            await self._answer(Error(id=error.message_id, message=str(error)))
            return
        if isinstance(message, Subscribe):
            await self._subscribe(message)
            return
        try:
            outcome = act(self._session, message, self._name)
        except Exception as error:
            await self._answer(_error(message, error))
            return
        if isinstance(outcome, Ok):
            await self._answer(outcome)
        elif len(self._waiting) < AT_ONCE:
            self._spawn(message, outcome)
        else:
            outcome.close()
            await self._answer(Error(id=message.id, message=BUSY))

    def _spawn(self, message: FrontEndMessage, outcome: Coroutine[Any, Any, Ok]) -> None:
        task = asyncio.get_running_loop().create_task(self._await(message, outcome))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _await(self, message: FrontEndMessage, outcome: Coroutine[Any, Any, Ok]) -> None:
        answer: Ok | Error
        try:
            answer = await outcome
        except Exception as error:
            answer = _error(message, error)
        with suppress(WebSocketDisconnect):
            await self._answer(answer)

    async def _subscribe(self, message: Subscribe) -> None:
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.wait([self._writer])
        if self._watcher is not None:
            self._watcher.close()
        await self._answer(Ok(id=message.id, front_end=self._name))
        self._watcher = watcher = self._session.watch(self._limit)
        self._writer = asyncio.get_running_loop().create_task(self._write(watcher))

    async def _write(self, watcher: Watcher) -> None:
        """Write what the session tells, as fast as the front end reads."""
        try:
            async for told in watcher:
                await self._send(self._encoder.text(told))
            await self._close(1001, "the session has ended")
        except WebSocketDisconnect:
            watcher.close()
        except Exception:
            logger.exception("a front end is told no more")
            await self._close(1011, FAILED)

    async def _close(self, code: int, reason: str) -> None:
        async with self._sending:
            if not self._is_closed:
                self._is_closed = True
                with suppress(WebSocketDisconnect, RuntimeError):  # it has gone
                    await self._socket.close(code, reason)

    async def _answer(self, answer: Ok | Error) -> None:
        await self._send(encoded(answer.model_dump(exclude_none=isinstance(answer, Ok))))

    async def _send(self, text: str) -> None:
        async with self._sending:
            if self._is_closed:
                raise WebSocketDisconnect(1001)
            await self._socket.send_text(text)


def _error(message: FrontEndMessage, error: Exception) -> Error:
    """Tell who asked why it is not done."""
    if isinstance(error, ConKernelError):
        text = " ".join(str(error).split())[:LONGEST]
        return Error(id=message.id, message=text, cell_id=getattr(error, "cell_id", None))
    logger.error("a front end's message failed: %r", message, exc_info=error)
    return Error(id=message.id, message=FAILED)
