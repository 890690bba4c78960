"""
How does a person, or a script, talk to a kernel that runs?

`conkernel attach` reads cells and shows what they do. The kernel is not its own: it goes on
afterwards, whatever happens here.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import deque
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from conkernelclient import Result
from conkernelclient.errors import (
    DeadKernelError,
    KernelRestartedError,
    NotInterruptibleError,
    ReplyTimeout,
)
from conkernelclient.events import Display, ErrorOutput, ExecuteResult, Stream

from .finding import add_connection, attached, find
from .helping import Helper
from .info import ask_info
from .interrupt import signal_interrupt
from .options import add_command
from .showing import put, show

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Generator, Iterator, Mapping

    from conkernelclient import ConKernelClient, Run
    from conkernelclient.events import Event, InputRequest

    from .kernels import Kernel
    from .options import Commands

__all__ = ["Conversation", "Typist", "add"]

HISTORY: Final = 1000  # cells of before
PATIENCE: Final = 4.0  # seconds until an interrupt has had its effect
REMEMBERED: Final = 100  # runs whose late output is shown
SHOWN: Final = ("stream", "display_data", "execute_result", "error")
INTERRUPTED: Final = 130
# Run in a kernel, these would end it: here they mean what they mean in a shell.
LEAVING: Final = ("exit", "exit()", "quit", "quit()")


class Typist(Protocol):
    """Who types cells, and answers their questions."""

    @property
    def is_terminal(self) -> bool:
        """Whether it is a person, who sees what goes on."""
        ...

    async def cell(self, number: int | None, draft: str = "") -> str | None:
        """Give the next cell; None: there are no more."""
        ...

    async def answer(self, question: InputRequest) -> str | None:
        """Answer a question of the cell that runs; None: not at all."""
        ...


def add(commands: Commands) -> None:
    """Add the command `attach`."""
    parser = add_command(
        commands,
        "attach",
        "type cells to a kernel that runs; Ctrl-C interrupts one, Ctrl-D leaves the kernel running",
        [
            "conkernel attach",
            "conkernel attach 3f2a",
            "echo 'print(x)' | conkernel attach /path/to/kernel.json",
        ],
    )
    add_connection(parser)
    parser.set_defaults(act=_act)


async def _act(args: argparse.Namespace) -> int:
    kernel = await find(args.connection)
    async with attached(kernel) as kc:
        talk = Conversation(kc, kernel)
        with on_interrupt(talk.interrupt):
            return await talk.go_on(await _typist(kc, kernel, talk))


async def _typist(kc: ConKernelClient, kernel: Kernel, talk: Conversation) -> Typist:
    helper = Helper(kc)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        from .lines import Lines

        return Lines(helper)
    from .prompting import Terminal

    try:
        info = await ask_info(kc)
    except ReplyTimeout:
        info = dict[str, Any]()
    language: object = info.get("language_info")
    named = cast("dict[str, Any]", language) if isinstance(language, dict) else {}
    about = " ".join(str(named[key]) for key in ("name", "version") if named.get(key))
    print(
        f"kernel {kernel.name}{about and f', {about}'}: "
        "Ctrl-C interrupts a cell, Ctrl-D leaves the kernel running"
    )
    lexer = str(named.get("pygments_lexer") or named.get("name") or "text")
    return Terminal(helper, await helper.history(HISTORY), lexer, talk.interrupt)


@contextmanager
def on_interrupt(act: Callable[[], None]) -> Generator[None]:
    """Call `act` in the loop at each Ctrl-C, rather than end the program."""
    loop = asyncio.get_running_loop()
    before = signal.getsignal(signal.SIGINT)
    try:
        loop.add_signal_handler(signal.SIGINT, act)
    except NotImplementedError:  # Windows
        signal.signal(signal.SIGINT, lambda _number, _frame: _soon(loop, act))
    try:
        yield
    finally:
        with suppress(NotImplementedError):
            loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before)


def _soon(loop: asyncio.AbstractEventLoop, act: Callable[[], None]) -> None:
    loop.call_soon_threadsafe(act)


class Conversation:
    """
    Cells, one after the other, and what they do.

    Args:
        kc: A client of the kernel, with open channels.
        kernel: The kernel.
    """

    def __init__(self, kc: ConKernelClient, kernel: Kernel) -> None:
        self._kc = kc
        self._kernel = kernel
        self._run: Run | None = None  # while it goes on
        self._question: asyncio.Task[str | None] | None = None  # while it is open
        self._stop: asyncio.Task[None] | None = None  # an interrupt under way
        self._is_swallowed = False  # whether an interrupt of this run had no effect
        self._left = asyncio.Event()  # Ctrl-C, where there is nothing more to interrupt
        self._late: deque[tuple[Run, Iterator[Any]]] = deque(maxlen=REMEMBERED)
        self._number: int | None = None  # of the next cell
        self._draft = ""
        self._is_ended = False  # set when a cell asks to leave
        self._is_line_open = False  # whether a prompt would stand behind what was printed

    @property
    def is_idle(self) -> bool:
        """Whether no cell runs, or waits for the kernel."""
        return self._run is None

    async def go_on(self, typist: Typist) -> int:
        """
        Run what `typist` types until there is no more.

        Returns:
            0; 1 if a cell of a script raised, or the kernel ended; 130 if Ctrl-C ended a script
            between cells.
        """
        is_good = True
        late = self._kc.subscribe(self._show_late, channel="iopub", msg_type=SHOWN)
        try:
            while not self._is_ended:
                cell = await self._unless_left(typist.cell(self._number, self._draft))
                if self._left.is_set():
                    return INTERRUPTED
                if cell is None or cell.strip() in LEAVING:
                    break
                self._draft = ""
                if cell.strip():
                    is_good &= await self._do(cell, typist)
                if self._is_line_open and typist.is_terminal:
                    put("\n")
                self._is_line_open = False
        finally:
            late.close()
        return 0 if is_good or (typist.is_terminal and not self._is_ended) else 1

    async def _unless_left(self, typed: Any) -> str | None:
        reading = asyncio.ensure_future(typed)
        leaving = asyncio.ensure_future(self._left.wait())
        try:
            await asyncio.wait([reading, leaving], return_when=asyncio.FIRST_COMPLETED)
            return await reading if reading.done() else None
        finally:
            leaving.cancel()
            reading.cancel()

    async def _do(self, cell: str, typist: Typist) -> bool:
        """Run a cell; tell whether it raised nothing."""

        async def ask(question: InputRequest) -> str | None:
            self._question = asyncio.ensure_future(typist.answer(question))
            try:
                return await self._question
            finally:
                self._question = None

        self._is_swallowed = False
        self._left.clear()
        run = self._run = self._kc.run(cell, on_output=self._show, on_stdin=ask)
        over = asyncio.create_task(_finished(run))
        leaving = asyncio.create_task(self._left.wait())
        try:
            await asyncio.wait([over, leaving], return_when=asyncio.FIRST_COMPLETED)
            if not over.done():
                run.detach()
                self._left.clear()
                return False
            result = await over
            return result is not None and self._note(result, run)
        except KernelRestartedError:
            _say("the kernel was restarted: its variables are gone, and the cell did not finish")
            self._number = None
            return False
        except DeadKernelError as error:
            _say(f"kernel {self._kernel.name} has ended: {_ending(error)}")
            self._is_ended = True
            return False
        finally:
            self._run = None
            for task in (over, leaving, self._question, self._stop):
                if task is not None:
                    task.cancel()

    def _note(self, result: Result, run: Run) -> bool:
        """Take note of what a cell has left: its number, what it asks the front end to do."""
        self._late.append((run, _news(run.late)))
        if result.execution_count is not None:
            self._number = result.execution_count + 1
        if result.error is not None and not any(
            output["output_type"] == "error" for output in result.outputs
        ):
            put(f"{result.error.text}\n", sys.stderr)
        content: Mapping[str, Any] = result.reply["content"] if result.reply else {}
        payloads: object = content.get("payload")
        for payload in cast("list[object]", payloads) if isinstance(payloads, list) else []:
            if isinstance(payload, dict):
                self._heed(cast("dict[str, Any]", payload))
        return result.status == "ok"

    def _heed(self, payload: Mapping[str, Any]) -> None:
        """Do what a cell asks of its front end."""
        match payload.get("source"):
            case "page":  # `name?`
                data: object = payload.get("data")
                if isinstance(data, dict):
                    put(f"{cast('dict[str, Any]', data).get('text/plain', '')}\n")
            case "set_next_input":  # `%load`
                self._draft = str(payload.get("text") or "")
            case "ask_exit":  # by `exit()` amid a cell, after which the kernel ends itself
                self._is_ended = True
            case _:
                pass

    def _show(self, event: Event) -> None:
        if isinstance(event, Stream):
            self._is_line_open = not event.text.endswith("\n")
        elif isinstance(event, Display | ExecuteResult | ErrorOutput):
            self._is_line_open = False
        show(event)

    def _show_late(self, _message: object) -> None:
        """Show what cells print after their end, as their threads do."""
        for _run, news in self._late:
            for event in iter(lambda news=news: next(news), None):
                show(event)

    def interrupt(self) -> None:
        """Interrupt the cell that runs; where none does, or that had no effect, leave."""
        if self._run is None or self._is_swallowed:
            self._left.set()
        elif self._stop is None or self._stop.done():
            self._stop = asyncio.ensure_future(self._interrupt(self._run))

    async def _interrupt(self, run: Run) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                if await run.interrupt():
                    return
            why = "the cell goes on in spite of it"
        except (TimeoutError, NotInterruptibleError):
            why = await self._signal(run)
        if not run.done() and why:
            self._is_swallowed = True
            _say(f"{why}; Ctrl-C once more leaves it running")

    async def _signal(self, run: Run) -> str:
        """Interrupt a kernel that does not answer; gives why it cannot be, or ""."""
        if not run.started:
            return "the cell waits for another client's, which `conkernel interrupt` ends"
        try:
            await signal_interrupt(self._kernel)
        except NotInterruptibleError as error:
            return str(error)
        return ""


def _ending(error: DeadKernelError) -> str:
    """Give what happened, in words for a person rather than a program."""
    ended_by = error.result.ended_by if isinstance(error.result, Result) else None
    return ended_by or "it closed its connections, and did not come back"


async def _finished(run: Run) -> Result | None:
    """Give its result; None if an interrupt came before the kernel had it."""
    try:
        return await run
    except asyncio.CancelledError:
        if not run.cancelled():
            raise
        return None


def _news(events: list[Any]) -> Iterator[Any]:
    """Give what is added to `events` from now on; None as long as there is nothing."""
    seen = 0
    while True:
        while seen < len(events):
            seen += 1
            yield events[seen - 1]
        yield None


def _say(text: str) -> None:
    put(f"conkernel: {text}\n", sys.stderr)
