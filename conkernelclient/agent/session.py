"""
How does a tool loop run code, call after call, whatever the code does?

A `KernelSession` owns a kernel. Calls take turns; each ends with a result of its own. What a call
does to the kernel costs the next one its variables at most: it gets a fresh kernel with the set-up.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from conkernelclient.errors import ConKernelError, SessionError

from . import telling, words
from .attending import attend
from .bringing import Bringing
from .calls import Call
from .journal import Recorder
from .keeper import Keeper
from .limits import Limits
from .lives import Plan
from .results import asks_to_exit
from .schema import schema_in
from .states import CallNews, CallState, SessionState
from .tools import handle
from .turns import Turns

if TYPE_CHECKING:
    import os
    from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence

    from conkernelclient import ConKernelClient, Variable

    from ..outputs.parts import Images
    from .attending import Outcome
    from .calls import OnOutput, OnTimeout
    from .lives import Life
    from .results import SessionResult
    from .schema import Form
    from .tools import ToolAnswer

__all__ = ["KernelSession"]

logger: Final = logging.getLogger(__name__)

T = TypeVar("T")

RUNS_KEPT: Final = 100  # calls that have ended, in `runs`
ANSWERS_WITHIN: Final = 10.0  # seconds in which the kernel lists its variables


class KernelSession:
    """
    A kernel for a tool loop: `async with KernelSession() as session`.

    Args:
        kernel_name: Name of the kernelspec.
        setup: Cells that are run in each kernel before anything else.
        cwd: The kernel's working directory; None: this program's.
        env: Environment variables of the kernel, added to this program's.
        timeout: Seconds that a call may run, unless it says otherwise; None: any time.
        start_timeout: Seconds in which a kernel has to be ready, and each set-up cell has to end.
        max_chars: Length of a text for a model, at most; None: any.
        images: What a model gets of an image in the answer to a tool call: "inline" its bytes, at
            most 1568 pixels long, "path" the name of a file that holds it whole, "none" a line of
            text.
        journal: A file, `.ipynb` or `.jsonl`, that is to hold every cell with its outputs; what it
            holds already is kept.
        limits: What the kernel may use. They are no sandbox: see `Limits`.

    Attributes:
        runs: The calls by their ids; of those that have ended the last 100.
        max_chars: As given.
        images: As given.
        recorder: Writes the journal; its `error` says why it could not.

    The kernel, with all that it started, ends with the `async with`, also after an error or a
    cancel, and when this program is killed. Not a byte that it or its children write on their
    stdout and stderr reaches this program's: ipykernel makes it an output of the cell.

    When a call ends the kernel, or swallows the interrupt after its `timeout`, its result says so,
    and the next call runs in a fresh kernel, in which the set-up cells have been run again.
    """

    def __init__(
        self,
        kernel_name: str = "python3",
        *,
        setup: Sequence[str] = (),
        cwd: str | os.PathLike[str] | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | None = 60.0,
        start_timeout: float = 60.0,
        max_chars: int | None = 20_000,
        images: Images = "inline",
        journal: str | os.PathLike[str] | None = None,
        limits: Limits | None = None,
    ) -> None:
        if isinstance(setup, str):
            raise TypeError("setup is a list of cells: give [code]")
        if images not in ("inline", "path", "none"):
            raise ValueError(f'images is "inline", "path" or "none", not {images!r}')
        self.max_chars: int | None = max_chars
        self.images: Images = images
        self.runs: dict[str, Call] = {}
        self.recorder: Recorder = Recorder(kernel_name, journal)
        self._limits = limits or Limits()
        self._timeout = timeout
        self._kernel_name = kernel_name
        plan = Plan(kernel_name, cwd=cwd, env=env, limits=self._limits, start_timeout=start_timeout)
        self._keeper = Keeper(Bringing(plan, setup, self.recorder), self.recorder)
        self._turns: Turns[Call] = Turns()
        self._count = 0
        self._tasks: set[asyncio.Task[None]] = set()  # of the calls

    # Open and close

    @property
    def state(self) -> SessionState:
        """How it stands."""
        return self._keeper.state

    async def __aenter__(self) -> Self:
        """
        Start the kernel and run the set-up.

        Raises:
            SessionError: The kernel does not start, or a set-up cell failed; no process is left.
            ValueError, OSError: The journal cannot be written.
        """
        if self.state is not SessionState.NEW:
            raise SessionError("a session is opened once: make another one")
        try:
            await self.recorder.open()
            await self._keeper.open()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def close(self) -> None:
        """
        End the kernel; calls that are under way end as cancelled. Harmless if it is closed.

        Cancelled, it goes on to its end.
        """
        for call in list(self.runs.values()):
            call.cancel()
        try:
            await self._keeper.close()
        finally:
            if self._tasks:
                await asyncio.wait(self._tasks)

    # Run

    async def run(
        self,
        code: str,
        *,
        timeout: float | None = -1.0,
        on_timeout: OnTimeout = "interrupt",
        on_output: OnOutput | None = None,
    ) -> SessionResult:
        """
        Run `code` when its turn comes, and give its result.

        Args:
            code: One cell of source.
            timeout: Seconds that it may run, from when the kernel has it; None: any time. If a run
                in the background holds the kernel, also the seconds that it waits for that.
                Negative: the session's.
            on_timeout: "interrupt" it then, and if it swallows that end the kernel, which takes up
                to 5 s. "detach" it: the result has what came so far, and `run_id` for `runs`; its
                time counts from the call, and if it is over before its turn comes it does not run.
            on_output: Called with each event as it comes, sync or async.

        Returns:
            A result, whatever happened. Its status is "ok", "error" (the code raised, or the kernel
            ended), "timeout", "cancelled", or, with "detach", "running".

        Raises:
            SessionError: The session is not open.

        Cancelling interrupts the code, and ends the kernel if that is swallowed.
        """
        limit = self._timeout if timeout is not None and timeout < 0 else timeout
        call = self._launch(
            code, timeout=limit, on_timeout=on_timeout, is_background=False, on_output=on_output
        )
        return await call.answer()

    def start(
        self, code: str, *, timeout: float | None = None, on_output: OnOutput | None = None
    ) -> Call:
        """
        Run `code` in the background when its turn comes.

        Args:
            code: One cell of source.
            timeout: Seconds that it may run; then it is interrupted. None: any time.
            on_output: Called with each event as it comes, sync or async.

        Returns:
            The call: await it for its result, `poll()` it for what is new. While it runs, calls of
            `run` wait for it as long as they may run themselves.

        Raises:
            SessionError: The session is not open.
        """
        return self._launch(
            code,
            timeout=timeout,
            on_timeout="interrupt",
            is_background=True,
            on_output=on_output,
        )

    async def interrupt(self, run_id: str | None = None) -> bool:
        """
        Interrupt a call: the one that runs, or that of `run_id`.

        Returns:
            Whether it has ended, or there was none. `restart` ends what swallows interrupts.

        Raises:
            KeyError: There is no call of that id.
        """
        call = self._turns.holder if run_id is None else self.runs[run_id]
        if call is None or call.is_done:
            return True
        try:
            return await call.interrupt()
        except ConKernelError:  # the kernel ends, and the call with it
            return call.is_done

    async def restart(self) -> None:
        """
        Begin anew: a fresh kernel with the set-up. The call that runs ends with what it has shown.

        Raises:
            SessionError: The session is not open, or no kernel can be started.
        """
        await self._keeper.renew("a restart was asked for")

    async def variables(self) -> dict[str, str]:
        """
        Give the user's variables: their names, and the names of their types.

        Raises:
            SessionError: The session is not open; no kernel can be started; or the kernel is busy.
            ConKernelError: It gave no answer.
        """
        return await self._asked(lambda client: client.variables())

    async def inspect_variable(self, name: str, *, max_chars: int = 2000) -> Variable:
        """
        Tell what a variable is, without fetching it; `str()` of the answer is for a model.

        Args:
            name: Its name; dotted, if it is an attribute.
            max_chars: The longest that the text of it may be; at least 100.

        Raises:
            ProtocolError: It is no dotted name. ExecutionError: There is none. As `variables` does.
        """
        return await self._asked(lambda client: client.inspect_variable(name, max_chars=max_chars))

    # For a model

    @staticmethod
    def tool_schema(form: Form = "anthropic") -> list[dict[str, Any]]:
        """
        Give the tools, for the `tools` of a request to a model.

        Args:
            form: "anthropic": {"name", "description", "input_schema"}; "openai": {"type":
                "function", "function": {"name", "description", "parameters"}}.
        """
        return schema_in(form)

    async def handle_tool_call(
        self, name: str, arguments: Mapping[str, Any] | str | None = None
    ) -> ToolAnswer:
        """
        Do what a model's tool call asks for. Any number of them may be under way.

        Args:
            name: The tool's.
            arguments: As the model gave them, as an object or as JSON text.

        Returns:
            An answer, also where the arguments do not fit, the code raises or the kernel ends.
            `answer.for_anthropic(id)` and `answer.for_openai(id)` give the message for the model.

        Cancelling gives up the run that it waits for.
        """
        return await handle(self, name, arguments)

    # Calls

    async def _asked(self, ask: Callable[[ConKernelClient], Awaitable[T]]) -> T:
        """Ask the kernel beside its calls."""
        self._keeper.check_open()
        life = await self._keeper.get(asyncio.get_running_loop().create_future())
        assert life is not None
        try:
            async with asyncio.timeout(ANSWERS_WITHIN):
                return await ask(life.client)
        except TimeoutError:
            name = "other code" if self.current is None else self.current.name
            raise SessionError(words.BUSY.format(name)) from None

    @property
    def current(self) -> Call | None:
        """The call whose turn it is; None if there is none."""
        return self._turns.holder

    def _launch(
        self,
        code: str,
        *,
        timeout: float | None,
        on_timeout: OnTimeout,
        is_background: bool,
        on_output: OnOutput | None,
    ) -> Call:
        self._keeper.check_open()
        self._count += 1
        call = Call(
            f"r{self._count}",
            code,
            timeout=timeout,
            on_timeout=on_timeout,
            is_background=is_background,
            on_output=on_output,
        )
        self.runs[call.id] = call
        self._forget_old_runs()
        self._spawn(self._carry_out(call))
        return call

    async def _carry_out(self, call: Call) -> None:
        """Let `call` have its turn, and end it whatever happens."""
        result: SessionResult | None = None
        try:
            turn = self._turns.join(call)
            self._limit_waiting()
            await asyncio.wait((turn, call.stopped), return_when=asyncio.FIRST_COMPLETED)
            if call.state is CallState.WAITING:
                result = await self._run_in_turn(call)
        finally:
            holder = self._turns.holder
            self._turns.leave(call)
            self._limit_waiting()
            if result is None:
                is_closed = self.state is SessionState.CLOSED
                result = telling.not_run(call, holder, is_closed=is_closed)
            call.end(result)

    async def _run_in_turn(self, call: Call) -> SessionResult | None:
        """Run it; None if it was stopped before it ran."""
        call.limit_waiting(False)
        try:
            life = await self._keeper.get(call.stopped)
        except SessionError as error:
            call.note(CallNews.END)
            return telling.no_kernel(call, error)
        if life is None or call.stopped.done():
            return None
        try:
            run = life.client.run(
                call.code, max_output_bytes=self._limits.output_bytes, on_output=call.listener
            )
        except ConKernelError as error:
            call.note(CallNews.END)
            return telling.not_sent(call, error)
        call.begin(run)
        await self.recorder.begin(call.id, call.code)
        outcome = await attend(run, call.time_left, call.stopped, partial(self._time_over, call))
        # Code under which the kernel ended is never run again, though nothing was heard of it.
        return await self._ended(life, call, outcome)

    def _time_over(self, call: Call) -> None:
        call.time_over()
        self._limit_waiting()

    async def _ended(self, life: Life, call: Call, outcome: Outcome) -> SessionResult:
        """Make the result of a call that was run, and see to the kernel under it."""
        keeper = self._keeper
        notes = keeper.take_news(life)
        changes: dict[str, Any] = {"restarted": bool(notes)}
        if outcome.is_stuck:
            notes.append(telling.stuck(call, has_setup=keeper.has_setup))
            await keeper.lose(life, f"{call.id} did not stop when interrupted")
            changes |= {"restarted": True, "is_lost": True}
        elif outcome.error is not None:
            notes.append(words.lost(keeper.has_setup))
            end = life.ended_for or words.end_of(outcome.error, self._limits.cause)
            error = telling.lost(life, end)
            await keeper.lose(life, end)
            changes |= {"restarted": True, "is_lost": True, "error": error}
        elif asks_to_exit(outcome.result):
            # It ends some time soon; whatever is sent until then may or may not run.
            notes.append(words.left(keeper.has_setup))
            await keeper.lose(life, words.EXITED)
            changes["restarted"] = True
        elif call.state in (CallState.OVERDUE, CallState.CANCELLING):
            notes.append(telling.interrupted(call))
        call.note(CallNews.END)
        result = telling.plain(call, outcome, notes, **changes)
        await self.recorder.end(call.id, result)
        return result

    def _limit_waiting(self) -> None:
        """Let time run for the calls that wait for one that may never end."""
        holder = self._turns.holder
        is_limited = holder is not None and holder.is_background
        for call in self._turns.waiting:
            call.limit_waiting(is_limited or call.on_timeout == "detach")

    def _forget_old_runs(self) -> None:
        ended = [name for name, call in self.runs.items() if call.is_done]
        for name in ended[: max(0, len(ended) - RUNS_KEPT)]:
            del self.runs[name]

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._seen)
        return task

    def _seen(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            logger.error("in a session: %r", error, exc_info=error)

    def __repr__(self) -> str:
        holder = self._turns.holder
        doing = "" if holder is None else f", runs {holder.name}"
        return f"<KernelSession {self._kernel_name} {self.state.name.lower()}{doing}>"
