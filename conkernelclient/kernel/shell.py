"""
What of the shell belongs to one cell, while several run?

All that `ZMQInteractiveShell` keeps about the cell that runs stands with the cell here: its number,
its result, its traceback, its payloads, where it shows. Names, history and magics are the shell's.
"""

from __future__ import annotations

import asyncio
import bdb
import os
import sys
import threading
from contextvars import ContextVar
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from .cells import CURRENT, ON_BEHALF, Cell, act_for, current
from .compat import PayloadManager, ZMQDisplayPublisher, ZMQInteractiveShell, ZMQShellDisplayHook
from .figures import watching
from .formats import Formatter
from .history import History
from .magics import awaited, run_awaiting
from .masking import masked
from .streams import REPLACED
from .transforms import has_default_transforms, transformed
from .views import Views

if TYPE_CHECKING:
    from contextvars import Token
    from types import CodeType

    from .stops import Guard
    from .wire import Wire

__all__ = ["DISPLAY_PUB", "ConShell"]

DISPLAY_PUB: Final[ContextVar[Any]] = ContextVar("conkernel_display_pub", default=None)
HELD_OPEN: Final = 1000

OURS: Final = f"{__package__}."
HANDLER: Final = f"{OURS}stopper"  # the module whose code a signal runs amid a cell's


def kept_per_cell(name: str, default: Any) -> Any:
    """Give a property that each cell has for itself; outside of cells there is one more."""
    outside: dict[str, Any] = {}

    def place() -> dict[str, Any]:
        cell = CURRENT.get()
        return outside if cell is None else cell.kept

    def read(_self: Any) -> Any:
        found = place()
        if name not in found:
            found[name] = default() if callable(default) else default
        return found[name]

    def write(_self: Any, value: Any) -> None:
        place()[name] = value

    return property(read, write)


def parent_of_cell() -> Any:
    """Give a property that is the header of the cell whose code runs here."""

    def read(_self: Any) -> dict[str, Any]:
        cell = current()
        return cell.header if cell is not None else {}

    return property(read, lambda _self, _value: None)


class DisplayHook(ZMQShellDisplayHook):
    """Publishes the result of each cell as its own."""

    follows_context: Final = True
    """It asks `REPLACED` what the code has put in its place."""
    wire: Wire | None = None
    """Set when the kernel starts."""
    parent_header: Any = parent_of_cell()
    msg: Any = kept_per_cell("result_message", None)
    exec_result: Any = kept_per_cell("exec_result", None)
    _is_active = kept_per_cell("is_displaying", default=False)

    @property
    def prompt_count(self) -> int:
        """The number of this cell."""
        cell = CURRENT.get()
        if cell is not None and "number" in cell.kept:
            return cell.kept["number"]
        return self.shell.execution_count - 1

    def quiet(self) -> bool:
        """Whether this cell ends with a semicolon."""
        cell = CURRENT.get()
        code = cell.kept.get("code") if cell is not None else None
        if code is None:
            base: Any = super()
            return base.quiet()
        if ";" not in code:  # to tokenize takes as long as all else
            return False
        return self.semicolon_at_end_of_expression(code)

    def __call__(self, result: Any = None) -> None:
        """Publish a result, or give it to what the code has put in the place of this."""
        other = REPLACED["displayhook"].get()
        if other is None or other is self:
            base: Any = super()
            base.__call__(result)
        else:
            other(result)

    def start_displayhook(self) -> None:
        """Begin with a result."""
        if self._hooks or self.wire is None:
            super().start_displayhook()
        else:  # a header is made when it is sent
            self.msg = {"content": {"data": {}, "metadata": {}}}

    def finish_displayhook(self) -> None:
        """Publish what was formatted."""
        with masked():
            message = self.msg
            if message is None or "header" in message or self.wire is None:
                super().finish_displayhook()
                return
            sys.stdout.flush()
            sys.stderr.flush()
            self.msg = None
            if message["content"]["data"]:
                cell = current()
                parent = cell.incoming.raw_header if cell is not None else b"{}"
                content, topic = message["content"], self.topic
                # In a third of the time that `Session.send` takes.
                frames = self.wire.pack("execute_result", content, parent, idents=[topic])
                self.pub_socket.send_multipart(frames)


class DisplayPublisher(ZMQDisplayPublisher):
    """Publishes what each cell displays as its own."""

    parent_header: Any = parent_of_cell()

    def publish(self, *args: Any, **kwargs: Any) -> None:
        """Publish a display."""
        with masked():
            super().publish(*args, **kwargs)

    def clear_output(self, wait: bool = False) -> None:
        """Clear what the cell has shown."""
        with masked():
            super().clear_output(wait)


