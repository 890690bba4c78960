"""
How does a program have a kernel inside of itself?

A front end then sees the program's own objects while it runs:

    async with EmbeddedKernel(user_ns={"app": app}) as kernel:
        print(kernel.connection_file)
        await kernel.wait()
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import sys
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

from traitlets.config import Application

from .compat import InteractiveShell
from .host import Changes, HostedApp, HostedKernel
from .shell import ConShell

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import Self

__all__ = ["EmbeddedKernel"]

log: Final = logging.getLogger(__name__)

SINGLETONS: Final[tuple[Any, ...]] = (HostedApp, HostedKernel, ConShell)
UNTIL_GIVEN_UP: Final = 5.0  # seconds that the end waits for cells that it stops
ONE: Final = threading.Lock()  # held by the kernel that is there, from its start to its end
LOOKS: Final = 0.005  # seconds between two looks whether they have ended


class EmbeddedKernel:
    """
    A kernel in the process of another program, once: from `async with` to its end, or for `run`.

    Its cells run in the event loop and the thread in which it is entered, between the steps of the
    program's own tasks; one that blocks holds the program up. Prints of cells go to their front
    end, those of the program where they always went. An interrupt stops the cells that run; where
    none does, it is the program's. At the end the cells that still run are stopped, and all that
    was changed in the process is as before.

    There is one kernel in a process at a time, and none beside a shell of IPython.

    Args:
        connection_file: Where it is written, or read if it is there; None: in Jupyter's directory.
        user_ns: The names that cells see, and change.
        options: Those of the command line, as "--ConKernel.default_mode=auto".

    Attributes:
        started: Set while it takes messages, and from then on. May be waited for in any thread.
        stopped: Set when it has ended.
    """

    def __init__(
        self,
        *,
        connection_file: str | os.PathLike[str] | None = None,
        user_ns: dict[str, Any] | None = None,
        options: Sequence[str] = (),
    ) -> None:
        self.started: threading.Event = threading.Event()
        self.stopped: threading.Event = threading.Event()
        self._connection_file = "" if connection_file is None else os.fspath(connection_file)
        self._user_ns = user_ns
        self._options = list(options)
        self._callbacks: set[Callable[[], object]] = set()
        self._stack = ExitStack()
        self._lock = threading.Lock()
        self._app: Any = None
        self._on_idle: Callable[..., object] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_asked = False

    # Of use while it runs

    @property
    def connection_file(self) -> str:
        """The path of the file with which front ends connect, once it has started."""
        return str(self._app.abs_connection_file)

    def on_interrupt(self, callback: Callable[[], object]) -> Callable[[], None]:
        """
        Call `callback()` at each interrupt of the kernel, in the thread of its sockets.

        Returns:
            What ends that.
        """
        self._callbacks.add(callback)
        return lambda: self._callbacks.discard(callback)

    async def wait(self) -> None:
        """Wait until a front end has asked it to end, or `stop` was called."""
        await self._end.wait()

    def stop(self) -> None:
        """Let `run` and `wait` return. From any thread, as often as one likes, also before."""
        with self._lock:
            self._is_asked = True
            if self._loop is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._end.set)

    # Its life

    def run(self) -> None:
        """
        Run it, and block until a front end asks it to end, `stop` is called, or Ctrl-C comes.

        It may be called in any thread that has no running event loop. Outside of the main thread
        cells run there, signals do not reach them, and an interrupt stops only cells that await:
        one that blocks runs on until it awaits or ends. Some libraries, such as those with windows,
        want the main thread.

        Raises:
            KeyboardInterrupt: An interrupt came while no cell ran.
        """
        with asyncio.Runner() as runner:
            loop = runner.get_loop()
            task = loop.create_task(self._serve())
            while not task.done():
                try:
                    loop.run_until_complete(task)
                except (KeyboardInterrupt, SystemExit):
                    if task.done() or not self.started.is_set():
                        raise
                    log.warning("a background task wanted to end the program; it goes on")

    async def _serve(self) -> None:
        interrupts: list[int] = []

        def interrupted(number: int, _frame: object) -> None:
            interrupts.append(number)
            self.stop()

        self._on_idle = interrupted
        async with self:
            await self.wait()
        if interrupts:
            raise KeyboardInterrupt

    async def __aenter__(self) -> Self:
        with self._lock:
            if self._loop is not None:
                raise RuntimeError("this kernel was started already: make another one")
            self._loop = asyncio.get_running_loop()
            self._end = asyncio.Event()
            if self._is_asked:
                self._end.set()
        if InteractiveShell.initialized() or not ONE.acquire(blocking=False):
            raise RuntimeError("this process has a kernel or a shell of IPython already")
        self._stack.callback(ONE.release)
        try:
            self._begin()
        except BaseException:
            self._stack.close()
            raise
        self.started.set()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self._stop_cells()
        finally:
            self._stack.close()
            self.stopped.set()

    def _begin(self) -> None:
        """Start it; what undoes each step is on the stack."""
        undo = self._stack.callback
        changes = Changes.of_process(*([] if self._user_ns is None else [self._user_ns]))
        undo(changes.undo)
        main = sys.modules["__main__"]
        # Libraries look for the application of the process; where the program is one, it stays so.
        app_class, kernel_class, shell_class = SINGLETONS
        make = app_class if Application.initialized() else app_class.instance
        self._app = app = make(
            kernel_class=kernel_class,
            connection_file=self._connection_file,
            user_ns=self._user_ns,
            parent_handle=1,  # or else the terminal is told how to connect
        )
        undo(app_class.clear_instance)
        undo(app.end)
        undo(atexit.unregister, app.cleanup_connection_file)
        undo(atexit.unregister, app.close)
        undo(kernel_class.clear_instance)
        undo(shell_class.clear_instance)
        try:
            app.initialize(self._options)
        finally:
            sys.modules["__main__"] = main
        kernel: Any = app.kernel
        undo(atexit.unregister, kernel.shell.atexit_operations)
        undo(kernel.close_history)
        kernel.callbacks, kernel.on_asked_to_end = self._callbacks, self.stop
        kernel.on_idle = self._on_idle
        kernel.start()
        undo(kernel.end)
        changes.note()

    async def _stop_cells(self) -> None:
        """Take no more messages, drop what waits, and stop what runs."""
        kernel: Any = self._app.kernel
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        deadline = time.monotonic() + UNTIL_GIVEN_UP

        def stop() -> None:
            for place in (None, *kernel.runner.subshells):
                kernel.jobs.end_place(place, "the kernel ends")
            look()

        def look() -> None:
            if kernel.jobs.running and time.monotonic() < deadline:
                kernel.channels.call_later(LOOKS, look)
            else:
                loop.call_soon_threadsafe(ended.set)

        for channel in ("shell", "control", "stdin"):
            kernel.channels.read(channel, _drop)
        kernel.channels.call(stop)  # in the thread in which the last message was taken
        await ended.wait()
        if kernel.jobs.running:
            log.warning("%d cells do not stop, and go on", len(kernel.jobs.running))
        await kernel.runner.end_trio(max(LOOKS, deadline - time.monotonic()))


def _drop(_frames: list[bytes]) -> None:
    """Take a message, and do nothing."""
