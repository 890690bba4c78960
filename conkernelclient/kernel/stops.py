"""
How is code that runs made to stop, where it stands, and nowhere else?

A guard knows whether its cell's own code runs: only there an exception may arise. What the kernel
does for that code, such as sending what it prints, is masked: a stop waits until it is done. One
`ask` raises once.
"""

from __future__ import annotations

import ctypes
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from .cells import CURRENT

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = [
    "CellTimeoutError",
    "Guard",
    "MainGuard",
    "Masked",
    "OutputLimitError",
    "ThreadGuard",
    "interruptible_sleep",
    "masked",
]

APART: Final = 0.05  # seconds between two exceptions raised in one cell


class CellTimeoutError(KeyboardInterrupt):
    """A cell ran longer than its `timeout`. As an interrupt it passes `except Exception`."""


class OutputLimitError(KeyboardInterrupt):
    """A cell's output grew beyond the kernel's limit."""


class Guard:
    """
    What stands between a cell's code and what stops it.

    Attributes:
        thread: The thread in which the code runs.
        level: How many times the code was entered: a magic may run cells in a cell.
        depth: How many masks are on.
        is_pending: Whether a stop was asked for, and not raised yet.
        why: What a stop raises, once one was asked for.
    """

    __slots__ = ("_raised_at", "depth", "is_pending", "level", "thread", "why")

    def __init__(self) -> None:
        self.thread: int = threading.get_ident()
        self.level: int = 0
        self.depth: int = 0
        self.is_pending: bool = False
        self.why: BaseException | None = None
        self._raised_at = -APART

    @property
    def is_asked(self) -> bool:
        """Whether a stop was ever asked for."""
        return self.why is not None

    @property
    def _is_due(self) -> bool:
        is_open = self.is_pending and self.level > 0 and not self.depth
        return is_open and time.monotonic() - self._raised_at >= APART

    def _raise(self) -> None:
        self.is_pending = False
        self._raised_at = time.monotonic()
        assert self.why is not None
        raise self.why

    def ask(self, why: BaseException) -> None:
        """Ask for a stop, from any thread."""
        raise NotImplementedError

    def enter(self) -> int:
        """Begin with the cell's own code; a stop that was asked for before is raised at once."""
        raise NotImplementedError

    def leave(self, before: int) -> None:
        """End with the cell's own code; `before` is what `enter` gave."""
        raise NotImplementedError

    def mask(self) -> None:
        """Let a stop wait."""
        raise NotImplementedError

    def unmask(self) -> None:
        """Let a stop wait no longer."""
        raise NotImplementedError

    def take(self) -> bool:
        """Take the stop, for a task to be cancelled in its place: whether there was one."""
        is_taken = self.is_pending and self.level > 0
        if is_taken:
            self.is_pending = False
        return is_taken


class MainGuard(Guard):
    """For code in the main thread, where a signal's handler may raise, and nothing else does."""

    __slots__ = ()

    level: int
    depth: int
    is_pending: bool
    why: BaseException | None

    def ask(self, why: BaseException) -> None:
        """Ask for a stop; a signal and the event loop bring it about."""
        self.why = why
        self.is_pending = True

    def strike(self) -> None:
        """Raise here, if this is the cell's own code. For a signal's handler."""
        if self._is_due:
            self._raise()

    def enter(self) -> int:
        """Begin with the cell's own code."""
        before = self.level
        self.level = before + 1
        if self._is_due:
            self.level = before
            self._raise()
        return before

    def leave(self, before: int) -> None:
        """End with the cell's own code."""
        self.level = before

    def mask(self) -> None:
        """Let a stop wait."""
        self.depth += 1

    def unmask(self) -> None:
        """Let a stop wait no longer."""
        self.depth -= 1
        if self.is_pending and self._is_due:
            self._raise()


RAISE_IN: Final = ctypes.pythonapi.PyThreadState_SetAsyncExc
RAISE_IN.argtypes = (ctypes.c_ulong, ctypes.py_object)


