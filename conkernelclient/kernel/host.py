"""
How does a kernel live in a program that is not its own, and leave nothing behind?

It takes what a kernel of its own process has to itself, such as `sys.stdout` and the handler of
interrupts, only for what its cells do, and gives back what it took.
"""

from __future__ import annotations

import asyncio
import builtins
import faulthandler
import getpass
import os
import pdb
import signal
import sys
import threading
import traceback
from typing import TYPE_CHECKING, Any, Final

from . import cells
from .app import ConKernelApp
from .cells import CURRENT
from .kernel import ConKernel
from .streams import Stream
from .workers import make_task

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping
    from types import TracebackType

__all__ = ["Changes", "HostedApp", "HostedKernel", "HostedStream"]

ABSENT: Final = object()
JOINED: Final = 10.0  # seconds that a thread is waited for that was told to end


class Changes:
    """
    What a start changed in some namespaces.

    Args:
        places: The namespaces, as they are before.
    """

    def __init__(self, *places: MutableMapping[str, Any]) -> None:
        self._places = [(place, dict(place)) for place in places]
        self._changed: list[tuple[MutableMapping[str, Any], str, Any, Any]] | None = None

    @classmethod
    def of_process(cls, *more: MutableMapping[str, Any]) -> Changes:
        """Look at all that a kernel changes in its process."""
        modules = (builtins, sys, getpass, faulthandler, pdb)
        return cls(os.environ, *map(vars, modules), *more)

    def note(self) -> None:
        """Note what has changed by now."""
        self._changed = [
            (place, name, before.get(name, ABSENT), place.get(name, ABSENT))
            for place, before in self._places
            for name in {*before, *place}
            if not _is_same(before.get(name, ABSENT), place.get(name, ABSENT))
        ]

    def undo(self) -> None:
        """Put back what was there, unless something else has come in its place meanwhile."""
        if self._changed is None:
            self.note()
        for place, name, before, put in self._changed or ():
            if not _is_same(place.get(name, ABSENT), put):
                continue
            if before is ABSENT:
                place.pop(name, None)
            else:
                place[name] = before


def _is_same(one: Any, other: Any) -> bool:
    return one is other or (isinstance(one, str) and isinstance(other, str) and one == other)


class HostedStream(Stream):
    """What the cells print to; what the program itself prints goes where it went before."""

    def __init__(self, session: Any, thread: Any, name: str, **options: Any) -> None:
        super().__init__(session, thread, name, **{**options, "watchfd": False})
        self._host: Any = getattr(sys, name)

    @property
    def _is_of_host(self) -> bool:
        return CURRENT.get() is None or self.pub_thread is None

    def write(self, string: Any) -> int:
        """Write text."""
        return self._host.write(string) if self._is_of_host else super().write(string)

    def flush(self) -> None:
        """Send what was written."""
        if self._is_of_host:
            self._host.flush()
        else:
            super().flush()

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._host.isatty() if self._is_of_host else super().isatty()

    def fileno(self) -> int:
        """Give the program's descriptor."""
        return self._host.fileno()

    @property
    def buffer(self) -> Any:
        """What takes the program's bytes."""
        return self._host.buffer


