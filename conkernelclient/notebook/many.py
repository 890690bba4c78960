"""How does a program wait for many runs, and see how far they are?"""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar, overload

from .bars import Tally, bar_for

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Sequence

    from .bars import Bar

__all__ = ["progress"]

SHOWN: Final = 40  # characters of the code that runs

T = TypeVar("T")


@overload
async def progress(
    runs: Iterable[Awaitable[T]],
    *,
    label: str = "",
    return_exceptions: Literal[False] = False,
    bar: Bar | None = None,
) -> list[T]: ...
@overload
async def progress(
    runs: Iterable[Awaitable[T]],
    *,
    label: str = "",
    return_exceptions: Literal[True],
    bar: Bar | None = None,
) -> list[T | BaseException]: ...
async def progress(
    runs: Iterable[Awaitable[Any]],
    *,
    label: str = "",
    return_exceptions: bool = False,
    bar: Bar | None = None,
) -> list[Any]:
    """
    Wait for all of `runs`, and show how many have ended, how many of them well, and which one runs.

    Args:
        runs: Of `kc.run()`, or anything else that can be awaited.
        label: Stands before the bar.
        return_exceptions: Whether what a run raises, such as `DeadKernelError`, is in the list in
            its place. An error of a run's code is a `Result` in any case.
        bar: Shows it; None: tqdm in a notebook, rich in a terminal (extra `[rich]`), or whichever
            of them is there; nothing where stderr is neither.

    Returns:
        Their results, in the order of `runs`, as `asyncio.gather` gives them.

    Raises:
        BaseException: What the first of them raised, when all have ended.
        TypeError: One of them cannot be awaited; none was begun.

    A run that fails ends no other one. Cancelling this cancels those that go on, and closes the
    bar.
    """
    futures = _futures(list(runs))
    if not futures:
        return []
    tally = Tally(len(set(futures)))
    shown = bar_for(tally.total, label) if bar is None else bar
    try:
        await _follow(futures, tally, shown)
    finally:
        shown.close()
    if return_exceptions:
        return [_ending(it) or it.result() for it in futures]
    return [it.result() for it in futures]


def _futures(runs: Sequence[Awaitable[Any]]) -> list[asyncio.Future[Any]]:
    for place, run in enumerate(runs):
        if not inspect.isawaitable(run):
            raise TypeError(f"runs[{place}] is {run!r}, which cannot be awaited: give kc.run(...)")
    return [asyncio.ensure_future(run) for run in runs]


async def _follow(futures: Sequence[asyncio.Future[Any]], tally: Tally, bar: Bar) -> None:
    """Wait for all, and let the bar follow; a cancel cancels them, and waits for their ends."""
    waiting, all_ended = set(futures), asyncio.Event()

    def ended(future: asyncio.Future[Any]) -> None:
        waiting.discard(future)
        if not waiting:
            all_ended.set()
        tally.count(is_ok=_ending(future) is None and getattr(future.result(), "ok", True) is True)
        tally.current = _current(futures, tally)
        bar.show(tally)

    for future in waiting.copy():  # asyncio.wait refuses what is a coroutine as well
        future.add_done_callback(ended)
    try:
        tally.current = _current(futures, tally)
        bar.show(tally)
        await all_ended.wait()
    except BaseException:
        for future in futures:
            future.cancel()
        await all_ended.wait()
        raise


def _ending(future: asyncio.Future[Any]) -> BaseException | None:
    """Give what it raised; None if it has a result."""
    return asyncio.CancelledError() if future.cancelled() else future.exception()


def _current(futures: Sequence[asyncio.Future[Any]], tally: Tally) -> str:
    """Give the first line of the code of the first that goes on."""
    while tally.first < len(futures) and futures[tally.first].done():
        tally.first += 1
    if tally.first == len(futures):
        return ""
    code = str(getattr(futures[tally.first], "code", "")).strip().partition("\n")[0]
    return code if len(code) <= SHOWN else code[: SHOWN - 1] + "…"
