"""
What is done when the kernel goes or comes?

`Presence` decides what the news mean; here they are gathered and acted on: sockets are closed and
opened, requests fail or are paused, a kernel is greeted or looked for. The kernel's owner tells of
its end and its return. A client that only attached to it learns that from its sockets; and so does
the other one if the kernel closes them and its process goes on, of which no owner can tell.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

from ..errors import ChannelsClosedError
from ..state.endings import cut_off, restarted, vanished
from ..state.presence import PAUSED, TRANSITIONS, News, State
from .companion import Companion
from .ready import Greeting
from .threads import begin, retire
from .waiting import Parking, Tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from ..errors import ConKernelError
    from ..protocol.messages import Channel, Message
    from ..state.presence import Presence
    from ..state.router import Request
    from .connection import Connection

__all__ = ["Peer"]

logger: Final = logging.getLogger(__name__)

LAST_WORDS: Final = 0.1  # seconds that are given to what a kernel had sent before it ended
RETURNS_WITHIN: Final = 2.0  # seconds that a lost connection has to come back
ENDS_WITHIN: Final = 2.0  # seconds before that, for the owner to tell of the kernel's end

ENDING: Final = frozenset({State.DYING, State.RETURNING})


class Peer(Companion):
    """
    The kernel, as one connection knows it.

    Attributes:
        is_watched: Whether its owner tells of its end.
        is_starting: Whether its owner has started it, and it has not answered anybody yet.
        on_vanished: Called when it is taken for gone although its owner has told nothing.
        on_answer: Called when it has answered.
        on_greeted: Called with its `kernel_info_reply` whenever it was greeted.
        listeners: Called when news of it have been acted on; its state may be the same.
        session: The kernel's own session id, another one after each restart; None: not known yet.
        reopen: Opens the channels' sockets anew; set by the client.
    """

    reopen: Callable[[], None]

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._presence: Presence = connection.presence
        self.is_watched: bool = False
        self.is_starting: bool = False
        self.on_vanished: Callable[[], None] | None = None
        self.on_answer: Callable[[], None] | None = None
        self.on_greeted: Callable[[Message], None] | None = None
        self.listeners: list[Callable[[], None]] = []
        self.session: str | None = None
        self._task: asyncio.Task[None] | None = None
        self._greeting: Greeting | None = None  # the one under way
        self._info: Message | None = None  # set by it, until the connection is broken off
        self._news: Parking = Parking()
        self._tasks: Tasks = Tasks(_complain)
        self._connected: set[Channel] = set()  # the channels whose other side is there
        connection.join(self)
        connection.describe_pause_by(self.describe)

    async def until_settled(self) -> None:
        """Wait until what the kernel had sent before its end is read, and its waiters know."""
        await self._news.until(lambda: self._presence.state not in ENDING)

    async def until_greeted(self, timeout: float | None) -> Message | None:
        """
        Wait while the kernel is away or being greeted.

        Returns:
            Its `kernel_info_reply`, if it was greeted meanwhile; None if it was there already.

        Raises:
            DeadKernelError: It is gone.
            TimeoutError: It takes longer than `timeout` seconds; see `describe`.
        """
        was_away = self._is_to_be_greeted()
        async with asyncio.timeout(timeout):
            await self._news.until(lambda: not self._is_to_be_greeted())
        self._presence.check()
        return self._info if was_away else None

    def describe(self) -> str:
        """Say what is waited for."""
        if self._greeting is not None:
            return self._greeting.describe()
        if self._presence.state in (State.RESTARTING, State.RETURNING):
            return "it is being restarted"
        return "its ports do not answer"

    # What is learned

    def learn(self, news: News, why: Callable[[], ConKernelError] | None = None) -> None:
        """
        Take news of the kernel, and do what is to be done.

        Args:
            news: What happened.
            why: Makes the error that says so, for news of an end.
        """
        presence = self._presence
        explanation = presence.explanation if presence.state in ENDING else restarted
        if (presence.state, news) not in TRANSITIONS:
            logger.error("of a kernel that is %s came %s", presence.state.name, news.name)
            return
        before = presence.feed(news, why)
        self._act(before, news, explanation)
        self._news.wake_all()
        for listener in self.listeners:
            listener()

    def disconnected(self, channel: Channel) -> None:
        """Take note that the kernel has closed a socket."""
        was_connected = channel in self._connected
        self._connected.discard(channel)
        if was_connected and self.is_watched:
            if channel == "shell":
                self.learn(News.CUT_WATCHED)
        elif was_connected:
            self.learn(News.CUT)
        self._news.wake_all()

    def connected(self, channel: Channel) -> None:
        """Take note that the kernel has answered on a socket."""
        self._connected.add(channel)
        if channel == "shell":
            self.learn(News.CONNECTED)

    def rebound(self) -> None:
        """Take note that another loop is served now: what the one of before had begun goes on."""
        self._news.forget_closed()
        if self._is_at_work():
            return
        work = WORK.get(self._presence.state)
        if work is not None:
            self._start(work(self))

    def closed(self) -> None:
        """End what is under way, without a word to anybody: the channels are closed."""
        self._stop()
        self._connected.clear()
        self._info = None
        if self._presence.state in ENDING:
            self._presence.feed(News.READ)
        self._news.wake_all()

    def note(self, info: Message) -> None:
        """Take note of a `kernel_info_reply`: which kernel it is."""
        self.session = info["header"]["session"]
        self.is_starting = False
        if self.on_answer is not None:
            self.on_answer()
        if self.on_greeted is not None:
            self.on_greeted(info)

    # What is done

    def _act(self, before: State, news: News, why: Callable[[], ConKernelError]) -> None:
        state = self._presence.state
        if state is State.RESTARTING:
            self._restart(before, news, why)
        elif state is State.GREETING:
            self._begin_anew(before, news, why)
        elif state is State.GONE:
            self._bury(before)
        elif state is State.VANISHED and before is State.SEEKING:
            self._give_up()
        elif state is State.HERE and before in PAUSED:
            self._connection.resume()
        elif (before, state) in BEGINNINGS:
            self._start(WORK[state](self))

    def _restart(self, before: State, news: News, why: Callable[[], ConKernelError]) -> None:
        if news is News.OPENED:  # to the old one, if it is there at all
            self._connection.suspend()
        elif before is not State.RESTARTING:
            self._stop()
            self._break_off(why, also_paused=False)

    def _begin_anew(self, before: State, news: News, why: Callable[[], ConKernelError]) -> None:
        """Greet a kernel that was started, or one whose channels were opened."""
        if news is News.CONNECTED:
            return  # it is under way
        connection = self._connection
        self._stop()
        if news is News.STARTED:
            if before is not State.RESTARTING:
                self._break_off(why, also_paused=False)
            self.reopen()
        if not connection.is_open("iopub"):  # a client that does not listen need not be greeted
            self.learn(News.ANSWERED)
        else:
            self._start(self._greet())

    def _bury(self, before: State) -> None:
        if before is State.VANISHED:
            self._stop()
        elif before is not State.GONE:
            self._stop()
            self._break_off(self._presence.error, also_paused=True)

    def _give_up(self) -> None:
        """Tell requests, readers and the owner that the kernel is gone."""
        connection = self._connection
        connection.fail_all(self._presence.error)
        connection.fail_readers(self._presence.error)
        if self.on_vanished is not None:
            self.on_vanished()

    def _break_off(self, make_error: Callable[[], ConKernelError], *, also_paused: bool) -> None:
        """Close the sockets; what was sent fails, and with `also_paused` what waits as well."""
        self._connection.break_off(make_error, also_paused=also_paused)
        self._connected.clear()
        self._info = None

    # What takes its time

    async def _read_last_words(self) -> None:
        await self._until_drained()
        self.learn(News.READ)

    async def _until_drained(self) -> None:
        """Read what the kernel had sent; one that ended closes all of its sockets."""
        connection = self._connection
        try:
            async with asyncio.timeout(LAST_WORDS):
                await self._news.until(connection.is_disconnected)
                while not connection.is_drained():
                    connection.pump_all()
                    await asyncio.sleep(0)
        except TimeoutError:
            connection.pump_all()

    async def _wait_for_its_end(self) -> None:
        """Give the owner time to tell of the end; if it does not, the sockets have to do."""
        await asyncio.sleep(ENDS_WITHIN)
        self.learn(News.SILENT)

    async def _greet(self) -> None:
        """Greet a kernel to which the connection is new."""
        info = await self._until_it_answers()
        self.note(info)
        self._info = info
        if self._presence.state is State.GREETING:
            self.learn(News.ANSWERED)
        self._news.wake_all()

    async def _until_it_answers(self) -> Message:
        greeting = self._greeting = Greeting(self._connection)
        try:
            return await greeting.until_ready(None, self._subscribed)
        finally:
            if self._greeting is greeting:
                self._greeting = None

    def _subscribed(self) -> None:
        """Learn that iopub is subscribed: a kernel that is up, and may be busy, delays nobody."""
        if not self.is_starting and self._presence.state is State.GREETING:
            self.learn(News.ANSWERED)

    async def _seek(self) -> None:
        """Find out whether a kernel whose sockets were lost is dead, restarted, or there."""
        connection = self._connection
        waiting = [one for one in connection.sent_requests() if one.owner is not None]
        await self._until_drained()
        connection.suspend()
        self._connected.clear()
        self._info = None
        self.reopen()
        before = self.session
        info = await self._until_it_is_found()
        self.note(info)
        has_restarted = before is not None and self.session != before
        self._fail_lost(waiting, has_restarted=has_restarted)
        if has_restarted:
            connection.fail_readers(restarted)
            connection.subshells.clear()
        self._info = info
        self.learn(News.ANSWERED)

    async def _until_it_is_found(self) -> Message:
        """Greet it once it is connected, as often as that is lost again; gives its info."""
        while True:
            if not await self._connects_within(RETURNS_WITHIN):
                self.learn(News.SILENT, vanished().error)
                await self._connects_within(None)
            probing = begin(asyncio.get_running_loop(), self._until_it_answers())
            probing.add_done_callback(lambda _: self._news.wake_all())
            try:
                await self._until_cut_or(probing)
                if probing.done():
                    return probing.result()
            finally:
                probing.cancel()

    async def _until_cut_or(self, task: asyncio.Task[Message]) -> None:
        await self._news.until(lambda: "shell" not in self._connected or task.done())

    async def _connects_within(self, seconds: float | None) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._news.until(lambda: "shell" in self._connected)
        except TimeoutError:
            return False
        return True

    def _fail_lost(self, requests: list[Request], *, has_restarted: bool) -> None:
        """Let fail what was answered while no socket was open; the kernel answers what is newer."""
        for request in requests:
            # Those in a subshell may be at it still; when they idle, they are asked for.
            may_go_on = request.takes_iopub and getattr(request.owner, "subshell_id", None)
            if has_restarted or not may_go_on:
                make_error = restarted if has_restarted else cut_off
                self._connection.fail_request(request, make_error)

    # Inside

    def _is_to_be_greeted(self) -> bool:
        return self._presence.pauses or (self._greeting is not None and self._is_at_work())

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self._stop()
        loop = self._connection.loop
        if self._presence.state is not State.UNSURE:
            self._connection.pause()
        if loop is None or loop.is_closed():  # the next loop goes on with it, if there is a need
            work.close()
            if self._presence.state in ENDING:
                self.learn(News.READ)
            return
        self._task = self._tasks.spawn(work, loop)

    def _is_at_work(self) -> bool:
        task = self._task
        return task is not None and not task.done() and task.get_loop() is self._connection.loop

    def _stop(self) -> None:
        task, self._task = self._task, None
        self._greeting = None
        if task is not None:
            retire(task)


def _complain(error: BaseException) -> None:
    if not isinstance(error, ChannelsClosedError):
        logger.error("the kernel could not be greeted again: %r", error, exc_info=error)


# What a state has to do in the loop that is served.
WORK: Final[Mapping[State, Callable[[Peer], Coroutine[Any, Any, None]]]] = {
    State.UNSURE: Peer._wait_for_its_end,
    State.SEEKING: Peer._seek,
    State.VANISHED: Peer._seek,
    State.DYING: Peer._read_last_words,
    State.RETURNING: Peer._read_last_words,
    State.GREETING: Peer._greet,
}
# The changes that begin it; others find it under way.
BEGINNINGS: Final = frozenset(
    {(State.HERE, State.UNSURE)}
    | {(before, State.SEEKING) for before in (State.HERE, State.UNSURE, State.GREETING)}
    | {(before, to) for before in set(State) - ENDING for to in ENDING}
)
