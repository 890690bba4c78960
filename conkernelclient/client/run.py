"""
What is a cell that is being run, and what can be done with it while it runs?

A `Run` is two things with two ends. As a future it ends for its callers: with the result, a
timeout, a cancel. As an execution it ends when the kernel is through with it, maybe later: until
then it holds its place in the window and follows the kernel's messages.
"""

from __future__ import annotations

import asyncio
import logging
import time
import weakref
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

from ..connection.threads import begin, call_there, is_elsewhere, retire
from ..errors import ConKernelError, KernelRestartedError, NotInterruptibleError, TransportError
from ..outputs.events import ErrorOutput, event_of
from ..outputs.log import Cursor, EventLog
from ..outputs.mime import count_of, lines_of
from ..outputs.reduce import Reducer
from ..outputs.result import Finished, Result
from ..outputs.standing import short, standing
from ..state.router import Phase, Request, Takes
from ..state.run_state import TRANSITIONS, RunNews, RunState
from .asking import replace_subshell
from .futures import RequestFuture
from .handlers import StdinHandler, answer_questions, deliver_events
from .interrupt import interrupt_until_through

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        Awaitable,
        Callable,
        Coroutine,
        Iterator,
        Mapping,
        Sequence,
    )

    from ..connection.connection import Connection
    from ..outputs.result import Event, Status
    from ..protocol.incoming import Incoming
    from ..protocol.messages import Channel

__all__ = ["OnTimeout", "Run", "RunOptions"]

logger: Final = logging.getLogger(__name__)

OnTimeout: TypeAlias = Literal["interrupt", "restart", "leave"]


SETTLES_WITHIN: Final = 1.7  # seconds from a timeout to the result, whatever the kernel does


SENT: Final[dict[str, Any]] = {}
DONE: Final = Phase.DONE  # looked at with each message
IDLED: Final = Phase.IDLED


class RunOptions(NamedTuple):
    """What the caller of `run()` wants; see there."""

    timeout: float | None = None
    start_timeout: float | None = None
    on_timeout: OnTimeout = "interrupt"
    on_output: Callable[[Event], Awaitable[None] | None] | None = None
    on_stdin: StdinHandler | None = None
    max_output_bytes: int | None = None


def _unheard() -> TransportError:
    return TransportError(
        "the kernel replied that it is through, but nothing that it published for this run was "
        "heard: no busy, no idle, no output. What it showed is not known; do not run it again "
        "unless it may run twice"
    )


SHOWN: Final = 60  # characters of the code in a repr

# What those are told of a run who ask before its kernel's reply decides.
STATUSES: Final[Mapping[RunState, Status]] = {
    RunState.OPEN: "running",
    RunState.SETTLING: "timeout",
    RunState.TIMED_OUT: "timeout",
    RunState.CANCELLED: "cancelled",
    RunState.FAILED: "error",
}
DUE: Final = frozenset({RunState.SETTLING, RunState.TIMED_OUT})
LATE: Final = DUE | {RunState.CANCELLED}  # the kernel may still have it

PLAIN: Final = RunOptions()  # what most callers want