class ThreadGuard(Guard):
    """
    For code in another thread, into which an exception is thrown between two of its steps.

    A lock keeps what is thrown out of the kernel's own code. A thread that sleeps is woken; other
    calls that block go on until they return.
    """

    __slots__ = ("_is_asleep", "_is_thrown", "_lock", "_woken", "is_inside")

    level: int
    depth: int
    is_pending: bool
    why: BaseException | None

    def __init__(self, is_inside: Callable[[], bool]) -> None:
        super().__init__()
        self.is_inside: Callable[[], bool] = is_inside
        """Whether the thread is in a step of the code, and not in its event loop."""
        self._lock = threading.Lock()
        self._is_thrown = False
        self._is_asleep = False
        self._woken = threading.Event()

    def ask(self, why: BaseException) -> None:
        """Ask for a stop, from another thread."""
        with self._lock:
            self.why = why
            self.is_pending = True
            if self._is_asleep:
                self._woken.set()
            elif self._is_due and self.is_inside():
                self.is_pending = False
                self._is_thrown = True
                self._raised_at = time.monotonic()
                RAISE_IN(self.thread, type(why))

    def enter(self) -> int:
        """Begin with the cell's own code."""
        with self._lock:
            before = self.level
            if not self.is_pending:
                self.level = before + 1
                return before
        self._raise()
        return before

    def leave(self, before: int) -> None:
        """End with the cell's own code: nothing is thrown into this thread afterwards."""
        self._shut(level=before)

    def mask(self) -> None:
        """Let a stop wait."""
        self._shut(depth=self.depth + 1)

    def unmask(self) -> None:
        """Let a stop wait no longer."""
        with self._lock:
            self.depth -= 1
            is_due = self._is_due
        if is_due:
            self._raise()

    def _shut(self, *, level: int | None = None, depth: int | None = None) -> None:
        """Change the guard; what was thrown and is on its way becomes pending again."""
        is_shut = False
        while not is_shut:
            try:
                with self._lock:
                    if self._is_thrown:
                        RAISE_IN(self.thread, None)
                        self._is_thrown, self.is_pending = False, True
                    self.level = self.level if level is None else level
                    self.depth = self.depth if depth is None else depth
                    is_shut = True
            except BaseException:  # it arrived here
                self._is_thrown, self.is_pending = False, True

    def arrived(self) -> None:
        """Note that what was thrown has arrived."""
        self._is_thrown = False

    def sleep(self, seconds: float) -> None:
        """Sleep, until a stop."""
        with self._lock:
            self._is_asleep = not self.is_pending
            self._woken.clear()
        if self._is_asleep:
            self._woken.wait(seconds)
        with self._lock:
            self._is_asleep = False
            is_due = self._is_due
        if is_due:
            self._raise()


class Masked:
    """What the kernel does for a cell's code, as a whole."""

    __slots__ = ("_guard",)

    def __enter__(self) -> None:
        cell = CURRENT.get()
        guard = cell.guard if cell is not None else None
        # A thread that the code started itself is never stopped.
        self._guard = guard if guard is not None and guard.thread == threading.get_ident() else None
        if self._guard is not None:
            self._guard.mask()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._guard is not None:
            self._guard.unmask()


def masked() -> Masked:
    """Let a stop of the cell whose code runs here wait until the block has ended."""
    return Masked()


def interruptible_sleep() -> Callable[[], None]:
    """
    Let a stop end `time.sleep` in the kernel's threads, as a signal does in the main thread.

    Returns what undoes it.
    """
    sleep = time.sleep

    def sleep_until_stopped(seconds: Any, /) -> None:
        cell = CURRENT.get()
        guard = cell.guard if cell is not None else None
        if isinstance(guard, ThreadGuard) and guard.thread == threading.get_ident() and seconds > 0:
            guard.sleep(seconds)
        else:
            sleep(seconds)

    sleep_until_stopped.__name__ = "sleep"
    sleep_until_stopped.__doc__ = sleep.__doc__
    time.sleep = sleep_until_stopped

    def undo() -> None:
        time.sleep = sleep

    return undo
