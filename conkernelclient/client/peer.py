"""
Is the kernel there, and what becomes of the requests while it is not?

A kernel is here; or away, which is being restarted: then what is sent waits for it; or gone: then
everything fails, and says why. Whoever owns the kernel tells of its end and of its return (`leave`,
`end`, `come_back`). A client that only attached to it learns it from its sockets; and so does the
other one if the kernel closes them and its process goes on, of which no owner can tell.
"""

from __future__ import annotations

import asyncio
import logging
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final

from ..errors import TransportError
from ..protocol.router import Phase
from .endings import Ending, left, restarted
from .ready import probe_until_ready

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from ..errors import ConKernelError
    from ..protocol.messages import Channel, Message
    from ..protocol.router import Request
    from .connection import Connection

__all__ = ["Peer", "Presence"]

logger: Final = logging.getLogger(__name__)

LAST_WORDS: Final = 0.1  # seconds that are given to what a kernel had sent before it ended
RETURNS_WITHIN: Final = 2.0  # seconds that a lost connection has to come back
ENDS_WITHIN: Final = 2.0  # seconds before that, for the owner to tell of the kernel's end


class Presence(Enum):
    """Where the kernel is."""

    HERE = auto()
    AWAY = auto()
    """It will be back: what is sent waits for it."""
    GONE = auto()
    """It ended: what is sent fails."""


