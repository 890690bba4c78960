"""
What does a program do with one comm?

It sends, is given what comes, by a handler or one message after the other, and learns of the end.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol, Self

from ..connection.waiting import Parking
from ..errors import CommTargetError, ConKernelError, LostMessagesError, ReplyTimeout
from ..state.comm_life import IS_OPEN, TRANSITIONS, CommNews, CommState
from .comm_calls import Calls
from .comm_unread import MAX_BYTES, MAX_MESSAGES, Gap, Unread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping, Sequence

    from ..protocol.messages import Message
    from .comm_opening import Opening

__all__ = ["Comm", "Home"]


class Home(Protocol):
    """Where a comm is kept, and what sends for it."""

    def post(
        self,
        msg_type: str,
        content: dict[str, Any],
        metadata: Mapping[str, Any] | None = None,
        buffers: Sequence[Any] | None = None,
    ) -> None:
        """Send one comm message."""
        ...

    def forget(self, comm: Comm) -> None:
        """Give no more messages to `comm`."""
        ...

    def call_soon(self, function: Callable[[], None]) -> None:
        """Call `function` in the loop that is served, unless it is closed."""
        ...


class Comm:
    """
    One open comm.

        comm = await kc.comms.open("target")  # the kernel has the target, or CommTargetError
        comm.send({"n": 1}, buffers=[b"raw"])
        async for message in comm:
            print(message["content"]["data"], message["metadata"], message["buffers"])

    To await a comm that we opened is to wait until the kernel has handled that; of any other it
    gives the comm at once. See `Comms.open`.

    `async for` gives each `comm_msg` of the kernel, in order, and waits for the next one. It ends
    after what had come when the comm closes, and raises `error` when the kernel is gone, or has
    refused the comm without a message. Cancelling it loses nothing: iterate again to go on. Two
    loops at once share the messages. They wait from when the comm is there, at most 10,000, with at
    most 256 MiB of buffers (one message may have more). What comes beyond that is dropped and
    counted, and `LostMessagesError` is raised at its place; it is raised as well where the
    connection was cut, for what was published meanwhile is not known. Iterate again to go on after
    it. A message that `on_msg` was given before anybody has iterated is not kept.

    Attributes:
        comm_id: Its id, the same on both sides.
        target_name: What the other side knows it by.
        on_msg: Called with each `comm_msg` of the kernel, sync or async, in order; set it as soon
            as you have the comm. An async one may be 10,000 messages behind; what it misses then is
            counted.
        on_close: Called, sync or async, when the comm was closed and not by `close()`: with the
            kernel's `comm_close`, or with None if its kernel died or was restarted, or our channels
            were closed.
    """

    def __init__(self, comms: Home, comm_id: str, target_name: str) -> None:
        self._comms = comms
        self.comm_id: str = comm_id
        self.target_name: str = target_name
        self.on_msg: Callable[[Message], Awaitable[None] | None] | None = None
        self.on_close: Callable[[Message | None], Awaitable[None] | None] | None = None
        self._state: CommState = CommState.OPEN
        self._opening: Opening | None = None  # set if we open it
        self._timeout: float | None = None
        self._awaiting = 0  # tasks that wait until it is open
        self._closing: Message | None = None  # the kernel's
        self._error: BaseException | None = None  # set when it is lost
        self._unread = Unread()
        self._is_read = False  # somebody iterates, or did
        self._missed = 0  # of the unread ones
        self._is_mute = True  # nothing has come over it
        self._news: Parking = Parking()
        self._calls = Calls(self)

    @property
    def is_open(self) -> bool:
        """Whether it can send."""
        return self._state in IS_OPEN

    @property
    def error(self) -> BaseException | None:
        """
        Why it ended, unless one side closed it.

        A `DeadKernelError`, of which `KernelRestartedError` is one, a `ChannelsClosedError`, or a
        `CommTargetError`.
        """
        return self._refusal() if self._state is CommState.REFUSED else self._error

    @property
    def dropped(self) -> int:
        """Messages that a slow reader, or a slow handler, missed."""
        return self._missed + self._calls.dropped

    # What a program does

    def send(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        metadata: Mapping[str, Any] | None = None,
        buffers: Sequence[Any] | None = None,
    ) -> None:
        """
        Send a `comm_msg`.

        Args:
            data: What it says.
            metadata: Metadata of the message.
            buffers: Binary buffers (bytes, memoryview, arrays) to send with it, as they are.

        Raises:
            ValueError: The comm is closed.
            ChannelsClosedError, DeadKernelError, BacklogFullError: It cannot be sent.
        """
        if not self.is_open:
            raise ValueError(f"comm {self.comm_id} is closed")
        content = {"comm_id": self.comm_id, "data": dict(data or {})}
        self._comms.post("comm_msg", content, metadata, buffers)

    def close(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        metadata: Mapping[str, Any] | None = None,
        buffers: Sequence[Any] | None = None,
    ) -> None:
        """
        Close the comm on both sides; `on_close` is not called. Harmless if it is closed.

        For the arguments and errors see `send`.
        """
        if self.is_open:
            self._feed(CommNews.CLOSED_HERE)
            content = {"comm_id": self.comm_id, "data": dict(data or {})}
            self._comms.post("comm_close", content, metadata, buffers)

    def __await__(self) -> Generator[Any, None, Self]:
        return self._until_open().__await__()

    def __aiter__(self) -> AsyncIterator[Message]:
        self._is_read = True
        return self

    async def __anext__(self) -> Message:
        self._is_read = True
        await self._news.until(lambda: len(self._unread) or not self.is_open)
        if len(self._unread):
            taken = self._unread.take()
            if isinstance(taken, Gap):
                raise self._missing(taken)
            return taken
        if self._error is not None:
            raise self._error
        if self._state is CommState.REFUSED and self._is_mute:
            raise self._refusal()
        raise StopAsyncIteration

    def __repr__(self) -> str:
        return f"<Comm {self.target_name} {self.comm_id} {self._state.name.lower()}>"

    # What its home tells

    def is_opened_by(self, opening: Opening, timeout: float | None) -> None:
        """Learn what opens it, and how many seconds that may take, from its sending."""
        self._opening = opening
        self._timeout = timeout
        self._state = CommState.OPENING

    @property
    def is_there(self) -> bool:
        """Whether the kernel that is there now was told of it."""
        return self._opening is None or self._opening.is_sent

    def call(
        self, handler: Callable[[Comm, Message], Awaitable[None] | None], message: Message
    ) -> None:
        """Call `handler` of its target; what comes for it waits for that."""
        self._calls.put(lambda: handler(self, message))

    def take(self, message: Message) -> None:
        """Take a `comm_msg`."""
        self._is_mute = False
        self._missed += not self._unread.put(message)
        self._calls.put(lambda: self._call_on_msg(message))
        self._news.wake_all()

    def closed(self, message: Message) -> None:
        """Take the kernel's `comm_close`."""
        self._closing = message
        self._feed(CommNews.CLOSED_THERE)
        self._calls.put(lambda: self.on_close and self.on_close(message), is_last=True)

    def look_again(self) -> None:
        """Let those that wait look again."""
        self._news.wake_all()

    def handled(self) -> None:
        """Learn that the kernel has handled its opening, and has not closed it."""
        self._feed(CommNews.HANDLED)

    def lost(self, error: BaseException | None) -> None:
        """Learn that its kernel is gone; None: that it closed it while the connection was cut."""
        if self.is_open:
            self._error = error
            self._feed(CommNews.CLOSED_THERE if error is None else CommNews.LOST)
            self._comms.call_soon(
                lambda: self._calls.put(lambda: self.on_close and self.on_close(None), is_last=True)
            )

    def cut(self) -> None:
        """Learn that the connection was cut, and may have cost messages."""
        self._unread.break_off()
        self._news.wake_all()

    # Inside

    def _feed(self, news: CommNews) -> None:
        self._state = TRANSITIONS[self._state, news]
        if not self.is_open:
            self._comms.forget(self)
            if self._opening is not None and self._state is not CommState.REFUSED:
                self._opening.give_up()
        self._news.wake_all()

    def _call_on_msg(self, message: Message) -> Awaitable[None] | None:
        handler = self.on_msg
        if handler is None:
            return None
        if not self._is_read:
            self._unread.discard(message)
        return handler(message)

    async def _until_open(self) -> Self:
        """See `Comms.open`."""
        opening = self._opening
        if opening is not None:
            self._awaiting += 1
            try:
                await self._until_handled(opening)
            except BaseException:
                if self._awaiting == 1 and self._state is CommState.OPENING:
                    self.close()  # nobody has it
                raise
            finally:
                self._awaiting -= 1
        if self._state is CommState.REFUSED:
            raise self._refusal()
        if self._error is not None:
            raise self._error
        return self

    async def _until_handled(self, opening: Opening) -> None:
        await self._news.until(lambda: opening.is_sent or self._state is not CommState.OPENING)
        left = None if self._timeout is None else max(0.0, self._timeout - opening.seconds)
        try:
            async with asyncio.timeout(left):
                await self._news.until(lambda: self._is_settled(opening))
        except TimeoutError:
            opening.give_up()
            if self._state is CommState.REFUSED:
                return
            raise ReplyTimeout(
                f"the kernel has not handled the comm_open for {self.target_name!r} within "
                f"{self._timeout} s, and may be busy: the comm was closed; open it again with a "
                "longer timeout",
                msg_id=opening.request.msg_id,
            ) from None

    def _is_settled(self, opening: Opening) -> bool:
        """Whether it is known what became of the opening, with all that the kernel says to it."""
        if self._state is CommState.REFUSED:
            return opening.is_answered
        return self._state is not CommState.OPENING

    def _refusal(self) -> CommTargetError:
        opening, closing = self._opening, self._closing
        stderr = "" if opening is None else opening.stderr.strip()
        data: object = None if closing is None else closing["content"].get("data")
        told = f" It said {data!r}." if data else ""
        written = f" It wrote on stderr:\n{stderr}" if stderr else ""
        return CommTargetError(
            f"the kernel closed the comm in answer to its opening: it has no target "
            f"{self.target_name!r}, or that target's handler closed it or failed. Register the "
            f"target in the kernel before you open it, and see that its name is the same."
            f"{told}{written}",
            msg_id=None if opening is None else opening.request.msg_id,
            target_name=self.target_name,
            data=data,
            stderr=stderr,
        )

    def _missing(self, gap: Gap) -> ConKernelError:
        if gap.count is None:
            text = "the connection to the kernel was cut, and messages may be lost"
        else:
            text = (
                f"{gap.count} messages were dropped: the reader was {MAX_MESSAGES} messages, or "
                f"{MAX_BYTES} bytes of buffers, behind"
            )
        return LostMessagesError(
            f"{text} (comm {self.comm_id} to {self.target_name!r}); iterate again to go on with "
            "what came after them",
            count=gap.count,
        )