class Run(RequestFuture["Result"]):
    """
    A cell that is being run.

    `await` it for its `Result`, iterate over it for its events as they come. Any number of tasks
    may do either, at any time, from the first event on. A task that is cancelled while it does so
    cancels the run if no other one is left (`detach()` and `asyncio.shield` opt out).

    Attributes:
        msg_id: Id of the `execute_request`.
        code: What is run.
        subshell_id: The subshell that it runs in; None for the main shell.
    """

    # Without a dict, in which Python would look up the attributes of a future one by one.
    __slots__ = (
        "_buffers",
        "_busy_at",
        "_climbers",
        "_connection",
        "_failure",
        "_held_by",
        "_input",
        "_is_interrupted",
        "_is_interruptible",
        "_ladder",
        "_late",
        "_log",
        "_message",
        "_news",
        "_options",
        "_output_task",
        "_readers",
        "_reducer",
        "_reply",
        "_run_state",
        "_stdin_task",
        "_tasks",
        "_then",
        "_through_at",
        "_timer",
        "answers_questions",
        "code",
        "is_silent",
        "msg_id",
        "request",
        "subshell_id",
    )

    # For the window, of which it is an entry.
    is_run: bool = True
    takes_turn: bool = True

    outlives_callers: bool = True  # given up by all of them, it follows the kernel to the end

    def __init__(
        self,
        connection: Connection,
        loop: asyncio.AbstractEventLoop,
        message: dict[str, Any],
        buffers: Sequence[Any],
        options: RunOptions,
    ) -> None:
        super().__init__(loop)
        content = message["content"]
        self.msg_id: str = message["msg_id"]
        self.code: str = content["code"]
        self.subshell_id: str | None = message["header"].get("subshell_id")
        self.is_silent: bool = content["silent"]
        self.answers_questions: bool = options.on_stdin is not None
        self.request: Request = Request(self.msg_id, Takes.RUN, self)
        self._connection = connection
        self._message = message
        self._buffers = buffers
        self._options = options
        self._reducer: Reducer | None = None
        self._log: EventLog | None = None
        self._input: Incoming | None = None  # the kernel's notice that it is inside the code
        self._late: list[Event] | None = None
        self._news: set[asyncio.Future[None]] | None = None  # who waits for a change
        self._readers: int = 0  # iterations under way
        self._reply: Incoming | None = None
        self._failure: BaseException | None = None  # set when it ends with an error of ours
        self._run_state: RunState = RunState.OPEN
        self._held_by: str | None = None  # set when the start_timeout ends
        self._is_interrupted: bool = False
        self._is_interruptible: bool = False  # the kernel is inside the code
        self._ladder: asyncio.Task[bool] | None = None  # set when it is interrupted
        self._climbers: int = 0  # who waits for that
        self._busy_at: float | None = None
        self._through_at: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[Any]] | None = None
        self._then: list[Callable[[], None]] | None = None  # to call at its end
        self._output_task: asyncio.Task[Any] | None = None
        self._stdin_task: asyncio.Task[Any] | None = None

    # What callers do

    @property
    def outcome(self) -> Result:
        """The result as it stands: while it runs, after a cancel, after the kernel's death."""
        return self._result()

    @property
    def late(self) -> list[Event]:
        """Events that came after the end, from threads or tasks that the code had started."""
        if self._late is None:
            self._late = []
        return self._late

    @property
    def started(self) -> bool:
        """Whether the kernel began with it."""
        return self._busy_at is not None

    @property
    def is_through(self) -> bool:
        """Whether the kernel is through with it, or never had it."""
        return self._through_at is not None

    @property
    def is_interruptible(self) -> bool:
        """Whether the kernel is inside the code, so that an interrupt would hit it."""
        is_past = self.request.phase in (Phase.REPLIED, Phase.IDLED, Phase.DONE)
        return self._is_interruptible and not self.is_through and not is_past

    def cancel(self, msg: Any = None) -> bool:
        """
        End the run as cancelled: awaiters get `CancelledError`, `outcome.status` is "cancelled".

        One that was not sent never runs. One that the kernel has is interrupted, in the background;
        the next run leaves when the kernel is through with it.

        Returns:
            False if it had ended already.
        """
        if self.done():
            return False
        self._give_up(RunNews.CANCEL)
        super().cancel(msg)
        return True

    async def interrupt(self) -> bool:
        """
        Interrupt this run, and no other.

        Waits until the kernel is inside the code, sends the interrupt, and repeats it after 0.5, 1
        and 2 s while the kernel is still busy with it. One that was not sent ends unsent, as by
        `cancel()`.

        Returns:
            Whether the kernel is through with it.

        Raises:
            NotInterruptibleError: It runs in a subshell, which a process interrupt does not reach.

        Cancelling this stops the repeating.
        """
        if self.request.phase is Phase.WAITING:
            self.cancel()
        if self.is_through:
            return True
        if self.subshell_id is not None:
            raise NotInterruptibleError(
                f"run {self.msg_id} is in subshell {self.subshell_id}: a process interrupt would "
                "hit the main shell. Let its code look for a flag, or restart the kernel",
                msg_id=self.msg_id,
            )
        return await self._climb()

    async def _climb(self) -> bool:
        """Interrupt until it is through: who asks meanwhile joins, and the last to go ends it."""
        ladder = self._ladder
        if ladder is None or ladder.done():
            ladder = self._ladder = begin(
                self.get_loop(), interrupt_until_through(self, self._connection.interrupt)
            )
        self._climbers += 1
        try:
            return await asyncio.shield(ladder)
        finally:
            self._climbers -= 1
            if not self._climbers:
                ladder.cancel()

    def __aiter__(self) -> AsyncGenerator[Event, None]:
        return self._events()

    async def _events(self) -> AsyncGenerator[Event, None]:
        cursor = self.cursor()
        self._readers += 1
        try:
            while True:
                while (event := cursor.next()) is not None:
                    yield event
                if self.is_over:
                    break
                await self.changed()
        except asyncio.CancelledError:
            if self._readers == 1 and not (self._waiters or self._is_detached):
                self.cancel()
            raise
        finally:
            self._readers -= 1
        yield Finished(await self)

    def _left(self, waiter: asyncio.Future[None]) -> None:
        if not self._readers:
            super()._left(waiter)
        else:
            self._drop(waiter)

    # What handlers and interrupts need

    @property
    def is_over(self) -> bool:
        """Whether no more events come before the end."""
        return self.is_through or self.done()

    def cursor(self) -> Cursor:
        """Give a new place at the start of the events."""
        if self._log is None:
            self._open_outputs()
        assert self._log is not None
        return Cursor(self._log)

    async def changed(self) -> None:
        """Wait until a message of this run comes, or it ends."""
        news: asyncio.Future[None] = self.get_loop().create_future()
        if self._news is None:
            self._news = set()
        self._news.add(news)
        try:
            await news
        finally:
            self._news.discard(news)

    def when_through(self, callback: Callable[[], None]) -> None:
        """Call `callback` when the kernel is through with it, which is no news of the future."""
        if self.is_through:
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
        """Note that an interrupt was sent while this run was in the kernel."""
        self._is_interrupted = True

    def answer(self, question: Incoming, text: str) -> None:
        """Send `text` as the answer to `question`, if the kernel still waits for it."""
        if not self.is_through:
            self._connection.answer(question, text)

    # What the connection does

    def launch(self) -> None:
        """Register, and leave as soon as the window lets it."""
        connection = self._connection
        if connection.presence.is_lost:
            self.fail(connection.presence.error())
            return
        if connection.window.is_held:
            connection.check_held(self._message, self._buffers)
        connection.router.open(self.request)
        if self._options.start_timeout is not None:
            self._arm(self._options.start_timeout, self._start_timed_out)
        if self._options.on_output is not None:
            self._output_task = self._spawn(deliver_events(self, self._options.on_output))
        if self._options.on_stdin is not None:
            self._stdin_task = self._spawn(answer_questions(self, self._options.on_stdin))
        try:
            connection.submit(self)
        except BaseException:
            self._leave()
            raise

    def leave(self) -> None:
        """Send it: it is its turn."""
        self._connection.send_request(self.request, self._message, self._buffers)
        self._message = SENT  # and let go of what it holds
        self._buffers = ()

    def released(self) -> None:
        """Learn that the kernel for which it was held is there; its timeout counts from busy."""

    def receive(self, channel: Channel, message: Incoming) -> None:
        """Take one message of this run; the router has advanced its phase."""
        if channel == "shell":
            self._reply = message
        elif message.msg_type != "status":
            self._fold(message)
        elif self._busy_at is None and message.content.get("execution_state") == "busy":
            self._began()
        phase = self.request.phase
        if phase is DONE:
            self._end()
            return
        if phase is IDLED and self._is_interrupted:
            self._connection.ask_after(self.request)
        if self._news:
            self._wake()

    def receive_late(self, message: Incoming) -> None:
        """Take a message that came after the end."""
        event = event_of(message)
        if event is not None:
            self.late.append(event)

    @property
    def lacks_reply(self) -> bool:
        """Whether the kernel went idle after an interrupt, and may have swallowed the reply."""
        return self._is_interrupted and self.request.phase is Phase.IDLED

    def end(self) -> None:
        """Learn that the kernel is through with it, and owes what has not come."""
        if self._through_at is not None:
            return
        reply = self._reply
        if reply is None:
            self._is_interrupted = self._is_interrupted or self._connection.was_interrupted_since(
                self.request.sent_at
            )
        elif self._busy_at is None and not self.is_silent and reply.content.get("status") == "ok":
            self.fail(_unheard())
            return
        self._end()

    def _end(self) -> None:
        """Leave, and end the future if that has not ended."""
        self._note(RunNews.FINISHED)
        self._leave()
        if self._output_task is None or self._output_task.done():
            self.settle(self._result())
        else:  # the result is there when the handler has seen all that led to it
            seen = self._output_task

            def settle(_seen: asyncio.Task[Any]) -> None:
                self.settle(self._result())

            call_there(self._loop, lambda: seen.add_done_callback(settle))
        if self._news:
            self._wake()

    def fail(self, error: BaseException) -> None:
        """End with `error`, which gets what had arrived as its `result`."""
        is_ours = self._run_state in DUE and self._options.on_timeout == "restart"
        if is_ours and isinstance(error, KernelRestartedError):
            self._note(RunNews.RESTARTED)
            if not self.is_through:
                self._is_interrupted = self._is_interrupted or self._reply is None
                self._end()  # it is what was asked for
            return
        if self._note(RunNews.FAIL) is RunState.FAILED and self._failure is None:
            self._failure = error
        if not self.is_through:
            self._leave()
        if isinstance(error, ConKernelError):
            error.msg_id = self.msg_id
            error.result = self._result()
        super().fail(error)
        self._wake()

    # Inside

    def _began(self) -> None:
        if self._busy_at is not None:
            return
        self._busy_at = time.monotonic()
        self._is_interruptible = self.is_silent
        if self.done():
            return
        self._disarm()
        if self._options.timeout is not None:
            call_there(self._loop, self._arm, self._options.timeout, self._timed_out)

    def _fold(self, message: Incoming) -> None:
        if self._busy_at is None:
            self._began()
        reducer = self._reducer
        if message.msg_type == "execute_input":
            self._is_interruptible = True
            if reducer is None and self._input is None:  # the only one that most runs have
                self._input = message
                return
        if reducer is None or self._log is None:
            reducer = self._open_outputs()
        if reducer.feed(message):
            self._connection.displays.note(reducer, message)
        if self._log is not None:
            self._log.append(message)

    def _open_outputs(self) -> Reducer:
        """Have a place for outputs and events, of which many runs have none."""
        reducer = self._reducer = Reducer(self._options.max_output_bytes)
        self._log = EventLog()
        if self._input is not None:
            reducer.feed(self._input)
            self._log.append(self._input)
        return reducer

    def _arm(self, seconds: float, callback: Callable[[], None]) -> None:
        if not self.is_over:
            self._timer = self.get_loop().call_later(max(0.0, seconds), callback)

    def _disarm(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            call_there(self._loop, timer.cancel)

    def _start_timed_out(self) -> None:
        if self._run_state is not RunState.OPEN:  # another loop was quicker
            return
        self._held_by = self._holder()
        self._give_up(RunNews.START_TIMEOUT)
        self.settle(self._result())

    def _holder(self) -> str | None:
        holder = self._connection.window.holder(self)
        return None if holder is None else holder.msg_id

    def _timed_out(self) -> None:
        if self._run_state is RunState.OPEN:
            self._note(RunNews.TIMEOUT)
            self._spawn(self._handle_timeout())

    async def _handle_timeout(self) -> None:
        try:
            if self._options.on_timeout == "restart":
                await self._connection.restart()
            elif self._options.on_timeout == "interrupt" and self.subshell_id is None:
                async with asyncio.timeout(SETTLES_WITHIN):
                    await self.interrupt()
        except TimeoutError:
            pass  # it swallows interrupts, or the kernel does not answer
        finally:
            if self._run_state is RunState.SETTLING:
                self._give_up(RunNews.PATIENCE_OVER, is_interrupting=False)
                self.settle(self._result())
                if self.subshell_id is not None and self._options.on_timeout == "interrupt":
                    replace_subshell(self._connection, self, self.subshell_id)

    def _note(self, news: RunNews) -> RunState:
        """Take note of what happens; gives how the run stands now."""
        state = TRANSITIONS.get((self._run_state, news))
        if state is None:
            logger.error("run %s is %s: %s", self.msg_id, self._run_state.name, news.name)
            return self._run_state
        self._run_state = state
        return state

    def _give_up(self, news: RunNews, *, is_interrupting: bool = True) -> None:
        """End for the caller; the kernel may still have it."""
        self._note(news)
        self._disarm()
        if self._stdin_task is not None:
            retire(self._stdin_task)
        if news is RunNews.CANCEL and self._output_task is not None:
            retire(self._output_task)
        connection = self._connection
        if connection.loop is not None and is_elsewhere(connection.loop):
            connection.hand_over(lambda: self._withdraw(is_interrupting=is_interrupting))
        else:
            self._withdraw(is_interrupting=is_interrupting)

    def _withdraw(self, *, is_interrupting: bool) -> None:
        """Leave the window, or see to it that the kernel does not go on for nobody."""
        connection = self._connection
        was_withdrawn, leaving = connection.window.withdraw(self)
        connection.router.abandon(self.request)
        if was_withdrawn:
            self._leave()
        elif is_interrupting and self.subshell_id is None and not self.is_through:
            call_there(self._loop, lambda: self._spawn(self._climb()))
        connection.let_leave(leaving)
        self._wake()

    def _leave(self) -> None:
        """Leave the window, the router and the clock: the one door at which every run ends."""
        self._through_at = time.monotonic()
        if self._timer is not None:
            self._disarm()
        if self._stdin_task is not None:
            retire(self._stdin_task)
        connection, request = self._connection, self.request
        if request.phase is not DONE:
            connection.router.end(request)
        # Late output finds the run as long as somebody holds it.
        request.owner = weakref.ref(self)
        leaving = connection.window.done(self)
        if leaving:
            connection.let_leave(leaving)
        if self._then is not None:
            callbacks, self._then = self._then, None
            for callback in callbacks:
                callback()

    def look_again(self) -> None:
        """Let look again who waits for a message in a loop that another one reads for."""
        call_there(self._loop, self._wake_here)

    def drop_tasks(self) -> None:
        """Let go of the tasks: their loop is closed."""
        for task in self._tasks or ():
            retire(task)

    _wake = look_again

    def _wake_here(self) -> None:
        for news in tuple(self._news or ()):
            if not news.done():
                news.set_result(None)

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = begin(self.get_loop(), work)
        if self._tasks is None:
            self._tasks = set()
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[Any]) -> None:
        if self._tasks is not None:
            self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("in run %s: %r", self.msg_id, error, exc_info=error)

    def _status(self) -> Status:
        if self._run_state is not RunState.ANSWERED:
            return STATUSES[self._run_state]
        status = None if self._reply is None else self._reply.content.get("status")
        match status:
            case "ok":
                return "ok"
            case "aborted" | "abort":
                return "error" if self._has_run(status) else "aborted"
            case _:
                return "error"

    def _has_run(self, status: str) -> bool:
        """
        Tell whether a run that was answered as aborted had begun.

        bash_kernel answers an interrupted cell with "abort". ipykernel says busy also for a cell
        that it does not run, and answers it with "aborted"; what it runs it announces.
        """
        is_announced = self._input is not None or (
            self._reducer is not None and self._reducer.execution_count is not None
        )
        return is_announced or (status == "abort" and self.started)

    def _result(self) -> Result:
        reply, reducer = self._reply, self._reducer
        content = {} if reply is None else reply.content
        if "execution_count" in content:
            count = count_of(content["execution_count"])
        elif reducer is not None:
            count = reducer.execution_count
        else:
            given = {} if self._input is None else self._input.content
            count = count_of(given.get("execution_count"))
        status = self._status()
        is_late = self._run_state in LATE
        began, ended = self._busy_at, self._through_at or time.monotonic()
        is_unread = reducer is not None and reducer.is_behind and self.is_through
        result = Result(
            status=status,
            msg_id=self.msg_id,
            code=self.code,
            outputs=[] if is_unread or reducer is None else reducer.outputs,
            execution_count=count,
            error=self._error(content),
            reply=None if reply is None else reply.message,
            duration=None if began is None or status == "aborted" else ended - began,
            started=began is not None and status != "aborted",
            interrupted=self._is_interrupted,
            still_running=is_late and not self.is_through,
            aborted_by=self._connection.last_error if status == "aborted" else None,
            held_by=self._held_by,
        )
        if is_unread and reducer is not None:
            result.read_later(reducer)
        return result

    def _error(self, content: dict[str, Any]) -> ErrorOutput | None:
        raised = None if self._reducer is None else self._reducer.error
        source = raised or (content if content.get("status") == "error" else None)
        if source is not None:
            return ErrorOutput(
                str(source.get("ename", "")),
                str(source.get("evalue", "")),
                lines_of(source.get("traceback")),
            )
        if self._failure is not None:
            return ErrorOutput(type(self._failure).__name__, str(self._failure), [])
        has_ended = self._run_state is RunState.ANSWERED or (
            self._run_state in DUE and self.started
        )
        if self._reply is None and self.is_through and has_ended:
            if self._is_interrupted:
                return ErrorOutput("KeyboardInterrupt", "the kernel sent no reply", [])
            return ErrorOutput("ReplyLost", "the kernel went idle and sent no reply", [])
        status = content.get("status")
        if status in ("aborted", "abort") and self._has_run(status):
            if self._is_interrupted:
                return ErrorOutput("KeyboardInterrupt", "", [])
            return ErrorOutput("Aborted", f"the kernel began with it, and replied {status!r}", [])
        return None

    def __repr__(self) -> str:
        return standing(self, self._standing)

    def _standing(self) -> Iterator[str]:
        holder = self._held_by if self.done() else self._holder()
        behind = f" behind {holder}" if holder is not None and not self.started else ""
        yield f"{self.msg_id} {self._status()} {self.request.phase.name.lower()}{behind}"
        yield repr(short(self.code, SHOWN))
