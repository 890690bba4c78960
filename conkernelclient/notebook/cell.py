"""
How does a cell run in another kernel, from its start to its value or its failure?

In the foreground it shows what comes, asks what is asked, and hands an interrupt on. In the
background it gives a `BackgroundRun` at once.
"""

from __future__ import annotations

import asyncio
import getpass
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from IPython.core.error import StdinNotImplementedError

from conkernelclient.errors import ConKernelError
from conkernelclient.events import InputRequest

from .background import BackgroundRun
from .failing import failure_of, failure_of_result, interrupt_of, not_begun
from .feed import Feed
from .screen import Screen

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from conkernelclient import Result
    from conkernelclient.outputs.result import Event
    from conkernelclient.outputs.widgets import States

    from .kernels import Held, Kernels
    from .screen import Shown
    from .thread import LoopThread

__all__ = ["Cell", "Wanted"]

PATIENCE: Final = 5.0  # seconds in which an interrupted cell has to end
REPEATED: Final = (
    1.0  # seconds in which an interrupt is the same one: kernels and clients repeat it
)
END_OF_FILE: Final = "\x04"
BEGUN_ANEW: Final = "kernel {!r} had ended; a fresh one was started, its variables are gone\n"
NO_INPUT: Final = "kernel {!r} asks for input, and there is nobody here to ask: it gets EOFError\n"


@dataclass(frozen=True, slots=True)
class Wanted:
    """
    What a cell asks for.

    Attributes:
        name: The kernel's name here.
        code: What is run.
        spec: The kernelspec; None: the one of that name.
        existing: The connection file of a kernel that runs.
        timeout: Seconds that the code may run; None: any time.
    """

    name: str
    code: str
    spec: str | None = None
    existing: str | None = None
    timeout: float | None = None


class Cell:
    """
    One cell that runs in another kernel.

    Args:
        shell: IPython's.
        thread: Where the kernels' clients live.
        kernels: They.
        wanted: What is run, and where.

    Attributes:
        result: What came of it, also if it failed; None if it never ran.
    """

    def __init__(self, shell: Any, thread: LoopThread, kernels: Kernels, wanted: Wanted) -> None:
        self.result: Result | None = None
        self._shell = shell
        self._thread = thread
        self._kernels = kernels
        self._wanted = wanted
        self._feed = Feed(thread)
        self._is_given_up = False

    def start(self) -> BackgroundRun:
        """
        Run it in the background.

        Raises:
            UsageError: There is no such kernel.
            ConKernelError: It does not start.
        """
        wanted = self._wanted

        async def begin() -> BackgroundRun:
            held = await self._get()
            held.current = run = held.client.run(wanted.code, timeout=wanted.timeout)
            self._feed.run = run
            return BackgroundRun(run, wanted.name, self._thread)

        return self._call(begin)

    def run(self) -> Shown | None:
        """
        Run it to its end, and show what it shows.

        Returns:
            Its value.

        Raises:
            UsageError: There is no such kernel.
            KeyboardInterrupt: It was interrupted, here and there.
            ExecutionError: Its code failed; of a class of that name.
            ConKernelError: It timed out, or its kernel does not start or has ended.
        """
        wanted, feed = self._wanted, self._feed
        held = self._call(self._begin)
        screen = Screen(self._shell, held.place, self._states)
        if held.is_fresh_after:
            held.is_fresh_after = False
            sys.stderr.write(BEGUN_ANEW.format(wanted.name))
        try:
            self._follow(screen)
        except BaseException as error:
            self._interrupt(screen)
            self.result = self._outcome()
            if not isinstance(error, KeyboardInterrupt):
                raise
            raise interrupt_of(self.result, wanted.name) from None
        if feed.error is not None:
            self.result = getattr(feed.error, "result", None)
            raise failure_of(feed.error, wanted.name) from None
        self.result = feed.result
        assert self.result is not None
        if self.result.status != "ok":
            raise failure_of_result(self.result, wanted.name, wanted.timeout) from None
        return screen.value

    def _call(self, begin: Callable[[], Awaitable[Any]]) -> Any:
        """Begin in the loop; an error of ours is one line."""

        async def work() -> Any:
            return await begin()

        try:
            return self._thread.call(work())
        except ConKernelError as error:
            raise failure_of(error, self._wanted.name) from None
        except KeyboardInterrupt:
            self._thread.post(self._give_up)
            raise not_begun(self._wanted.name) from None

    async def _begin(self) -> Held:
        wanted, feed = self._wanted, self._feed
        held = await self._get()
        run = held.client.run(wanted.code, timeout=wanted.timeout, on_stdin=feed.answer)
        held.current = run
        feed.attend(run)
        return held

    async def _get(self) -> Held:
        wanted = self._wanted
        held = await self._kernels.get(wanted.name, wanted.spec, wanted.existing)
        if self._is_given_up:
            raise asyncio.CancelledError
        return held

    def _give_up(self) -> None:
        """Run it no more, in the loop: whoever was interrupted may have been about to call it."""
        self._is_given_up = True
        if self._feed.run is not None:
            self._feed.run.cancel()

    def _follow(self, screen: Screen, until: float | None = None) -> None:
        """Show what comes, to the end, or until that time."""
        for events in self._feed.batches():
            self._show(screen, events)
            if until is not None and time.monotonic() > until:
                return
        screen.refresh()

    def _show(self, screen: Screen, events: list[Event]) -> None:
        begin = 0
        for place, event in enumerate(events):
            if isinstance(event, InputRequest):
                screen.show(events[begin:place])
                begin = place + 1
                self._feed.give(self._ask(event))
        screen.show(events[begin:])
        screen.refresh()

    def _ask(self, question: InputRequest) -> str:
        """Ask who sits here."""
        try:
            if question.password:
                return getpass.getpass(question.prompt)
            return input(question.prompt)
        except EOFError:
            return END_OF_FILE
        except StdinNotImplementedError:
            sys.stderr.write(NO_INPUT.format(self._wanted.name))
            return END_OF_FILE

    def _interrupt(self, screen: Screen) -> None:
        """Interrupt the run, and show what it still says; one more interrupt ends the wait."""
        run = self._feed.run
        assert run is not None

        async def interrupt() -> None:
            await run.interrupt()

        began = time.monotonic()
        self._thread.post(lambda: self._thread.keep(interrupt()))
        while True:
            try:
                return self._follow(screen, began + PATIENCE)
            except KeyboardInterrupt:
                if time.monotonic() - began > REPEATED:
                    return None

    def _outcome(self) -> Result | None:
        """Give what came of an interrupted run; None if the kernel goes on with it."""
        run, feed = self._feed.run, self._feed
        assert run is not None
        if feed.result is not None:
            return feed.result
        result = self._thread.ask(lambda: run.outcome)
        return result if self._thread.ask(lambda: run.done()) else None

    def _states(self) -> States | None:
        run = self._feed.run
        return None if run is None else self._thread.ask(lambda: run.outcome.widgets)
