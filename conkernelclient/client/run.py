"""
What is a cell that is being run, for the callers that wait for it?

A `Run` is a future with a few more ways to end: with the result, a timeout, a cancel. What the
kernel does with the cell, maybe for longer, is its `Execution`, which tells it three things: that
the kernel has begun, that it has finished, that it failed.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

from ..connection.threads import call_there, retire
from ..connection.waiting import Tasks
from ..errors import ConKernelError, KernelRestartedError
from ..outputs.result import Finished, Result
from ..outputs.standing import short, standing
from ..state.router import Phase
from ..state.run_state import TRANSITIONS, RunNews, RunState
from .beside import TIMED_OUT
from .execution import Execution
from .futures import RequestFuture
from .handlers import StdinHandler, answer_questions, deliver_events
from .outcome import result_of, status_of

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        Awaitable,
        Callable,
        Coroutine,
        Iterator,
        Sequence,
    )

    from ..connection.connection import Connection
    from ..outputs.result import Event
    from .beside import Mode, Place
    from .execution import Holder

__all__ = ["PLAIN", "OnTimeout", "Run", "RunOptions"]

logger: Final = logging.getLogger(__name__)

OnTimeout: TypeAlias = Literal["interrupt", "restart", "leave"]

SETTLES_WITHIN: Final = 1.7  # seconds from a timeout to the result, whatever the kernel does
SHOWN: Final = 60  # characters of the code in a repr


class RunOptions(NamedTuple):
    """What the caller of `run()` wants; see there."""

    timeout: float | None = None
    start_timeout: float | None = None
    on_timeout: OnTimeout = "interrupt"
    on_output: Callable[[Event], Awaitable[None] | None] | None = None
    on_stdin: StdinHandler | None = None
    max_output_bytes: int | None = None
    mode: Mode = "queue"
    make: Callable[..., Execution] = Execution


PLAIN: Final = RunOptions()  # what most callers want


class Run(RequestFuture["Result"]):
    """
    A cell that is being run.

    `await` it for its `Result`, iterate over it for its events as they come. Any number of tasks
    may do either, at any time, from the first event on. A task that is cancelled while it does so
    cancels the run if no other one is left (`detach()` and `asyncio.shield` opt out).
    """

    # Without a dict, in which Python would look up the attributes of a future one by one.
    __slots__ = (
        "_execution",
        "_failure",
        "_held_by",
        "_options",
        "_output_task",
        "_readers",
        "_run_state",
        "_stdin_task",
        "_tasks",
        "_timer",
    )

    def __init__(
        self,
        connection: Connection,
        loop: asyncio.AbstractEventLoop,
        message: dict[str, Any],
        buffers: Sequence[Any],
        options: RunOptions,
    ) -> None:
        super().__init__(loop)
        answers = options.on_stdin is not None
        self._execution: Execution = options.make(
            connection, loop, self, message, buffers, answers, options.max_output_bytes
        )
        self._options = options
        self._run_state: RunState = RunState.OPEN
        self._readers: int = 0  # iterations under way
        self._failure: BaseException | None = None  # set when it ends with an error of ours
        self._held_by: Holder | None = None  # set when the start_timeout ends
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: Tasks | None = None
        self._output_task: asyncio.Task[Any] | None = None
        self._stdin_task: asyncio.Task[Any] | None = None

    # What it is, and how it stands

    @property
    def msg_id(self) -> str:
        """Id of the `execute_request`."""
        return self._execution.msg_id

    @property
    def code(self) -> str:
        """What is run."""
        return self._execution.code

    @property
    def subshell_id(self) -> str | None:
        """The subshell that it runs in; None for the main shell."""
        return self._execution.subshell_id

    @property
    def mode(self) -> Place:
        """
        How it runs in this kernel: as it was asked, or else by what the kernel has.

        "subshell": in a subshell for itself. "queue": in its turn, or the kernel is not known yet.
        """
        return self._execution.place or self._options.mode

    @property
    def outcome(self) -> Result:
        """The result as it stands: while it runs, after a cancel, after the kernel's death."""
        return result_of(self._execution, self._run_state, self._failure, self._held_by)

    @property
    def late(self) -> list[Event]:
        """Events that came after the end, from threads or tasks that the code had started."""
        execution = self._execution
        if execution.late is None:
            execution.late = []
        return execution.late

    @property
    def started(self) -> bool:
        """Whether the kernel began with it."""
        return self._execution.began_at is not None

    @property
    def is_finished(self) -> bool:
        """Whether the kernel has finished with it, or never had it."""
        return self._execution.is_finished

    @property
    def is_interruptible(self) -> bool:
        """
        Whether an interrupt would hit it.

        The kernel is inside the code; one that can be told which request is meant has it.
        """
        return self._execution.is_interruptible

    # What callers do

    def launch(self) -> None:
        """Let it take its turn; its time to start runs from now on."""
        execution, options = self._execution, self._options
        execution.launch()
        if options is PLAIN or execution.is_over:
            return
        if options.start_timeout is not None and not self.started:
            self._arm(options.start_timeout, self._start_timed_out)
        if options.on_output is not None:
            self._output_task = self._spawn(deliver_events(execution, options.on_output))
        if options.on_stdin is not None:
            self._stdin_task = self._spawn(answer_questions(execution, options.on_stdin))

    def cancel(self, msg: Any = None) -> bool:
        """
        End the run as cancelled: awaiters get `CancelledError`, `outcome.status` is "cancelled".

        One that was not sent never runs. One that the kernel has is interrupted, in the background;
        the next run is sent when the kernel has finished with it.

        Returns:
            False if it had ended already.
        """
        if self.done():
            return False
        if self._output_task is not None:
            retire(self._output_task)
        self._give_up(RunNews.CANCEL)
        super().cancel(msg)
        return True

    async def interrupt(self) -> bool:
        """
        Interrupt this run, and no other, wherever it runs.

        A kernel that can is told which request is meant. To another one a signal is sent, when the
        kernel is inside the code, and again after 0.5, 1 and 2 s while it is still busy with it.
        One that was not sent ends unsent, as by `cancel()`.

        Returns:
            Whether the kernel has finished with it.

        Raises:
            NotInterruptibleError: It runs in a subshell, which a signal does not reach.

        Cancelling this stops the repeating.
        """
        if self._execution.request.phase is Phase.WAITING:
            self.cancel()
        return await self._execution.interrupt()

    def __aiter__(self) -> AsyncGenerator[Event, None]:
        return self._events()

    async def _events(self) -> AsyncGenerator[Event, None]:
        execution = self._execution
        cursor = execution.cursor()
        self._readers += 1
        try:
            while True:
                while (event := cursor.next()) is not None:
                    yield event
                if execution.is_over or self.done():
                    break
                await execution.changed(
                    lambda: execution.is_over or self.done() or cursor.has_next()
                )
        except asyncio.CancelledError:
            if self._readers == 1 and not (self._waiters or self._is_detached):
                self.cancel()
            raise
        finally:
            self._readers -= 1
        yield Finished(await self)

    def _gone(self, waiter: asyncio.Future[None]) -> None:
        if not self._readers:
            super()._gone(waiter)
        else:
            self._drop(waiter)

    # What the execution tells

    def began(self) -> None:
        """Learn that the kernel has begun with it: its timeout runs from now on."""
        if self.done():
            return
        if self._timer is not None:
            self._disarm()
        if self._options.timeout is not None:
            call_there(self._loop, self._arm, self._options.timeout, self._timed_out)

    def finished(self) -> None:
        """Learn that the kernel has finished with it."""
        if self._options.timeout is not None:
            self._note_own_timeout()
        self._note(RunNews.FINISHED)
        self._settle_when_seen()

    def failed(self, error: BaseException) -> None:
        """End with `error`, which gets what had arrived as its `result`."""
        is_late, execution = self._run_state is RunState.SETTLING, self._execution
        is_asked_for = is_late and self._options.on_timeout == "restart"
        if is_asked_for and isinstance(error, KernelRestartedError):
            self._note(RunNews.RESTARTED)
            if execution.reply is None:
                execution.note_interrupt()
            self._settle_when_seen()
            return
        if self._note(RunNews.FAIL) is RunState.FAILED:
            self._failure = error
        self._let_go()
        if isinstance(error, ConKernelError):
            error.msg_id = self.msg_id
            error.result = self.outcome
        self.fail(error)

    # Inside

    def _settle_when_seen(self) -> None:
        """Set the result, as soon as the handler has seen all that led to it."""
        if self._timer is not None or self._stdin_task is not None:
            self._let_go()
        seen = self._output_task
        if seen is None or seen.done():
            self.settle(self.outcome)
        else:
            call_there(self._loop, lambda: seen.add_done_callback(self._output_seen))

    def _output_seen(self, _task: asyncio.Task[Any]) -> None:
        self.settle(self.outcome)

    def _let_go(self) -> None:
        """Let go of the clock, and of the task that would answer questions."""
        if self._timer is not None:
            self._disarm()
        if self._stdin_task is not None:
            retire(self._stdin_task)

    def _arm(self, seconds: float, callback: Callable[[], None]) -> None:
        if not (self._execution.is_over or self.done()):
            self._timer = self.get_loop().call_later(max(0.0, seconds), callback)

    def _disarm(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            call_there(self._loop, timer.cancel)

    def _note_own_timeout(self) -> None:
        """Note that its time is over, if the kernel was the first to see that."""
        reply = self._execution.reply
        if reply is None or self._run_state is not RunState.OPEN:
            return
        if reply.content.get("ename") == TIMED_OUT:
            self._execution.note_interrupt()
            self._note(RunNews.TIMEOUT)

    def _start_timed_out(self) -> None:
        if self._run_state is not RunState.OPEN:  # another loop was quicker
            return
        self._held_by = self._execution.ahead()
        self._give_up(RunNews.START_TIMEOUT)
        self.settle(self.outcome)

    def _timed_out(self) -> None:
        if self._run_state is RunState.OPEN:
            self._note(RunNews.TIMEOUT)
            self._spawn(self._handle_timeout())

    async def _handle_timeout(self) -> None:
        execution, on_timeout = self._execution, self._options.on_timeout
        try:
            if on_timeout == "restart":
                await execution.restart_kernel()
            elif on_timeout == "interrupt" and execution.is_in_reach:
                async with asyncio.timeout(SETTLES_WITHIN):
                    await execution.interrupt()
        except TimeoutError:
            pass  # it swallows interrupts, or the kernel does not answer
        finally:
            if self._run_state is RunState.SETTLING:
                self._give_up(RunNews.PATIENCE_OVER, is_interrupting=False)
                self.settle(self.outcome)
                if on_timeout == "interrupt":
                    execution.replace_subshell()

    def _note(self, news: RunNews) -> RunState:
        """Take note of what happens; gives how the run stands now."""
        state = TRANSITIONS.get((self._run_state, news))
        if state is None:
            logger.error("run %s is %s: %s", self.msg_id, self._run_state.name, news.name)
            return self._run_state
        self._run_state = state
        return state

    def _give_up(self, news: RunNews, *, is_interrupting: bool = True) -> None:
        """End for the callers; the kernel may still have it."""
        self._note(news)
        self._let_go()
        self._execution.give_up(is_interrupting=is_interrupting)

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        if self._tasks is None:
            self._tasks = Tasks(self._complain)
        return self._tasks.spawn(work, self.get_loop())

    def _complain(self, error: BaseException) -> None:
        logger.error("in run %s: %r", self.msg_id, error, exc_info=error)

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Show the outputs so far in a notebook; see `Result`."""
        return self.outcome._repr_mimebundle_(include, exclude)

    def __rich_console__(self, console: object, options: object) -> Iterator[Any]:
        """Show the outputs so far in a terminal; see `Result`."""
        return self.outcome.__rich_console__(console, options)

    def __repr__(self) -> str:
        return standing(self, self._standing)

    def _standing(self) -> Iterator[str]:
        execution = self._execution
        ahead = self._held_by if self.done() else execution.ahead()
        behind = f" behind {ahead.msg_id}" if ahead is not None and not self.started else ""
        status = status_of(execution, self._run_state)
        yield f"{self.msg_id} {status} {execution.request.phase.name.lower()}{behind}"
        yield repr(short(self.code, SHOWN))
