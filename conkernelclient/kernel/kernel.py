"""
What does the kernel do with each message?

The thread of the sockets reads it and hands it to where it runs: the scheduler of cells, the
language's thread, the main loop, the control thread; what takes no time it answers itself.
"""

from __future__ import annotations

import asyncio
import builtins
import contextvars
import gc
import getpass
import logging
import sys
import threading
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from tornado.ioloop import IOLoop
from traitlets import Any as AnyTrait
from traitlets import Enum, Integer

from . import parsing
from .answers import Answers, error_content
from .cells import CURRENT, Cell, act_for, current
from .channels import SocketOf
from .compat import IPythonKernel, StdinNotImplementedError
from .completing import looking, quicken_jedi, settle
from .debugging import LateDebugger
from .guis import MainLoop, as_channel_thread, keep_calling
from .jobs import Jobs
from .language import Language
from .modes import MODES, BadOptionError, Options, RunMode, options_of
from .parsing import Compiler
from .questions import Questions
from .request import Ending, Request
from .running import Runner
from .scheduler import Limits
from .shell import ConShell
from .stopper import DOES_NOT_STOP, Stopper
from .stops import MainGuard, OutputLimitError
from .subshells import Subshells
from .trio_host import TrioHost
from .wire import DELIMITER, Incoming, Wire
from .workers import make_task

if TYPE_CHECKING:
    from collections.abc import Callable

    from .channels import Channels

__all__ = ["ConKernel"]

log: Final = logging.getLogger(__name__)

FEATURES: Final = ("conkernel modes", "conkernel cancel", "conkernel timeout", "conkernel lanes")


