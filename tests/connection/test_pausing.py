"""A request waits for a kernel that is not there yet, for so long and among so many."""

from __future__ import annotations

import asyncio

import pytest

from conkernelclient import errors
from conkernelclient.connection.pausing import Pausing
from conkernelclient.state.window import Call, Window
from tests.clients import until


def entry(failed: list[Exception], msg_id: str = "m") -> Call:
    return Call(lambda: None, failed.append, msg_id=msg_id)


def paused_by(window: Window, timeout: float | None) -> Pausing:
    pausing = Pausing(window, max_messages=2)
    pausing.timeout, pausing.describe = timeout, lambda: "it is still starting"
    window.is_paused = True
    return pausing


async def test_whose_time_is_over_fails_and_was_never_sent() -> None:
    """With what was waited for; the others wait on."""
    window, failed = Window(), list[Exception]()
    pausing = paused_by(window, 0.0)
    pausing.pause(entry(failed), asyncio.get_running_loop())
    pausing.timeout = 100.0
    late = entry(failed, "late")
    pausing.pause(late, asyncio.get_running_loop())
    await until(lambda: failed)
    assert list(window.paused) == [late]
    (error,) = failed
    assert isinstance(error, errors.ReadyTimeout)
    assert "it is still starting. The request was never sent" in str(error)
    assert error.msg_id == "m"
    pausing.clear()


async def test_without_a_limit_nobody_looks_at_the_clock() -> None:
    """It waits for any time."""
    window = Window()
    pausing = paused_by(window, None)
    pausing.pause(entry([]), asyncio.get_running_loop())
    assert pausing._timer is None
    assert len(window.paused) == 1


def test_without_a_loop_the_next_one_looks_at_the_clock() -> None:
    """A request may be made before any loop runs."""
    window, failed = Window(), list[Exception]()
    pausing = paused_by(window, 0.0)
    pausing.pause(entry(failed), None)
    assert not failed

    async def serve() -> None:
        pausing.watch(asyncio.get_running_loop())
        await until(lambda: failed)

    asyncio.run(serve())
    assert not window.paused


def test_too_many_are_refused() -> None:
    """With what to do."""
    window = Window()
    pausing = paused_by(window, None)
    for _ in range(2):
        pausing.check_room()
        pausing.pause(entry([]), None)
    with pytest.raises(errors.BacklogFullError, match="wait_for_ready"):
        pausing.check_room()
