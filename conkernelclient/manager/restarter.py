"""
Is a kernel that died started again, and which callbacks are called?

jupyter_client's restarters ask every three seconds, and only on tornado's loop; the succession
tells this one when the process ends, and it needs asyncio alone. Limits and callbacks are theirs.
"""

from __future__ import annotations

import inspect
import logging
import time
from typing import TYPE_CHECKING, Any, Final

from jupyter_client.restarter import KernelRestarter

from ..connection.waiting import Tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["ConKernelRestarter"]

logger: Final = logging.getLogger(__name__)


class ConKernelRestarter(KernelRestarter):
    """Restarts a kernel as soon as it dies, up to `restart_limit` times in a row."""

    _is_started = False
    _deaths = 0  # in a row, each within `stable_start_time` of the last start
    _started_at = 0.0
    _tasks: Tasks

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._tasks = Tasks(_complain)

    def start(self) -> None:
        """Restart the kernel from now on when it dies."""
        self._is_started = True
        self._started_at = time.monotonic()

    def stop(self) -> None:
        """Let a kernel that dies be dead."""
        self._is_started = False

    def wants_restart(self) -> bool:
        """Take note of a death; tells whether the kernel is to be restarted."""
        if not (self._is_started and self.kernel_manager.autorestart):
            return False
        was_stable = time.monotonic() - self._started_at >= self.stable_start_time
        self._deaths = 1 if was_stable else self._deaths + 1
        return self._deaths <= self.restart_limit

    async def restart(self) -> None:
        """Restart the kernel, and call the callbacks for that."""
        logger.info("restarting the kernel (%d of %d)", self._deaths, self.restart_limit)
        self.tell("restart")
        newports = self.random_ports_until_alive and self._deaths > 1
        await self.kernel_manager.restart_kernel(now=True, newports=newports)

    def tell(self, event: str) -> None:
        """Call the callbacks for "restart" or "dead"; coroutines run as tasks."""
        for callback in list(self.callbacks[event]):
            try:
                waiting = callback()
            except Exception:
                logger.exception("%s callback %r failed", event, callback)
                continue
            if inspect.iscoroutine(waiting):
                self._tasks.spawn(_guarded(waiting, callback))


async def _guarded(work: Coroutine[Any, Any, Any], callback: Callable[..., Any]) -> None:
    try:
        await work
    except Exception:
        logger.exception("callback %r failed", callback)


def _complain(error: BaseException) -> None:
    logger.error("a callback failed: %r", error, exc_info=error)