class Payloads(PayloadManager):
    """Gathers each cell's payloads for itself."""

    _payload = kept_per_cell("payloads", list)


class ConShell(ZMQInteractiveShell):
    """IPython's shell, for cells that run at the same time."""

    displayhook_class = DisplayHook
    display_pub_class = DisplayPublisher

    cancellations: tuple[type[BaseException], ...] = (asyncio.CancelledError,)
    """What a cancelled cell is told by; trio has another one."""
    parent_header: Any = parent_of_cell()
    _last_traceback = kept_per_cell("traceback", None)
    _last_traceback_during_displayhook = kept_per_cell("failed_to_display", default=False)
    _last_shown = kept_per_cell("error_shown", None)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._count = 1
        self._count_lock = threading.RLock()
        self._traceback_lock = threading.RLock()  # what formats tracebacks has state of its own
        super().__init__(*args, **kwargs)
        # Held open, since two threads would race in their enter and exit; and that far, since
        # each race may cost a level.
        for _ in range(HELD_OPEN):
            self.builtin_trap.__enter__()
            self.display_trap.__enter__()

    def init_ipython_dir(self, ipython_dir: str | None) -> None:
        """Find IPython's directory; where that cannot be made, that of the kernel."""
        base: Any = super()
        try:
            base.init_ipython_dir(ipython_dir)
        except OSError:
            self.ipython_dir: str = os.path.dirname(self.parent.profile_dir.location)

    def init_events(self) -> None:
        """Make what calls back."""
        base: Any = super()
        base.init_events()
        self.events.register = watching(self.events.register)

    def init_magics(self) -> None:
        """Add the kernel's own magics."""
        super().init_magics()
        self.register_magics(Views)

    def init_history(self) -> None:
        """Make what keeps the history."""
        self.history_manager: Any = History(shell=self, parent=self)
        self.configurables.append(self.history_manager)

    def init_display_formatter(self) -> None:
        """Make what formats results and displays."""
        self.display_formatter: Any = Formatter(parent=self)
        self.configurables.append(self.display_formatter)

    def init_payload(self) -> None:
        """Make what gathers payloads."""
        self.payload_manager: Any = Payloads(parent=self)
        self.configurables.append(self.payload_manager)

    def transform_cell(self, raw_cell: str) -> str:
        """Give the Python of a cell, as IPython does, but for a magic whose body awaits."""
        is_default = has_default_transforms(self.input_transformer_manager)
        cell = transformed(raw_cell) if is_default else None
        if cell is None or self.input_transformers_post:
            base: Any = super()
            return awaited(self, base.transform_cell(raw_cell))
        if cell.find("\n") == len(cell) - 1:  # names of magics without a percent sign, macros
            cell = self.prefilter_manager.prefilter_lines(cell) + "\n"
        return cell

    # The number of a cell is taken once, before anything of it is awaited.

    @property
    def execution_count(self) -> int:
        """The number of the next cell; inside a cell, one more than its own."""
        cell = CURRENT.get()
        if cell is not None and "count" in cell.kept:
            return cell.kept["count"]
        return self._count

    @execution_count.setter
    def execution_count(self, value: int) -> None:
        cell = CURRENT.get()
        if cell is not None and "count" in cell.kept:
            is_own_step = value == cell.kept["count"] + 1
            cell.kept["count"] = value
            if is_own_step:  # `take_number` has counted it
                return
        self._count = value

    def take_number(self, cell: Cell, *, is_counted: bool) -> int:
        """Give a cell its number, once."""
        with self._count_lock:
            number = self._count
            if is_counted:
                self._count += 1
        cell.kept["count"] = number
        if is_counted:
            cell.kept["number"] = number
        return number

    # What code puts in the place of the shell's displays, as %%capture does, is its context's own.

    @property
    def display_pub(self) -> Any:
        """What publishes displays."""
        own = DISPLAY_PUB.get()
        return self.__dict__["display_pub"] if own is None else own

    @display_pub.setter
    def display_pub(self, value: Any) -> None:
        if CURRENT.get() is None or "display_pub" not in self.__dict__:
            self.__dict__["display_pub"] = value
        else:
            DISPLAY_PUB.set(None if value is self.__dict__["display_pub"] else value)

    def warm_up(self) -> None:
        """
        Format a traceback, which loads what that needs: 0.2 s of CPU the first time.

        One through `asyncio.sleep`, whose module is long: most interrupts are shown there.
        """
        sleep = asyncio.sleep(1)
        try:
            sleep.send(None)
        except RuntimeError:  # no loop runs in this thread
            with self._traceback_lock:
                self.InteractiveTB.structured_traceback(*sys.exc_info())

    def showtraceback(self, *args: Any, **kwargs: Any) -> None:
        """Show the traceback of what was raised."""
        with self._traceback_lock:
            super().showtraceback(*args, **kwargs)

    def _showtraceback(self, etype: Any, evalue: Any, stb: Any) -> None:
        with masked():
            super()._showtraceback(etype, evalue, stb)
            self._last_shown = evalue

    def _format_exception_for_storage(self, exception: BaseException, *args: Any) -> dict[str, Any]:
        """Give the error that `%notebook` writes: as it was shown, which took long to format."""
        if exception is self._last_shown:
            name, stb = type(exception).__name__, self._last_traceback
            return {"ename": name, "evalue": str(exception), "traceback": stb}
        with self._traceback_lock:
            base: Any = super()
            return base._format_exception_for_storage(exception, *args)

    async def run_awaiting_magic(self, name: str, line: str, body: str | None = None) -> Any:
        """Run a magic whose code awaits; transformed code calls it. Without a body: of a line."""
        return await run_awaiting(self, name, line, body)

    def set_parent(self, parent: dict[str, Any]) -> None:
        """Let the output of this code, and of what it starts, belong to another request."""
        act_for(parent)

    def set_thread_parent(self, parent: dict[str, Any]) -> Token[Cell | None]:
        """Do the same; returns what `reset_thread_parent` undoes it with."""
        return act_for(parent)

    def reset_thread_parent(self, tokens: Token[Cell | None]) -> None:
        """Let the output of this code belong to its own request again."""
        ON_BEHALF.reset(tokens)

    def get_parent(self) -> dict[str, Any]:
        """Give the message of the request of this code."""
        cell = current()
        return cell.parent if cell is not None else {}

    async def run_code(
        self, code_obj: CodeType, result: Any = None, *, async_: bool = False
    ) -> bool:
        """Run one statement, which may be stopped; whether it failed."""
        __tracebackhide__ = "__ipython_bottom__"
        cell = CURRENT.get()
        guard = cell.guard if cell is not None else None
        before = guard.level if guard is not None else 0
        try:
            try:
                if guard is not None:
                    before = guard.enter()
                if async_:
                    await eval(code_obj, self.user_global_ns, self.user_ns)
                else:
                    exec(code_obj, self.user_global_ns, self.user_ns)
            finally:
                if guard is not None:
                    guard.leave(before)
        except BaseException as error:
            if guard is not None:
                guard.leave(before)  # a stop may have come amid the first
            self._show_error(result, error, guard)
            return True
        return False

    def _is_stop(self, error: BaseException, why: BaseException) -> bool:
        """Whether it is the stop, or the task was cancelled by it, or all that it waited for."""
        if isinstance(error, BaseExceptionGroup):
            return all(self._is_stop(it, why) for it in _members(error))
        return error is why or isinstance(error, self.cancellations)

    def _show_error(self, result: Any, error: BaseException, guard: Guard | None) -> None:
        why = guard.why if guard is not None else None
        if why is not None and self._is_stop(error, why):
            # The stop itself, with the traceback of where the code was.
            task = asyncio.current_task() if isinstance(error, asyncio.CancelledError) else None
            if task is not None:
                task.uncancel()
            where = error.__traceback__
            if isinstance(error, BaseExceptionGroup) and why.__traceback__ is not None:
                where = why.__traceback__
            error = why.with_traceback(_without_ours(where))
        if result is not None:
            result.error_in_exec = error
        if isinstance(error, SystemExit):
            self.showtraceback(exception_only=True)
            sys.stderr.write("To exit: use 'exit', 'quit', or Ctrl-D.\n")
        elif isinstance(error, self.custom_exceptions):
            self.CustomTB(type(error), error, error.__traceback__)
        elif not isinstance(error, bdb.BdbQuit):
            traceback = _without_ours(error.__traceback__)
            if traceback is None:  # it was stopped before its first line; IPython formats none
                text = self.InteractiveTB.get_exception_only(type(error), error)
                self._showtraceback(type(error), error, text)
            else:
                self.showtraceback((type(error), error, traceback), running_compiled_code=True)


def _members(group: Any) -> tuple[BaseException, ...]:
    return group.exceptions


def _without_ours(traceback: TracebackType | None) -> TracebackType | None:
    """Leave out the kernel's own frames: what runs a cell's code, and what interrupts it."""
    kept: list[TracebackType] = []
    one = traceback
    while one is not None:
        module = one.tb_frame.f_globals.get("__name__", "")
        if module == HANDLER:  # and what it calls, which may be another one's, is below it
            break
        if not module.startswith(OURS):
            kept.append(one)
        one = one.tb_next
    one = None
    for it in reversed(kept):
        one = TracebackType(one, it.tb_frame, it.tb_lasti, it.tb_lineno)
    return one
