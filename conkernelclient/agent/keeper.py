"""
Which kernel does a session have now, and what is to be told of the one before?

A start is a task of its own, which whoever needs the kernel waits for: a caller that is cancelled
does not undo it.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from conkernelclient.errors import SessionError

from . import words
from .states import SESSION_TRANSITIONS, SessionNews, SessionState

if TYPE_CHECKING:
    from .bringing import Bringing
    from .journal import Recorder
    from .lives import Life

__all__ = ["Keeper"]

logger: Final = logging.getLogger(__name__)


class Keeper:
    """
    Keeps a kernel for a session.

    Args:
        bringing: Starts kernels with their set-up.
        recorder: Writes the journal.
    """

    def __init__(self, bringing: Bringing, recorder: Recorder) -> None:
        self._bringing = bringing
        self._recorder = recorder
        self._state = SessionState.NEW
        self._life: Life | None = None
        self._loss = ""  # why the last kernel is gone; empty once there is another one
        self._news: list[str] = []  # of the kernel that there is, for the first that runs in it
        self._start: asyncio.Task[None] | None = None  # of a kernel

    @property
    def state(self) -> SessionState:
        """How the session stands."""
        return self._state

    @property
    def has_setup(self) -> bool:
        """Whether each kernel gets a set-up."""
        return self._bringing.has_setup

    def check_open(self) -> None:
        """Raise SessionError if nothing can be run."""
        if self._state in (SessionState.NEW, SessionState.CLOSED):
            raise SessionError("the session is not open: use it in `async with KernelSession(...)`")

    async def open(self) -> None:
        """
        Start the first kernel.

        Raises:
            SessionError: There is none, or a set-up cell failed.
        """
        self._note(SessionNews.START)
        await self._bringing.first(self._have)
        self._note(SessionNews.PREPARED)

    async def close(self) -> None:
        """End the kernel, and a start that is under way. Cancelled, it goes on to its end."""
        self._note(SessionNews.CLOSE)
        start, self._start = self._start, None
        life, self._life = self._life, None
        if start is not None:
            start.cancel()
        try:
            if life is not None:
                await life.end("the session was closed")
        finally:
            if start is not None:
                await asyncio.wait((start,))

    async def get(self, stopped: asyncio.Future[None]) -> Life | None:
        """
        Give the kernel, a fresh one if need be; None if `stopped` is done before it is there.

        Raises:
            SessionError: There is none to be had, or the session is closed.
        """
        life = self._life
        if life is not None and self._state is SessionState.READY:
            if await life.is_alive():
                return life
            await self.lose(life, life.ended_for or life.end_seen)
        start = self._starting()
        await asyncio.wait((start, stopped), return_when=asyncio.FIRST_COMPLETED)
        if not start.done():
            return None
        if start.cancelled():
            raise SessionError(words.CLOSED)
        start.result()
        if self._life is None:  # it was lost at once
            raise SessionError(self._loss or words.CLOSED)
        return self._life

    async def lose(self, life: Life, reason: str) -> None:
        """Let `life` go, for `reason`: it has ended, or is ended now."""
        if self._life is life:
            self._life = None
            self._loss = reason
            self._note(SessionNews.LOSE)
        await life.end(reason)

    async def renew(self, reason: str) -> None:
        """
        End the kernel, if there is one, for `reason`, and start another one.

        Raises:
            SessionError: There is none to be had, or the session is closed.
        """
        self.check_open()
        life = self._life
        if life is not None and self._state is SessionState.READY:
            await self.lose(life, reason)
        self._loss = self._loss or reason
        never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await self.get(never)

    def take_news(self, life: Life) -> list[str]:
        """
        Give, once, what is to be told of the kernel `life`; [] if that was told.

        Of a kernel that is gone nothing is told here: what ran in it may end after another one was
        started, whose news are for who runs in that.
        """
        if life is not self._life:
            return []
        news, self._news = self._news, []
        return news

    # Inside

    def _starting(self) -> asyncio.Task[None]:
        """Give the start of a kernel that is under way, or begin one."""
        if self._start is None or self._start.done():
            self._start = asyncio.get_running_loop().create_task(self._bring())
            self._start.add_done_callback(self._seen)
        return self._start

    async def _bring(self) -> None:
        self.check_open()
        self._note(SessionNews.START)
        try:
            notes = await self._bringing.again(self._have)
        except BaseException:
            life, self._life = self._life, None
            self._note(SessionNews.LOSE)
            if life is not None:
                await life.end("it could not be set up")
            raise
        loss, self._loss = self._loss, ""
        self._news = [words.fresh(loss, self.has_setup), *notes]
        self._note(SessionNews.PREPARED)
        await self._recorder.note(f"A fresh kernel, since {loss}.")

    def _have(self, life: Life) -> None:
        if self._state is SessionState.PREPARING:  # the one before was of no use
            self._note(SessionNews.LOSE)
            self._note(SessionNews.START)
        self._life = life
        self._note(SessionNews.STARTED)

    def _note(self, news: SessionNews) -> None:
        state = SESSION_TRANSITIONS.get((self._state, news))
        if state is None:
            logger.error("the session is %s: %s", self._state.name, news.name)
            return
        self._state = state

    def _seen(self, start: asyncio.Task[None]) -> None:
        """Look at how a start ended: maybe nobody waits for it any more."""
        if start.cancelled():
            return
        error = start.exception()
        if error is not None and not isinstance(error, SessionError):
            logger.error("a kernel could not be started: %r", error, exc_info=error)
