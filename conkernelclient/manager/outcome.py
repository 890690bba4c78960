"""
How does a caller that waits for a start, restart or shutdown learn of its end, in whatever loop?

`ready` of a manager is a future of one loop, or of none where it is asked for outside of a loop.
What is asked for in another one follows it, and ends as it does.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["Outcome"]

Future: TypeAlias = "asyncio.Future[None] | concurrent.futures.Future[None]"


class Outcome:
    """What comes of what a manager does with its kernel: of the last of it, or what is next."""

    def __init__(self) -> None:
        self._future: Future | None = None

    def ready(self) -> Future:
        """Give a future that ends as that does; in a loop, one that may be awaited there."""
        if self._future is None:
            self._future = _new_future()
        if not self._future.done() and _running_loop() and _is_of_another_loop(self._future):
            here = _new_future()  # awaited here, one of another loop is an error
            _let_follow(here, self._future)
            return here
        return self._future

    @contextmanager
    def of_what_follows(self) -> Generator[None, None, None]:
        """Let it be that of the body, also for the callers that wait already."""
        before = self._future
        if before is None or before.done() or _is_of_another_loop(before):
            self._future = _new_future()
        future = self._future
        assert future is not None
        if before is not None and before is not future:
            _let_follow(before, future)
        try:
            yield
        except asyncio.CancelledError:
            future.cancel()
            raise
        except BaseException as error:
            if not future.done():
                future.set_exception(error)
                future.exception()  # the caller knows it
            raise
        if not future.done():  # a caller that awaited it with a timeout has cancelled it
            future.set_result(None)


def _new_future() -> Future:
    try:
        return asyncio.get_running_loop().create_future()
    except RuntimeError:
        return concurrent.futures.Future()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _is_of_another_loop(outcome: Future) -> bool:
    return isinstance(outcome, asyncio.Future) and outcome.get_loop() is not _running_loop()


def _let_follow(
    one: Future,
    other: Future | None,
) -> None:
    """Let `one`, unless it is done, end as `other` does, each in its own loop."""

    def end(done: Any) -> None:
        if isinstance(one, asyncio.Future):
            with suppress(RuntimeError):  # that loop is closed
                one.get_loop().call_soon_threadsafe(copy, done)
        else:
            copy(done)

    def copy(done: Any) -> None:
        if one.done():
            return
        if done.cancelled():
            one.cancel()
        elif (error := done.exception()) is not None:
            one.set_exception(error)
            one.exception()
        else:
            one.set_result(None)

    if isinstance(other, asyncio.Future):
        with suppress(RuntimeError):
            other.get_loop().call_soon_threadsafe(other.add_done_callback, end)
    elif other is not None:
        other.add_done_callback(end)
