"""A step that was begun is done, also if the task that asked for it is cancelled."""

from __future__ import annotations

import asyncio

import pytest

from conkernelclient.manager.finishing import to_its_end


@pytest.mark.parametrize("times", [1, 3])
async def test_a_cancelled_task_goes_on_to_the_end_of_the_step_and_is_cancelled_then(
    times: int,
) -> None:
    """However often, as by a timeout within a timeout: another step may begin only then."""
    is_inside, may_end, steps = asyncio.Event(), asyncio.Event(), list[str]()

    async def step() -> None:
        is_inside.set()
        await may_end.wait()
        steps.append("done")

    task = asyncio.ensure_future(to_its_end(step()))
    await is_inside.wait()
    for _ in range(times):
        task.cancel()
        await asyncio.sleep(0.01)  # whatever a cancel sets off has happened
        assert not task.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert steps == ["done"]


async def test_a_step_that_is_cancelled_itself_is_at_its_end() -> None:
    """As when a loop ends, which cancels all of its tasks."""
    never = asyncio.get_running_loop().create_future()
    task = asyncio.ensure_future(to_its_end(never))
    await asyncio.sleep(0)
    never.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 1)


async def test_what_the_step_raises_is_raised() -> None:
    """As if it had been awaited itself."""

    async def step() -> None:
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        await to_its_end(step())


async def test_a_cancelled_task_whose_step_fails_is_cancelled_and_the_failure_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nobody is left who could be told of it."""
    is_inside, may_end = asyncio.Event(), asyncio.Event()

    async def step() -> None:
        is_inside.set()
        await may_end.wait()
        raise OSError("no room")

    task = asyncio.ensure_future(to_its_end(step()))
    await is_inside.wait()
    task.cancel()
    await asyncio.sleep(0)
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [record.getMessage() for record in caplog.records] == [
        "what was cancelled had failed as well: OSError('no room')"
    ]