class HostedKernel(ConKernel):
    """A kernel whose process has other things to do."""

    owns_process: bool = False

    callbacks: set[Callable[[], object]]
    """Called at each interrupt; set before the start."""
    on_asked_to_end: Callable[[], object]
    """Set before the start."""
    on_idle: Callable[..., object] | None = None
    """Takes the SIGINTs that stop no cell; None: what did before the start."""

    def start(self) -> None:
        """Take messages from now on; interrupts without a cell that runs are the program's."""
        host = self._host_loop = asyncio.get_running_loop()
        factory: Any = host.get_task_factory()
        handler: Any = signal.getsignal(signal.SIGINT)
        super().start()
        stopper = self.jobs.stopper
        stopper.callbacks = self.callbacks
        stopper.on_idle = self.on_idle or (handler if callable(handler) else _ignore)
        if factory is not None:

            def make(loop: Any, coroutine: Any, **options: Any) -> Any:
                maker = factory if CURRENT.get() is None else make_task
                return maker(loop, coroutine, **options)

            host.set_task_factory(make)
        self._host_factory = factory

    def leave(self) -> None:
        """Tell the program that a front end has asked the kernel to end."""
        self.on_asked_to_end()

    def _process_children(self) -> list[Any]:
        """Name no child processes to be ended: they are the program's."""
        return []

    def _send_interrupt_children(self) -> None:
        """Interrupt the cells, and not the process with its children."""
        for callback in list(self.callbacks):
            self.channels.call(callback)
        for cell in list(self.jobs.running.values()):
            self.jobs.stop(cell, KeyboardInterrupt())

    def end(self) -> None:
        """End the threads, and wait until they have."""
        workers = (*self.runner.workers._idle, *self.runner.subshells.values())
        super().end()
        self._host_loop.set_task_factory(self._host_factory)
        self._control_loop.call_soon_threadsafe(_cancel_all, self._control_loop)
        for thread in (self._language, *workers):
            thread.join(JOINED)

    def close_history(self) -> None:
        """Close the shell's history, and remove its files; the names of the cells stay."""
        shell: Any = self.shell
        if shell.history_manager is not None:
            shell.history_manager.end_session()
            shell.history_manager.close()
            shell.history_manager = None
        shell._atexit_once_called = True  # which would clear the program's namespace
        shell.atexit_operations()


def _ignore(*_signal: Any) -> None:
    """Do nothing, as the program does with the signal."""


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    for task in asyncio.all_tasks(loop):
        task.cancel()


class HostedApp(ConKernelApp):
    """The application of such a kernel."""

    outstream_class = "conkernelclient.kernel.host.HostedStream"

    def init_crash_handler(self) -> None:
        """Report what nobody catches to the real stderr, whoever's it is."""
        sys.excepthook = self.excepthook
        sys.unraisablehook = self.unraisablehook

    def excepthook(
        self, etype: type[BaseException], evalue: BaseException, tb: TracebackType | None
    ) -> None:
        """Report an exception that nobody caught."""
        traceback.print_exception(etype, evalue, tb, file=sys.__stderr__)

    def unraisablehook(self, unraisable: Any) -> None:
        """Report an exception that cannot be raised, such as one of a `__del__`."""
        words = unraisable.err_msg or "Exception ignored in"
        if sys.__stderr__ is not None:
            sys.__stderr__.write(f"{words}: {unraisable.object!r}\n")
        self.excepthook(unraisable.exc_type, unraisable.exc_value, unraisable.exc_traceback)

    def init_connection_file(self) -> None:
        """Find the connection file, or else one is written, which goes with the kernel."""
        super().init_connection_file()
        self._is_file_ours = not os.path.exists(self.abs_connection_file)

    def init_signal(self) -> None:
        """Leave the signals to the kernel's start."""

    def init_poller(self) -> None:
        """Do not end with the parent process: that is the program's business."""

    def init_path(self) -> None:
        """Leave `sys.path` as it is."""

    def configure_tornado_logger(self) -> None:
        """Leave logging as it is."""

    def reset_io(self) -> None:
        """Do nothing: what was changed is put back with all else."""

    def exit(self, exit_status: int | str | None = 0) -> None:
        """Fail, instead of ending the process."""
        raise RuntimeError(f"the kernel could not start ({exit_status}): its log says why")

    def end(self) -> None:
        """Give back all that the process lent."""
        hook = sys.unraisablehook
        for undo in reversed(vars(self).get("_undo", [])):
            undo()
        sys.unraisablehook = hook  # `Changes` puts back the program's
        if hasattr(self, "channels"):
            self.close()
        elif self.context is not None:  # the start failed early
            self.context.destroy(0)
        if self.heartbeat is not None and threading.current_thread() is not self.heartbeat:
            self.heartbeat.join(JOINED)
        if vars(self).get("_is_file_ours"):
            self.cleanup_connection_file()
        Stream.on_sent = None
        cells._latest[0] = None