class ConKernel(IPythonKernel):
    """
    IPython's kernel, whose cells run at the same time where they ask for it.

    Args:
        channels: The thread of the sockets.
        wire: What packs and unpacks messages.

    Attributes:
        owns_process: Whether nothing but this kernel runs here.
    """

    implementation = "conkernel"
    shell_class = ConShell
    compiler_class = Compiler
    debugger_class = LateDebugger
    owns_process: bool = True
    shell_stream: Any = AnyTrait()
    control_stream: Any = AnyTrait()

    library: Any = Enum(
        ["asyncio", "trio"], "asyncio", help="What cells of the main shell await."
    ).tag(config=True)
    default_mode: Any = Enum(
        ["queue", "auto"],
        "queue",
        help="How cells run that do not say it: one at a time, or as tasks if they await.",
    ).tag(config=True)
    thread_output: Any = Enum(
        ["starter", "latest"],
        "starter",
        help="Whose a thread's output is: the cell's that started it, or, as in ipykernel, that of "
        "the one that began last.",
    ).tag(config=True)
    max_running: Any = Integer(
        None, min=1, allow_none=True, help="Tasks and threads that run at the same time."
    ).tag(config=True)
    max_queued: Any = Integer(
        100_000, min=1, allow_none=True, help="Requests that wait; more are refused."
    ).tag(config=True)
    max_code: Any = Integer(
        10_000_000, allow_none=True, help="Characters of a cell's code; longer ones are refused."
    ).tag(config=True)
    max_output: Any = Integer(
        None, allow_none=True, help="Characters that one cell may print, before it is stopped."
    ).tag(config=True)

    def __init__(self, *, channels: Channels, wire: Wire, **options: Any) -> None:
        self.channels = channels
        self.wire = wire
        super().__init__(**options)
        settle()
        if self.owns_process:
            parsing.settle()
        self.shell.displayhook.wire = wire
        self.shell.history_manager.call_later = channels.call_later
        self._comms: deque[Cell] = deque()
        self._control_cell: Cell | None = None
        streams: tuple[Any, ...] = (sys.stdout, sys.stderr)
        self.answers: Answers = Answers(wire, channels, self.iopub_thread, self.ident, streams)
        engine = {"engine_uuid": self.ident, "engine_id": self.int_id}
        self.runner: Runner = Runner(self.shell, self.answers, channels, engine, self._fail)
        limits = Limits(self.max_running, self.max_queued)
        self.jobs: Jobs = Jobs(self.answers, channels, limits, self.runner.begin)
        self.runner.jobs = self.jobs
        subshells, make_worker = self.runner.subshells, self.runner.workers.make
        self._subshells = Subshells(self.answers, channels, self.jobs, subshells, make_worker)
        self._questions = Questions(self.answers, channels)
        self._language = Language(
            self.answers,
            {
                "complete_request": lambda c: self._complete(c["code"], c["cursor_pos"]),
                "inspect_request": self._inspect,
                "is_complete_request": lambda c: self.do_is_complete(c["code"]),
                "history_request": lambda c: self.do_history(**c),
            },
            self._warm_up,
        )
        self.runner.gives_way = self._language.goes_first
        self._direct: dict[str, Callable[[Cell], dict[str, Any] | None]] = {
            "kernel_info_request": lambda _cell: {"status": "ok", **self.kernel_info},
            "connect_request": lambda _cell: {"status": "ok", **self._recorded_ports},
            "comm_info_request": self._tell_comms,
            "interrupt_request": self._interrupt,
            "create_subshell_request": self._subshells.create,
            "delete_subshell_request": self._subshells.delete,
            "list_subshell_request": self._subshells.list,
            "list_requests": lambda _cell: {"status": "ok", "requests": self.jobs.list()},
        }

    # Start and end

    def start(self) -> None:
        """Take messages from now on."""
        self.shell.exit_now = False
        self.io_loop: Any = IOLoop.current()
        self.loop: asyncio.AbstractEventLoop = self.io_loop.asyncio_loop
        self.loop.set_task_factory(make_task)
        self.shell_channel_thread: Any = as_channel_thread(MainLoop(self.loop))
        trio = TrioHost(self.loop) if self.library == "trio" else None
        if trio is not None:
            self.shell.cancellations = (asyncio.CancelledError, trio.Cancelled)
        self.runner.open(self.loop, trio)
        self._control_lock = asyncio.Lock()
        stopper = Stopper(self.channels, self.loop, self.jobs.running.values, self._give_up)
        self.jobs.stopper = stopper
        self._uninstall = stopper.install()
        builtins.input, getpass.getpass = self.raw_input, self.getpass
        self._language.start()
        if self.debugpy_stream is not None:
            self.debugpy_stream.on_recv(self.dispatch_debugpy, copy=False)
            asyncio.run_coroutine_threadsafe(self.poll_stopped_queue(), self._control_loop)
        for channel in ("shell", "control"):
            self.channels.read(channel, partial(self.take, channel))
        self.channels.read("stdin", self._take_answer)
        self.answers.publish("status", {"execution_state": "starting"})

    def end(self) -> None:
        """End the threads that run cells."""
        self._uninstall()
        self._language.end()
        self.runner.close()

    def enter_eventloop(self) -> None:
        """Let a GUI's loop run in the main thread, whenever nothing else does."""
        base: Any = super()
        base.enter_eventloop()
        keep_calling(self.channels, self.loop, self, self.eventloop, self.jobs.running)

    @property
    def _control_loop(self) -> asyncio.AbstractEventLoop:
        return self.control_thread.io_loop.asyncio_loop

    # What comes, in the thread of the sockets

    def take(self, channel: str, frames: list[bytes]) -> None:
        """Take a message of a front end."""
        incoming = self._unpack(channel, frames)
        if incoming is None:
            return
        cell = Cell(incoming, channel)
        if channel == "control":
            self._control_cell = cell
        self._take(cell)

    def _take(self, cell: Cell, aborting: Cell | None = None) -> None:
        mode = MODES[cell.channel].get(cell.incoming.msg_type)
        if mode is RunMode.QUEUE:
            self._submit(cell, aborting)
        elif mode is RunMode.LANGUAGE:
            self._language.put(cell)
        elif mode is RunMode.COMM:
            self._comms.append(cell)
            self.loop.call_soon_threadsafe(self._take_comm)
        elif mode is RunMode.CONTROL:
            asyncio.run_coroutine_threadsafe(self._run_control(cell), self._control_loop)
        else:
            self._answer_at_once(cell)

    def _unpack(self, channel: str, frames: list[bytes]) -> Incoming | None:
        try:
            return self.wire.unpack(frames)
        except Exception as error:
            if DELIMITER in frames:
                log.warning("a message on %s cannot be read: %s", channel, error)
            return None

    def _answer_at_once(self, cell: Cell) -> None:
        self.answers.status(cell, "busy")
        msg_type = cell.incoming.msg_type
        handler = self._direct.get(msg_type)
        if handler is None:
            log.warning("a message of an unknown type on %s: %.100r", cell.channel, msg_type)
            content = error_content("UnknownMessage", f"no {msg_type[:100]} on {cell.channel}")
            if not msg_type.endswith("_request"):
                self.answers.status(cell, "idle")
                return
        else:
            try:
                content = handler(cell)
            except Exception as error:
                log.exception("the %s goes wrong", msg_type)
                content = error_content(type(error).__name__, str(error))
        if content is not None:  # or it is answered later
            self.answers.finish(cell, content)

    def _submit(self, cell: Cell, aborting: Cell | None) -> None:
        message = cell.incoming.message
        content, place = message["content"], message["header"].get("subshell_id")
        code = content.get("code")
        refusal = self._refusal_of(code, place)
        if refusal is not None:
            self.answers.refuse(cell, error_content(*refusal))
            return
        try:
            options = options_of(message["metadata"], code, self.default_mode)
        except BadOptionError as error:
            self.answers.refuse(cell, error_content("BadOptionError", str(error)))
            return
        cell.request = Request(
            cell.incoming.msg_id,
            self._decide_mode(options, code),
            place,
            stop_on_error=bool(content.get("stop_on_error", True)),
            payload=cell,
        )
        self.jobs.submit(cell, aborting)

    def _refusal_of(self, code: object, place: object) -> tuple[str, str] | None:
        """Tell the name and words of the error, if such a code cannot run in such a place."""
        if not isinstance(code, str):
            return "BadOptionError", "code: give a string"
        if self.max_code is not None and len(code) > self.max_code:
            words = f"the code has {len(code)} characters, and {self.max_code} are the most"
            return "CodeTooLargeError", words
        if place is not None and (not isinstance(place, str) or place not in self.runner.subshells):
            return "UnknownSubshellError", f"Unknown subshell_id {place!r:.200}"
        return None

    def _decide_mode(self, options: Options, code: str) -> Options:
        if not options.is_auto or ("await" not in code and "async" not in code):
            return options
        shell: Any = self.shell
        try:
            awaits = shell.should_run_async(code, transformed_cell=shell.transform_cell(code))
        except Exception:
            return options
        return options.as_task() if awaits else options

    def _fail(self, cell: Cell, content: dict[str, Any], started: float) -> None:
        """Answer a request that failed, and abort what was sent before that, in its lane."""
        self.channels.call(partial(self._fail_here, cell, content, started))

    def _fail_here(self, cell: Cell, content: dict[str, Any], started: float) -> None:
        # All that has come by now was sent before the front end could see the error, and nothing
        # that comes later was.
        came = [self._unpack("shell", frames) for frames in self.channels.drain("shell")]
        tell_aborted = self.jobs.abort(cell)
        self.answers.finish_cell(cell, content, started)
        tell_aborted()
        for incoming in came:
            if incoming is not None:
                self._take(Cell(incoming, "shell"), aborting=cell)
        self.runner.end(cell, Ending.ILL)

    # Stops

    def _interrupt(self, cell: Cell) -> dict[str, Any] | None:
        if cell.parent["content"].get("msg_ids") is not None:
            for frames in self.channels.drain("shell"):  # sent before, it may wait there
                self.take("shell", frames)
            return self.jobs.cancel(cell)
        self._send_interrupt_children()  # this process as well
        return {"status": "ok"}

    def _give_up(self, cell: Cell) -> None:
        self.answers.publish_for(cell, "stream", {"name": "stderr", "text": DOES_NOT_STOP})

    def count_output(self, cell: Cell, characters: int) -> None:
        """Note what a cell has printed, and stop one that prints too much."""
        cell.sent += characters
        if self.max_output is not None and cell.sent > self.max_output:
            words = f"the cell printed more than {self.max_output} characters"
            self.channels.call(lambda: self.jobs.stop(cell, OutputLimitError(words)))

    # Comms, in the main thread

    def _take_comm(self) -> None:
        cell = self._comms.popleft()
        cell.guard = MainGuard()
        cell.task = self.loop.create_task(self._run_comm(cell), context=contextvars.Context())

    async def _run_comm(self, cell: Cell) -> None:
        CURRENT.set(cell)
        self.answers.status(cell, "busy")
        handler = self.shell_handlers[cell.incoming.msg_type]
        try:
            result: Any = handler(
                SocketOf(self.channels, "shell"), cell.incoming.idents, cell.parent
            )
            if hasattr(result, "__await__"):
                await result
        except BaseException:
            log.exception("the %s goes wrong", cell.incoming.msg_type)
        self.answers.flush(cell)
        self.answers.status(cell, "idle")

    def _tell_comms(self, cell: Cell) -> dict[str, Any]:
        name = cell.parent["content"].get("target_name")
        comms = {
            comm_id: {"target_name": comm.target_name}
            for comm_id, comm in list(self.comm_manager.comms.items())
            if name is None or comm.target_name == name
        }
        return {"status": "ok", "comms": comms}

    # The language's thread

    def _complete(self, code: str, cursor: int | None) -> dict[str, Any]:
        quicken_jedi()
        with looking(self.shell.Completer, code[:cursor]):
            return self.do_complete(code, cursor)

    def _warm_up(self) -> bool:
        """Load what the first completion and the first traceback need, if no cell runs."""
        if self.jobs.running:
            return False
        self._complete("impor", 5)  # 0.4 s of CPU the first time, 0.02 later
        self.shell.warm_up()
        if self.owns_process and not self.jobs.has_begun:
            # What was loaded stays: a collection that looks through it takes 0.15 s.
            gc.collect()
            gc.freeze()
        return True

    def _inspect(self, content: dict[str, Any]) -> Any:
        return self.do_inspect(
            content["code"],
            content["cursor_pos"],
            content.get("detail_level", 0),
            set(content.get("omit_sections", ())),
        )

    # The control thread

    async def _run_control(self, cell: Cell) -> None:
        async with self._control_lock:
            CURRENT.set(cell)
            self.answers.status(cell, "busy")
            handler = self.control_handlers[cell.incoming.msg_type]
            socket = SocketOf(self.channels, cell.channel)
            try:
                await handler(socket, cell.incoming.idents, cell.parent)
            except Exception as error:
                log.exception("the %s goes wrong", cell.incoming.msg_type)
                self.answers.reply(cell, error_content(type(error).__name__, str(error)))
            self.answers.flush(cell)
            self.answers.status(cell, "idle")

    async def shutdown_request(self, _socket: Any, _idents: Any, parent: dict[str, Any]) -> None:
        """End the kernel: its child processes first, then its loop."""
        content: Any = self.do_shutdown(parent["content"].get("restart", False))
        if hasattr(content, "__await__"):  # a subclass may have to wait
            content = await content
        cell = CURRENT.get()
        assert cell is not None
        self.answers.reply(cell, content)
        self._shutdown_message: Any = self.session.msg("shutdown_reply", content, parent)
        await self._at_shutdown()
        self.leave()

    def leave(self) -> None:
        """Stop the loop, from any thread: the kernel has been asked to end."""
        self.loop.call_soon_threadsafe(self.loop.stop)

    def get_parent(self, channel: str | None = None) -> dict[str, Any]:
        """Give the message whose code runs here."""
        if channel is None and threading.current_thread() is self.control_thread:
            cell = CURRENT.get() or self._control_cell
        else:
            cell = self._control_cell if channel == "control" else current()
        return cell.parent if cell is not None else {}

    def set_parent(self, ident: Any, parent: dict[str, Any], channel: str = "shell") -> None:
        """Let the output of this code belong to another request."""
        if channel == "shell":
            act_for(parent)

    @property
    def _parent_ident(self) -> dict[str, list[bytes]]:
        """Who asked, by channel: front ends' extensions read it (jupyterlab issue 17785)."""
        asked = {"shell": current(), "control": self._control_cell}
        return {name: cell.incoming.idents if cell else [] for name, cell in asked.items()}

    @_parent_ident.setter
    def _parent_ident(self, value: Any) -> None:
        """Do nothing: it follows the code."""

    # What it has

    @property
    def _supports_kernel_subshells(self) -> bool:
        return True

    @property
    def kernel_info(self) -> dict[str, Any]:
        """What the kernel is and has."""
        base: Any = super()
        features: list[str] = base.kernel_info["supported_features"]
        return {**base.kernel_info, "supported_features": [*features, *FEATURES]}

    # Questions to the user

    def _take_answer(self, frames: list[bytes]) -> None:
        incoming = self._unpack("stdin", frames)
        if incoming is not None and incoming.msg_type == "input_reply":
            self._questions.take(incoming)

    def raw_input(self, prompt: object = "") -> str:
        """Ask the user of the front end that sent this code."""
        return self._ask("raw_input", prompt, is_password=False)

    def getpass(self, prompt: str = "", stream: Any = None, *, echo_char: str | None = None) -> str:
        """Ask for a password. `stream` and `echo_char` are those of a terminal."""
        return self._ask("getpass", prompt, is_password=True)

    def _ask(self, name: str, prompt: object, *, is_password: bool) -> str:
        cell = CURRENT.get() or current()
        if cell is None or not cell.allows_stdin:
            raise StdinNotImplementedError(
                f"{name} was called, but this frontend does not support input requests."
            )
        return self._questions.ask(cell, str(prompt), is_password=is_password)