class Peer:
    """
    The kernel, as one connection knows it.

    Attributes:
        presence: Where it is.
        is_watched: Whether its owner tells of its end.
        on_left: Called when it is taken for gone although its owner has told nothing.
        session: The kernel's own session id, another one after each restart; None: not known yet.
        reopen: Opens the channels' sockets anew; set by the client.
    """

    reopen: Callable[[], None]

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.presence: Presence = Presence.HERE
        self.is_watched: bool = False
        self.on_left: Callable[[], None] | None = None
        self.session: str | None = None
        self._ending: Callable[[], ConKernelError] | None = None  # why, once it is gone
        self._is_dying = False  # gone, and its last words are being read
        self._task: asyncio.Task[None] | None = None
        self._news: set[asyncio.Future[None]] = set()
        self._is_connected = False  # whether shell is

    @property
    def is_away(self) -> bool:
        """Whether it is being restarted."""
        return self.presence is Presence.AWAY

    def check(self) -> None:
        """
        See that there is somebody to send to.

        Raises:
            DeadKernelError: The kernel is gone.
        """
        if self.presence is Presence.GONE:
            raise self.error()

    def error(self) -> ConKernelError:
        """Make the error that says why the kernel is gone."""
        return Ending().error() if self._ending is None else self._ending()

    async def until_here(self) -> None:
        """
        Wait while the kernel is away.

        Raises:
            DeadKernelError: It is gone.
        """
        while self.is_away:
            await self._next_news()
        self.check()

    async def until_settled(self) -> None:
        """Wait until what the kernel had sent before its end is read, and its waiters know."""
        while self._is_dying:
            await self._next_news()

    # What the owner tells

    def leave(self) -> None:
        """Take note that a restart begins: what was sent fails, what is sent from now on waits."""
        if self.is_away and not self._is_dying:
            return
        make_error = self._ending if self._is_dying and self._ending is not None else restarted
        self._stop()
        self._is_dying = False
        self._set(Presence.AWAY)
        self._break_off(make_error)

    def end(self, make_error: Callable[[], ConKernelError], *, returns: bool = False) -> None:
        """
        Take note that the kernel has ended; if it `returns`, what is sent from now on waits.

        What it had sent is read first, for at most 0.1 s.
        """
        if self.presence is Presence.GONE and not returns:
            if self._is_at_work() and not self._is_dying:  # its sockets had told: this is the why
                self._stop()
                self._ending = make_error
            return
        self._stop()
        self._ending = make_error
        self._is_dying = True
        self._connection.window.hold()
        self._set(Presence.AWAY if returns else Presence.GONE)
        if not self._start(self._die()):
            self._settle()

    def come_back(self) -> None:
        """Take note that the kernel is there again, as a new process, maybe at other ports."""
        if self._is_dying:
            self._settle()
        self._stop()
        self._set(Presence.AWAY)
        self.reopen()
        self._revive()

    def rebound(self) -> None:
        """Take note that another loop is served now: what the one of before had begun goes on."""
        self._news = {news for news in self._news if not news.get_loop().is_closed()}
        if self._is_at_work():
            return
        was_at_work = self._task is not None
        self._stop()
        if self._is_dying:
            self._settle()
        if was_at_work and not self.is_watched and self.presence is not Presence.HERE:
            self._start(self._look_for_it())
        elif self.is_away:
            self._revive()

    def close(self) -> None:
        """End what is under way, without a word to anybody."""
        self._stop()

    # What the sockets tell

    def disconnected(self, channel: Channel) -> None:
        """Take note that the kernel has closed a socket."""
        if channel == "shell":
            self._is_connected = False
        self._wake()
        if self._is_at_work() or self.presence is not Presence.HERE:
            return
        if not self.is_watched:
            self._start(self._look_for_it())
        elif channel == "shell":
            self._start(self._wait_for_its_end())

    def connected(self, channel: Channel) -> None:
        """Take note that the kernel has answered on a socket."""
        if channel == "shell":
            self._is_connected = True
        self._wake()

    # Inside

    async def _die(self) -> None:
        await self._hear_last_words()
        self._settle()

    async def _hear_last_words(self) -> None:
        """Read what the kernel had sent; one that ended closes all of its sockets."""
        connection = self._connection
        try:
            async with asyncio.timeout(LAST_WORDS):
                while not connection.is_disconnected():
                    await self._next_news()
                while not connection.is_drained():
                    connection.pump_all()
                    await asyncio.sleep(0)
        except TimeoutError:
            connection.pump_all()

    def _settle(self) -> None:
        self._is_dying = False
        self._break_off(self.error)
        self._wake()

    def _break_off(self, make_error: Callable[[], ConKernelError]) -> None:
        connection = self._connection
        connection.window.hold()
        connection.suspend()
        connection.fail_all(make_error)
        connection.fail_readers(make_error, also_patient=self.presence is Presence.GONE)
        self._is_connected = False

    def _revive(self) -> None:
        if not self._connection.is_open("shell"):
            self._is_back()
        elif not self._connection.is_bound():
            self._task = None  # the next loop goes on with it
        else:
            self._start(self._greet())

    async def _greet(self) -> None:
        self.note(await probe_until_ready(self._connection, None))
        self._is_back()

    def _is_back(self) -> None:
        self._set(Presence.HERE)
        self._connection.let_leave(self._connection.window.release())

    def note(self, info: Message) -> None:
        """Take note of a `kernel_info_reply`: which kernel it is."""
        self.session = info["header"]["session"]

    async def _wait_for_its_end(self) -> None:
        """Leave it to the owner to tell of the end; if he does not, the sockets have to do."""
        await self._connects_within(ENDS_WITHIN)
        await self._look_for_it()

    async def _look_for_it(self) -> None:
        """Find out whether a kernel whose sockets were lost is dead, restarted, or there."""
        connection = self._connection
        self._set(Presence.AWAY)
        connection.window.hold()
        router = connection.router
        waiting = [
            one
            for one in (*router.open_requests, *router.abandoned_requests)
            if one.phase is not Phase.WAITING and one.owner is not None
        ]
        await self._hear_last_words()
        connection.suspend()
        self._is_connected = False
        self.reopen()
        before = self.session
        self.note(await self._until_it_answers())
        self._fail_lost(waiting, has_restarted=self.session != before)
        if self.session != before:
            connection.subshells.clear()
        self._is_back()

    async def _until_it_answers(self) -> Message:
        """Greet it once it is connected, as often as that is lost again; gives its info."""
        while True:
            if not await self._connects_within(RETURNS_WITHIN):
                self._give_up()
                await self._connects_within(None)
                self._set(Presence.AWAY)
            probing = asyncio.ensure_future(probe_until_ready(self._connection, None))
            probing.add_done_callback(lambda _: self._wake())
            try:
                while self._is_connected and not probing.done():
                    await self._next_news()
                if probing.done():
                    return probing.result()
            finally:
                probing.cancel()

    async def _connects_within(self, seconds: float | None) -> bool:
        try:
            async with asyncio.timeout(seconds):
                while not self._is_connected:
                    await self._next_news()
        except TimeoutError:
            return False
        return True

    def _give_up(self) -> None:
        """Tell everybody that the kernel is gone."""
        connection = self._connection
        self._ending = left().error
        self._set(Presence.GONE)
        connection.fail_all(self.error)
        connection.fail_readers(self.error, also_patient=True)
        if self.on_left is not None:
            self.on_left()

    def _fail_lost(self, requests: list[Request], *, has_restarted: bool) -> None:
        """Let fail what was answered while nobody listened: what was asked later has its answer."""
        router = self._connection.router
        for request in requests:
            # Those in a subshell may be at it still; when they idle, they are asked for.
            is_heard = request.takes_iopub and getattr(request.owner, "subshell_id", None)
            if router.is_under_way(request) and (has_restarted or not is_heard):
                router.end(request)
                request.owner.fail(restarted() if has_restarted else _cut_off())

    def _set(self, presence: Presence) -> None:
        if presence is not Presence.GONE and not self._is_dying:
            self._ending = None
        self.presence = presence
        self._wake()

    def _start(self, work: Coroutine[Any, Any, None]) -> bool:
        loop = self._connection.loop
        if loop is None or loop.is_closed():
            work.close()
            self._task = None
            return False
        self._task = loop.create_task(work)
        self._task.add_done_callback(self._ended)
        return True

    def _ended(self, task: asyncio.Task[None]) -> None:
        if self._task is task:
            self._task = None
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("the kernel could not be greeted again: %r", error, exc_info=error)

    def _is_at_work(self) -> bool:
        task = self._task
        return task is not None and not task.done() and task.get_loop() is self._connection.loop

    def _stop(self) -> None:
        task, self._task = self._task, None
        if task is not None and not task.get_loop().is_closed():
            task.cancel()

    async def _next_news(self) -> None:
        news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._news.add(news)
        try:
            await news
        finally:
            self._news.discard(news)

    def _wake(self) -> None:
        for news in tuple(self._news):
            if not news.done():
                news.set_result(None)


def _cut_off() -> ConKernelError:
    return TransportError(
        "the connection to the kernel was cut, and the answer was lost with it; the kernel may "
        "have done what was asked"
    )
