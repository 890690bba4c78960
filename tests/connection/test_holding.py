"""A request waits for a kernel that is not there yet, for so long and among so many."""

from __future__ import annotations

import asyncio

import pytest
from conkernelclient.connection.holding import Holding

from conkernelclient import errors
from conkernelclient.state.window import Call, Window
from tests.clients import until


def entry(failed: list[Exception], msg_id: str = "m") -> Call:
    return Call(lambda: None, failed.append, msg_id=msg_id)


def held_by(window: Window, timeout: float | None) -> Holding:
    holding = Holding(window, max_messages=2)
    holding.timeout, holding.describe = timeout, lambda: "it is still starting"
    window.is_held = True
    return holding


async def test_whose_time_is_over_fails_and_was_never_sent() -> None:
    """With what was waited for; the others wait on."""
    window, failed = Window(), list[Exception]()
    holding = held_by(window, 0.0)
    holding.hold(entry(failed), asyncio.get_running_loop())
    holding.timeout = 100.0
    late = entry(failed, "late")
    holding.hold(late, asyncio.get_running_loop())
    await until(lambda: failed)
    assert list(window.held) == [late]
    (error,) = failed
    assert isinstance(error, errors.ReadyTimeout)
    assert "it is still starting. The request was never sent" in str(error)
    assert error.msg_id == "m"
    holding.clear()


async def test_without_a_limit_nobody_looks_at_the_clock() -> None:
    """It waits for any time."""
    window = Window()
    holding = held_by(window, None)
    holding.hold(entry([]), asyncio.get_running_loop())
    assert holding._timer is None
    assert len(window.held) == 1


def test_without_a_loop_the_next_one_looks_at_the_clock() -> None:
    """A request may be made before any loop runs."""
    window, failed = Window(), list[Exception]()
    holding = held_by(window, 0.0)
    holding.hold(entry(failed), None)
    assert not failed

    async def serve() -> None:
        holding.watch(asyncio.get_running_loop())
        await until(lambda: failed)

    asyncio.run(serve())
    assert not window.held


def test_too_many_are_refused() -> None:
    """With what to do."""
    window = Window()
    holding = held_by(window, None)
    for _ in range(2):
        holding.check_room()
        holding.hold(entry([]), None)
    with pytest.raises(errors.BacklogFullError, match="wait_for_ready"):
        holding.check_room()
