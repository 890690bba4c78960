"""
How do cells that await trio run beside an event loop of asyncio?

Trio is a guest of the main loop: its steps are callbacks there. A cell is a system task of trio, in
the context of its lane, with a cancel scope of its own, which a stop cancels.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import contextvars
    from collections.abc import Coroutine

__all__ = ["MissingTrioError", "TrioHost"]

log: Final = logging.getLogger(__name__)


class MissingTrioError(RuntimeError):
    """The kernel is to run cells that await trio, which is not installed."""


class TrioHost:
    """
    Trio, as a guest of an event loop.

    Raises MissingTrioError.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            import trio
        except ImportError:
            raise MissingTrioError(
                "a kernel of trio cells needs trio: pip install 'conkernelclient[trio]'"
            ) from None
        self._trio: Any = trio
        self.Cancelled: type[BaseException] = trio.Cancelled
        self._stop: Any = None
        self._token: Any = None
        self._waiting: list[TrioTask] = []
        self.is_over: bool = False
        trio.lowlevel.start_guest_run(
            self._main,
            run_sync_soon_threadsafe=loop.call_soon_threadsafe,
            done_callback=self._done,
        )

    async def _main(self) -> None:
        self._stop = self._trio.Event()
        self._token = self._trio.lowlevel.current_trio_token()
        for task in self._waiting:
            self._begin(task)
        self._waiting.clear()
        await self._stop.wait()

    def _done(self, outcome: Any) -> None:
        self.is_over = True
        try:
            outcome.unwrap()
        except BaseException:
            log.exception("trio has ended: no cell runs from now on")

    def spawn(self, coroutine: Coroutine[Any, Any, None], context: contextvars.Context) -> TrioTask:
        """Run a coroutine as a task of trio. In the loop's thread."""
        task = TrioTask(self, coroutine, context)
        if self._token is None:
            self._waiting.append(task)
        else:
            self._token.run_sync_soon(self._begin, task)
        return task

    def _begin(self, task: TrioTask) -> None:
        self._trio.lowlevel.spawn_system_task(task.run, self._trio, context=task.context)

    def run_soon(self, function: Any, *args: Any) -> None:
        """Call a function amid trio's steps."""
        self._token.run_sync_soon(function, *args)

    def close(self) -> None:
        """End trio, when the cells that run have been cancelled."""
        if self._token is not None:
            self._token.run_sync_soon(self._stop.set)


class TrioTask:
    """A task of trio, with what the kernel needs of a task of asyncio."""

    def __init__(
        self, host: TrioHost, coroutine: Coroutine[Any, Any, None], context: contextvars.Context
    ) -> None:
        self.context: contextvars.Context = context
        self._host = host
        self._coroutine = coroutine
        self._scope: Any = None
        self._is_done = False

    async def run(self, trio: Any) -> None:
        """Run the coroutine to its end, or to its cancellation."""
        try:
            with trio.CancelScope() as self._scope:
                await self._coroutine
        except BaseException:
            log.exception("a cell goes wrong in the kernel")
        finally:
            self._is_done = True

    def done(self) -> bool:
        """Whether it has ended."""
        return self._is_done

    def cancel(self) -> None:
        """Cancel what it awaits."""
        if self._scope is not None:
            self._host.run_soon(self._scope.cancel)
