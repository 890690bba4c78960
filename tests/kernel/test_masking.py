"""A sleep ends at a stop, and what the kernel does for a cell is done as a whole."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from conkernelclient.kernel import stops
from conkernelclient.kernel.cells import CURRENT
from conkernelclient.kernel.masking import interruptible_sleep, masked
from conkernelclient.kernel.stops import MainGuard, ThreadGuard
from tests.kernel.parts import BOUND, Stepping, cell, until

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def sleeps() -> Iterator[None]:
    undo = interruptible_sleep()
    yield
    undo()


def sleeper(guard: ThreadGuard, seconds: float, naps: list[float]) -> Stepping:
    """A thread whose cell sleeps, and notes for how long."""
    sleeping = threading.Event()

    def code() -> None:
        one = cell()
        one.guard = guard
        CURRENT.set(one)
        guard.thread = threading.get_ident()
        before = guard.enter()
        began = time.monotonic()
        sleeping.set()
        try:
            time.sleep(seconds)
        finally:
            naps.append(time.monotonic() - began)
            guard.leave(before)

    stepping = Stepping(code)
    assert sleeping.wait(BOUND)
    return stepping


@pytest.mark.usefixtures("sleeps")
def test_a_stop_ends_a_sleep() -> None:
    """Within a blink, and with its words."""
    guard, naps = ThreadGuard(), []
    stepping = sleeper(guard, 1000, naps)
    until(lambda: guard.depth)
    why = KeyboardInterrupt("wake up")
    guard.ask(why)
    assert stepping.joined() is why
    assert naps[0] < BOUND


@pytest.mark.usefixtures("sleeps")
def test_a_sleep_is_as_long_as_it_was_asked_for() -> None:
    """Also beside a stop that cannot be raised yet."""
    guard, naps = ThreadGuard(), []
    guard.is_pending, guard.why = False, None
    stepping = sleeper(guard, 0.01, naps)
    assert stepping.joined() is None
    guard._raised_at = time.monotonic() + 1000  # as if the last one had just come
    stepping = sleeper(guard, 0.02, naps)
    guard.ask(KeyboardInterrupt())
    assert stepping.joined() is None
    assert naps[0] >= 0.01
    assert naps[1] >= 0.02


@pytest.mark.usefixtures("sleeps")
def test_others_sleep_as_before() -> None:
    """No cell, another thread's cell, nothing to sleep, a wrong argument."""
    time.sleep(0.0)
    one = cell()
    one.guard = ThreadGuard()
    one.guard.thread = 0
    token = CURRENT.set(one)
    time.sleep(0.0)
    one.guard.thread = threading.get_ident()
    time.sleep(0)
    with pytest.raises(ValueError, match="non-negative"):
        time.sleep(-1)
    with pytest.raises(TypeError):
        time.sleep("1")  # type: ignore[arg-type]
    CURRENT.reset(token)
    assert time.sleep.__name__ == "sleep"
    assert time.sleep.__doc__ == stops.pause.__doc__


def test_a_sleep_is_the_process_s_own_again_after_undo() -> None:
    """As the kernel ends."""
    before = time.sleep
    undo = interruptible_sleep()
    assert time.sleep is not before
    undo()
    assert time.sleep is before


# Masks


def test_masked_masks_the_guard_of_this_code_alone() -> None:
    """A thread that the code started has its cell, and is never stopped."""
    with masked():
        pass
    one = cell()
    one.guard = MainGuard()
    token = CURRENT.set(one)
    with masked(), masked():
        assert one.guard.depth == 2
    assert one.guard.depth == 0
    one.guard.thread = 0
    with masked():
        assert one.guard.depth == 0
    CURRENT.reset(token)


def test_a_masked_block_ends_before_the_stop_is_raised() -> None:
    """It is done as a whole."""
    one = cell()
    one.guard = guard = MainGuard()
    token = CURRENT.set(one)
    guard.enter()
    done = []
    with pytest.raises(KeyboardInterrupt):  # noqa: SIM117 - the block is what is looked at
        with masked():
            guard.ask(KeyboardInterrupt())
            guard.strike()
            done.append(1)
    assert done == [1]
    CURRENT.reset(token)
