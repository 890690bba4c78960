"""
How does a run come to an end, whatever its code does?

It ends by itself, or its time is over, or its caller gives it up. In the last two cases it is
interrupted, and if it swallows that only the end of its kernel ends it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, NamedTuple

from conkernelclient.errors import ConKernelError

if TYPE_CHECKING:
    from collections.abc import Callable

    from conkernelclient import Result, Run

__all__ = ["Outcome", "attend"]

# Seconds. The interrupts of a run take 2.5, and one that hits code in C is seen when that returns.
PATIENCE: Final = 5.0


class Outcome(NamedTuple):
    """
    How a run ended.

    Attributes:
        result: What came of it, or had come until then.
        error: Why it could not come to its end; None if it did.
        is_stuck: It goes on in the kernel, which is to be ended: nothing else stops it.
    """

    result: Result
    error: ConKernelError | None = None
    is_stuck: bool = False


async def attend(
    run: Run,
    timeout: float | None,
    stopped: asyncio.Future[None],
    on_time_over: Callable[[], None],
) -> Outcome:
    """
    Wait until `run` ends, and see to it that it does.

    Args:
        run: A run of a client, without a timeout of its own.
        timeout: Seconds until `on_time_over` is called; None: it is never called.
        stopped: When it is done the run is interrupted.
        on_time_over: May set `stopped`, or let the run go on.

    Cancelling cancels the run.
    """
    ended = _end_of(run)
    try:
        await _first_of(ended, stopped, timeout)
        if not (run.done() or stopped.done()):
            on_time_over()
            await _first_of(ended, stopped, None)
        if not (run.done() or await _is_stopped(run, ended)):
            return Outcome(run.outcome, is_stuck=True)
        return await _ended(run)
    except asyncio.CancelledError:
        run.cancel()
        raise


def _end_of(run: Run) -> asyncio.Future[None]:
    """Give a future that is done when `run` is, and may be waited for without awaiting that."""
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def tell(_run: object) -> None:
        if not ended.done():
            ended.set_result(None)

    run.add_done_callback(tell)
    return ended


async def _first_of(
    ended: asyncio.Future[None], stopped: asyncio.Future[None], timeout: float | None
) -> None:
    await asyncio.wait((ended, stopped), timeout=timeout, return_when=asyncio.FIRST_COMPLETED)


async def _is_stopped(run: Run, ended: asyncio.Future[None]) -> bool:
    """Interrupt it; tells whether it has ended then, within some seconds."""
    try:
        async with asyncio.timeout(PATIENCE):
            await run.interrupt()
            await asyncio.wait((ended,))
    except (TimeoutError, ConKernelError, OSError):
        pass  # whether it has ended is to be seen
    return run.done()


async def _ended(run: Run) -> Outcome:
    try:
        return Outcome(await run)
    except ConKernelError as error:
        return Outcome(run.outcome, error)
    except asyncio.CancelledError:
        if not run.cancelled():
            raise
        return Outcome(run.outcome)  # interrupted before it was sent
