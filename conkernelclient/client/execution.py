"""
What does the kernel do with one cell, and what has it shown?

An `Execution` owns the request of a run, and is its entry in the window. It ends when the kernel
has finished with the cell, however its callers fare: given up by them it keeps its place, and
follows the kernel's messages to the end.

The execution holds its `Watcher`, the run, until one of the two ends: a run that no program holds
still has its timeouts and its handlers, so a weak reference would not do. Then the execution lets
go of the run, which holds the execution, and with it late output, as long as a program holds the
run. The watcher has three methods and no list of callbacks: the run learns at once, in the thread
of the message, and a run that waits costs no list.
"""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from ..connection.threads import call_there, is_elsewhere
from ..connection.waiting import Parking
from ..errors import NotInterruptibleError
from ..outputs.events import event_of
from ..outputs.log import Cursor, EventLog
from ..outputs.reduce import Reducer
from ..state.endings import unpublished
from ..state.router import Phase, Request, Takes
from .asking import replace_subshell
from .interrupt import Ladder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..connection.connection import Connection
    from ..outputs.result import Event
    from ..protocol.incoming import Incoming
    from ..protocol.messages import Channel
    from .beside import Place

__all__ = ["Execution", "Holder", "Watcher"]

NOTHING: Final[dict[str, Any]] = {}
_making_news = threading.Lock()  # of any execution: two threads may be the first to wait
DONE: Final = Phase.DONE  # looked at with each message
IDLED: Final = Phase.IDLED
BULK: Final = frozenset({"stream", "display_data"})  # of which there may be any number
# The kernel does not have it, or has left the code.
OUTSIDE: Final = frozenset({Phase.WAITING, Phase.REPLIED, Phase.IDLED, Phase.DONE})


class Holder(NamedTuple):
    """The run that keeps the kernel from another one: its msg_id, and its code if it is known."""

    msg_id: str
    code: str | None


class Watcher(Protocol):
    """What an execution tells how it goes: a run, for the callers that wait for it."""

    def began(self) -> None:
        """Learn that the kernel has begun with it."""
        ...

    def finished(self) -> None:
        """Learn that the kernel has finished with it; it tells nothing after that."""
        ...

    def failed(self, error: BaseException) -> None:
        """Learn that it ended with an error of ours; it tells nothing after that."""
        ...


