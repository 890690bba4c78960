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
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = [
    "CellTimeoutError",
    "Guard",
    "MainGuard",
    "OutputLimitError",
    "Stepped",
    "ThreadGuard",
]

pause: Final = time.sleep  # as it is before `interruptible_sleep`
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
        is_in_step: Whether the thread may be in the code, and is not in its event loop: `Stepped`.
        why: What a stop raises, once one was asked for.
    """

    __slots__ = ("_raised_at", "depth", "is_in_step", "is_pending", "level", "thread", "why")

    def __init__(self) -> None:
        self.thread: int = threading.get_ident()
        self.level: int = 0
        self.depth: int = 0
        self.is_pending: bool = False
        self.is_in_step: bool = True
        self.why: BaseException | None = None
        self._raised_at = -APART

    @property
    def is_asked(self) -> bool:
        """Whether a stop was ever asked for."""
        return self.why is not None

    @property
    def _is_due(self) -> bool:
        return self._is_due_at(0)

    def _is_due_at(self, depth: int) -> bool:
        is_open = self.is_pending and self.is_in_step and self.level > 0 and self.depth == depth
        return is_open and time.monotonic() - self._raised_at >= APART

    def _taken(self) -> BaseException:
        """Give what is to be raised, once."""
        self.is_pending = False
        self._raised_at = time.monotonic()
        assert self.why is not None
        return self.why

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

    def end_step(self) -> None:
        """Leave the code for the event loop, as often as one likes."""
        raise NotImplementedError

    def has_raised(self, error: BaseException) -> bool:
        """Whether this is the stop that arose the last time."""
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
    is_in_step: bool
    is_pending: bool
    why: BaseException | None

    def ask(self, why: BaseException) -> None:
        """Ask for a stop; a signal and the event loop bring it about."""
        self.why = why
        self.is_pending = True

    def strike(self) -> None:
        """Raise here, if this is the cell's own code. For a signal's handler."""
        if self._is_due:
            raise self._taken()

    def enter(self) -> int:
        """Begin with the cell's own code."""
        before = self.level
        try:
            self.level = before + 1
            self.strike()
        except BaseException:
            self.level = before
            raise
        return before

    def leave(self, before: int) -> None:
        """End with the cell's own code."""
        self.level = before

    def end_step(self) -> None:
        """Leave the code for the event loop."""
        self.is_in_step = False

    def has_raised(self, error: BaseException) -> bool:
        """Whether this is the stop that arose the last time."""
        return error is self.why

    def mask(self) -> None:
        """Let a stop wait."""
        self.depth += 1

    def unmask(self) -> None:
        """Let a stop wait no longer."""
        self.depth -= 1
        if self._is_due:
            raise self._taken()


RAISE_IN: Final = ctypes.pythonapi.PyThreadState_SetAsyncExc
RAISE_IN.argtypes = (ctypes.c_ulong, ctypes.py_object)
NOTHING: Final = ctypes.py_object()  # what was thrown, and has not arrived, never does