class Execution:
    """
    One cell in the kernel, from its request to its end there.

    Args:
        connection: The kernel's.
        loop: Its watcher's; the watcher waits there for news of it.
        watcher: Learns how it goes.
        message: The `execute_request`.
        buffers: Are sent with it.
        answers_questions: Somebody answers what its code asks.
        max_output_bytes: Bytes of outputs to keep; None: all.

    Attributes:
        msg_id: Id of the request.
        code: What is run.
        subshell_id: The subshell that it runs in; None for the main shell.
        lane: Whose turn it waits for; see `Entry`.
        is_silent: The kernel is to publish as little as possible of it.
        answers_questions: Somebody answers what its code asks.
        request: As the router knows it.
        reply: The kernel's; None until it is in.
        notice: The kernel's notice that it is inside the code; None until it is in.
        reducer: The outputs; None until there are any, or a caller asks for its events.
        late: Events that came after the end; None if there were none.
        began_at: When the kernel began with it, by `time.monotonic`; None before that.
        ended_at: When the kernel had finished with it, or was known never to begin; None before.
        is_interrupted: An interrupt was sent while the kernel had it.
    """

    # Without a dict: there may be very many of them.
    __slots__ = (
        "__weakref__",
        "_buffers",
        "_connection",
        "_is_inside",
        "_ladder",
        "_log",
        "_loop",
        "_max_output_bytes",
        "_message",
        "_news",
        "_then",
        "_watcher",
        "answers_questions",
        "began_at",
        "code",
        "ended_at",
        "is_interrupted",
        "is_silent",
        "lane",
        "late",
        "msg_id",
        "notice",
        "reducer",
        "reply",
        "request",
        "subshell_id",
    )

    # For the window, of which it is an entry.
    is_run: bool = True
    takes_turn: bool = True

    place: Place | None = None  # see `RunGuest`
    outlives_callers: bool = True  # given up by all of them, it follows the kernel to the end

    def __init__(
        self,
        connection: Connection,
        loop: asyncio.AbstractEventLoop,
        watcher: Watcher,
        message: dict[str, Any],
        buffers: Sequence[Any],
        answers_questions: bool,
        max_output_bytes: int | None,
    ) -> None:
        content = message["content"]
        self.msg_id: str = message["msg_id"]
        self.code: str = content["code"]
        self.subshell_id: str | None = message["header"].get("subshell_id")
        self.lane: str | None = self.subshell_id
        self.is_silent: bool = content["silent"]
        self.answers_questions: bool = answers_questions
        self.request: Request = Request(self.msg_id, Takes.RUN, self)
        self.reply: Incoming | None = None
        self.notice: Incoming | None = None
        self.reducer: Reducer | None = None
        self.late: list[Event] | None = None
        self.began_at: float | None = None
        self.ended_at: float | None = None
        self.is_interrupted: bool = False
        self._connection = connection
        self._loop = loop
        self._watcher: Watcher | None = watcher  # until it has heard the last, or gives up
        self._message = message
        self._buffers = buffers
        self._max_output_bytes = max_output_bytes
        self._is_inside: bool = False  # the kernel was seen to be inside the code
        self._log: EventLog | None = None
        self._news: Parking | None = None  # set when a caller waits for a change
        self._ladder: Ladder | None = None  # set when it is interrupted
        self._then: list[Callable[[], None]] | None = None  # to call at its end

    # How it stands

    @property
    def is_finished(self) -> bool:
        """Whether the kernel has finished with it, or never had it."""
        return self.ended_at is not None

    @property
    def is_over(self) -> bool:
        """Whether its callers are to hear no more of it."""
        return self._watcher is None

    @property
    def is_interruptible(self) -> bool:
        """Whether an interrupt would hit it: the kernel is inside the code, or is told its id."""
        is_hit = self._is_inside or self._connection.cancels_requests
        return is_hit and self.ended_at is None and self.request.phase not in OUTSIDE

    @property
    def is_in_reach(self) -> bool:
        """Whether an interrupt reaches it: signals do not reach subshells, as a rule."""
        return self.subshell_id is None or self._connection.cancels_requests

    @property
    def lacks_reply(self) -> bool:
        """Whether the kernel went idle after an interrupt, and may have swallowed the reply."""
        return self.is_interrupted and self.request.phase is IDLED

    @property
    def seconds(self) -> float | None:
        """Seconds from the kernel's busy to the end, or until now; None if it has not begun."""
        if self.began_at is None:
            return None
        return (self.ended_at or time.monotonic()) - self.began_at

    @property
    def last_error(self) -> str | None:
        """The last error that any code of this kernel raised, as text; None if none was seen."""
        return self._connection.last_error

    def ahead(self) -> Holder | None:
        """Give the run in the kernel that it waits for; None if there is none."""
        ahead = self._connection.ahead_of(self)
        if ahead is None:
            return None
        return Holder(ahead.msg_id, ahead.code if isinstance(ahead, Execution) else None)

    # What its run does

    def launch(self) -> None:
        """Register, and be sent as soon as the window admits it."""
        connection = self._connection
        if connection.presence.is_lost:
            self.fail(connection.presence.error())
            return
        connection.register(self.request, self._message, self._buffers)
        try:
            connection.submit(self)
        except BaseException:
            self._close()
            raise

    def give_up(self, *, is_interrupting: bool) -> None:
        """
        Go on for nobody.

        One that has not left never will. One that the kernel has keeps its place until the kernel
        has finished with it; with `is_interrupting` it is interrupted, in the background.
        """
        self._watcher = None
        connection = self._connection
        if connection.loop is not None and is_elsewhere(connection.loop):
            connection.hand_over(partial(self._withdraw, is_interrupting=is_interrupting))
        else:
            self._withdraw(is_interrupting=is_interrupting)

    async def interrupt(self) -> bool:
        """
        Interrupt it, and no other; tells whether the kernel has finished with it in the end.

        A caller that asks while that is under way joins; the last one that is cancelled ends it.

        Raises:
            NotInterruptibleError: It runs in a subshell, which a signal does not reach.
        """
        if self.is_finished:
            return True
        if not self.is_in_reach:
            raise NotInterruptibleError(
                f"run {self.msg_id} is in subshell {self.subshell_id}: a process interrupt would "
                "hit the main shell. Let its code look for a flag, or restart the kernel",
                msg_id=self.msg_id,
            )
        return await self._present_ladder().climb()

    async def restart_kernel(self) -> None:
        """Restart the kernel, for which nothing else helps."""
        await self._connection.restart()

    def replace_subshell(self) -> None:
        """Let another subshell serve the id of its own, in which it hangs."""
        if self.subshell_id is not None:
            replace_subshell(self._connection, self, self.subshell_id)

    # What handlers, readers and interrupts need

    def cursor(self) -> Cursor:
        """Give a new place at the start of the events."""
        if self._log is None:
            self._open_outputs()
        assert self._log is not None
        return Cursor(self._log)

    async def changed(self, has_news: Callable[[], object]) -> None:
        """Wait until a message comes for it, or it ends; not if `has_news`."""
        if self._news is None:
            with _making_news:
                self._news = self._news or Parking()
        await self._news.park(has_news)

    def when_finished(self, callback: Callable[[], None]) -> None:
        """Call `callback` when the kernel has finished with it, which is no news of the run."""
        if self.is_finished:
            callback()
        elif self._then is None:
            self._then = [callback]
        else:
            self._then.append(callback)

    def catch_up(self) -> None:
        """Take what has come from the kernel and waits in the sockets."""
        for channel in ("shell", "iopub"):
            self._connection.pump(channel)

    def note_interrupt(self) -> None:
        """Note that an interrupt was sent while the kernel had it."""
        self.is_interrupted = True

    def answer(self, question: Incoming, text: str) -> None:
        """Send `text` as the answer to `question`, if the kernel still waits for it."""
        if not self.is_finished:
            self._connection.answer(question, text)

    # What the connection does

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Give the loop in which its news are waited for."""
        return self._loop

    def send(self) -> None:
        """Send it: it is its turn."""
        self._connection.send_request(self.request, self._message, self._buffers)
        self._message = NOTHING  # and let go of what it holds
        self._buffers = ()

    def resumed(self) -> None:
        """Learn that the kernel for which it was paused is there; its timeout counts from busy."""

    def receive(self, channel: Channel, message: Incoming) -> None:
        """Take one message of it; the router has advanced its phase."""
        if channel == "shell":
            self.reply = message
        elif message.msg_type != "status":
            self._fold(message)
        elif self.began_at is None and message.content.get("execution_state") == "busy":
            self._begin()
        phase = self.request.phase
        if phase is DONE:
            self._finish()
            return
        if phase is IDLED and self.is_interrupted:
            self._connection.ask_after(self.request)
        if self._news is not None and self._news.waiters:
            self._news.wake_all()

    def receive_late(self, message: Incoming) -> None:
        """Take a message that came after the end."""
        event = event_of(message)
        if event is not None:
            if self.late is None:
                self.late = []
            self.late.append(event)

    def end(self) -> None:
        """Learn that the kernel has finished with it, and owes what has not come."""
        if self.ended_at is not None:
            return
        reply = self.reply
        if reply is None:
            self.is_interrupted = self.is_interrupted or self._connection.was_interrupted_since(
                self.request.sent_at
            )
        elif self.began_at is None and not self.is_silent and reply.content.get("status") == "ok":
            self.fail(unpublished())
            return
        self._finish()

    def fail(self, error: BaseException) -> None:
        """Learn that it cannot be answered."""
        watcher = self._close()
        if watcher is not None:
            watcher.failed(error)
        self.look_again()

    def look_again(self) -> None:
        """Let the waiters for news look again, also in a loop that another one reads for."""
        if self._news is not None:
            self._news.wake_all()

    # Inside

    def _begin(self) -> None:
        self.began_at = time.monotonic()
        self._is_inside = self.is_silent  # of which no notice comes
        if self._watcher is not None:
            self._watcher.began()

    def _fold(self, message: Incoming) -> None:
        if self.began_at is None:
            self._begin()
        reducer = self.reducer
        if message.msg_type == "execute_input":
            self._is_inside = True
            if reducer is None and self.notice is None:  # the only one that most runs have
                self.notice = message
                return
        if reducer is None or self._log is None:
            reducer = self._open_outputs()
        was_over = reducer.is_over
        if reducer.feed(message):
            self._connection.displays.note(reducer, message)
        # The first that is left out may have been cut: it is kept whole.
        is_left_out = was_over and reducer.is_over and message.msg_type in BULK
        if self._log is not None and not is_left_out:
            self._log.append(message)

    def _open_outputs(self) -> Reducer:
        """Have a place for outputs and events, of which many runs have none."""
        reducer = self.reducer = Reducer(self._max_output_bytes)
        self._log = EventLog()
        if self.notice is not None:
            reducer.feed(self.notice)
            self._log.append(self.notice)
        return reducer

    def _finish(self) -> None:
        """End, and tell so."""
        watcher = self._close()
        if watcher is not None:
            watcher.finished()
        if self._news is not None:
            self._news.wake_all()

    def _close(self) -> Watcher | None:
        """
        Give back the places in window and router: every execution ends here.

        Gives the watcher that is to be told, of which it lets go.
        """
        watcher, self._watcher = self._watcher, None
        if self.ended_at is not None:
            return watcher
        self.ended_at = time.monotonic()
        # Late output finds it as long as a program holds its run.
        self.request.owner = weakref.ref(self)
        self._connection.finish(self.request, self)
        if self._then is not None:
            callbacks, self._then = self._then, None
            for callback in callbacks:
                callback()
        return watcher

    def _withdraw(self, *, is_interrupting: bool) -> None:
        """Leave the window, or see to it that the kernel does not go on for nobody."""
        if self._connection.give_up(self.request, self):
            self._close()
        elif is_interrupting and self.is_in_reach and not self.is_finished:
            call_there(self._loop, lambda: self._present_ladder().climb_unwatched())
        self.look_again()

    def _present_ladder(self) -> Ladder:
        """Give the interrupts that are under way, or begin with them."""
        if self._ladder is None or self._ladder.is_over:
            send = partial(self._connection.interrupt, self.msg_id)
            self._ladder = Ladder(self, send, self._loop)
        return self._ladder