class ThreadGuard(Guard):
    """
    For code in another thread, into which an exception is thrown between two of its steps.

    Who asks holds a lock while it looks and throws. The thread itself never takes that lock, as an
    exception that arrived there would leave it locked: it shuts the guard first, then waits until
    nobody holds the lock, and takes back what is on its way. A thread that sleeps is woken; other
    calls that block go on until they return.
    """

    __slots__ = ("_has_arrived", "_is_thrown", "_lock", "_woken")

    level: int
    depth: int
    is_in_step: bool
    is_pending: bool
    why: BaseException | None

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._is_thrown = False
        self._has_arrived: BaseException | None = None  # the last one
        self._woken = threading.Event()

    def ask(self, why: BaseException) -> None:
        """Ask for a stop, from another thread. One that is on its way does for both."""
        with self._lock:
            if self._is_thrown:
                return
            self.why = why
            self.is_pending = True
            self._woken.set()

            def arrived(_kind: type[BaseException], *again: Any) -> BaseException:
                # A tracing Python makes it once more, out of what it has made.
                return why if again else self._arrived(why)

            thrown = type(type(why).__name__, (type(why),), {"__new__": arrived})
            if self._is_due:
                self.is_pending, self._is_thrown = False, True
                RAISE_IN(self.thread, thrown)

    def _arrived(self, why: BaseException) -> BaseException:
        """Give what is raised, as it arrives. In the thread itself."""
        self._is_thrown = False
        self._has_arrived = why
        self._raised_at = time.monotonic()
        return why

    def enter(self) -> int:
        """Begin with the cell's own code."""
        before = self.level
        try:
            self.level = before + 1
            if self.is_pending:
                self._raise_here()
        except BaseException:
            self._shut(before, self.depth)
            raise
        return before

    def leave(self, before: int) -> None:
        """End with the cell's own code: nothing is thrown into this thread afterwards."""
        self._shut(before, self.depth)

    def mask(self) -> None:
        """Let a stop wait."""
        self._shut(self.level, self.depth + 1)

    def unmask(self) -> None:
        """Let a stop wait no longer."""
        self.depth -= 1
        if self._is_due:
            self._raise_here()

    def end_step(self) -> None:
        """Leave the code for the event loop, as often as one likes."""
        self._shut(self.level, self.depth, is_in_step=False)

    def has_raised(self, error: BaseException) -> bool:
        """Whether this is what was thrown the last time."""
        return error is self._has_arrived

    def _raise_here(self) -> None:
        """Raise the stop that waits, and that nobody throws meanwhile."""
        self._shut(self.level, self.depth + 1)
        why = self._taken()
        self.depth -= 1
        raise why

    def _shut(self, level: int, depth: int, *, is_in_step: bool = True) -> None:
        """Change the guard; what was thrown and is on its way becomes pending again."""
        while True:
            try:
                self.level, self.depth, self.is_in_step = level, depth, is_in_step
                while self._lock.locked():
                    pause(0)
                if self._is_thrown:
                    RAISE_IN(self.thread, NOTHING)
                    self._is_thrown, self.is_pending = False, True
            except BaseException as error:
                if not self.has_raised(error):
                    raise
                self.is_pending = True  # it arrived here
            else:
                return

    def sleep(self, seconds: float) -> None:
        """Sleep, until a stop."""
        until = time.monotonic() + seconds
        self.mask()
        try:
            while (left := until - time.monotonic()) > 0 and not self._is_due_at(1):
                self._woken.clear()
                self._woken.wait(min(left, APART) if self.is_pending else left)
        finally:
            self.unmask()


class Stepped(Coroutine[Any, Any, Any]):
    """
    A coroutine in whose steps a guard lets a stop arise, and never in the event loop between them.

    The loop's own code runs in the context of the task: a stop amid its `call_soon` would cost the
    task its next step, and the cell would hang for good. What arrives just before or after a step
    is thrown into the coroutine, where it awaits.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, Any], guard: Guard) -> None:
        self._coroutine = coroutine
        self._guard = guard

    def __getattr__(self, name: str) -> Any:
        return getattr(self._coroutine, name)

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._coroutine.__await__()

    def send(self, value: Any) -> Any:
        """Take a step."""
        return self._step(self._coroutine.send, value)

    def throw(self, *error: Any) -> Any:
        """Take a step that begins with an error."""
        return self._step(self._coroutine.throw, *error)

    def close(self) -> None:
        """End it, where it awaits."""
        self._coroutine.close()

    def _step(self, do: Callable[..., Any], *args: Any) -> Any:
        guard = self._guard
        try:
            try:
                guard.is_in_step = True
                return do(*args)
            finally:
                guard.end_step()
        except BaseException as error:
            guard.end_step()  # a stop may have come amid the first
            if not guard.has_raised(error) or self._has_ended:
                raise
            return self._step(self._coroutine.throw, error)

    @property
    def _has_ended(self) -> bool:
        return getattr(self._coroutine, "cr_frame", None) is None
