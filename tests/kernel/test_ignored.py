"""A stop that Python ignores, since it arises where nothing may be raised, is raised again."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import pytest

from conkernelclient.kernel.cells import CURRENT
from conkernelclient.kernel.ignored import raise_ignored_stops
from conkernelclient.kernel.stops import MainGuard
from tests.clients import client_of
from tests.kernel.parts import cell

from .conftest import begun, cancelled, ended, printing, raw, value_of

if TYPE_CHECKING:
    from conkernelclient import ConKernelManager

SOON: Final = 2.0  # seconds
IGNORING: Final = {
    "a __del__": """
class It:
    def __del__(self):
        print("begun", flush=True)
        time.sleep(60)
It()
""",
    "a callback of the collector": """
import gc
def wait(phase, info):
    if not done:
        done.append(phase)
        print("begun", flush=True)
        time.sleep(60)
done = []
gc.callbacks.append(wait)
try:
    gc.collect()
finally:
    gc.callbacks.remove(wait)
""",
    "a callback of a weak reference": """
import weakref
class It: pass
def wait(_reference):
    print("begun", flush=True)
    time.sleep(60)
it = It()
reference = weakref.ref(it, wait)
del it
""",
}
THEN: Final = {"loop": "while True: pass", "await": "await asyncio.sleep(60)"}


@pytest.mark.parametrize("mode", ["queue", "task", "thread"])
@pytest.mark.parametrize("then", THEN.values(), ids=THEN.keys())
@pytest.mark.parametrize("code", IGNORING.values(), ids=IGNORING.keys())
async def test_a_cell_ends_although_its_stop_was_ignored(
    km: ConKernelManager, code: str, then: str, mode: str
) -> None:
    """Soon, with the error of a stop, and without a report of what was ignored."""
    async with client_of(km) as kc:
        await raw(kc, "import time, asyncio")
        run = await printing(kc, code + then, run_mode=mode)
        began = time.monotonic()
        assert await cancelled(kc, run) == ["interrupted"]
        (result,) = await ended(run)
        assert time.monotonic() - began < SOON
        assert (result.error.ename, result.stderr) == ("KeyboardInterrupt", "")
        assert await value_of(kc, "1") == "1"


BUSY: Final = """
class It:
    def __del__(self):
        until = time.perf_counter() + 0.02
        while time.perf_counter() < until: pass
while True: It()
"""


@pytest.mark.parametrize("mode", ["queue", "thread"])
async def test_a_cell_ends_that_is_always_where_stops_are_ignored(
    km: ConKernelManager, mode: str
) -> None:
    """Each stop meets a `__del__`."""
    async with client_of(km) as kc:
        await raw(kc, "import time")
        for _ in range(5):
            run = await begun(kc, BUSY, run_mode=mode)
            began = time.monotonic()
            assert await cancelled(kc, run) == ["interrupted"]
            (result,) = await ended(run)
            assert time.monotonic() - began < SOON
            assert result.error.ename == "KeyboardInterrupt"


async def test_a_cell_that_is_traced_is_told_again(km: ConKernelManager) -> None:
    """Its tracer, such as a debugger, stays what it is."""
    code = IGNORING["a __del__"] + "while True: pass"
    async with client_of(km) as kc:
        await raw(kc, "import time, sys")
        run = await printing(kc, "sys.settrace(lambda *_: None)\n" + code)
        began = time.monotonic()
        assert await cancelled(kc, run) == ["interrupted"]
        (result,) = await ended(run)
        assert time.monotonic() - began < SOON
        assert result.error.ename == "KeyboardInterrupt"
        assert await value_of(kc, "it = sys.gettrace(); sys.settrace(None); it is None") == "False"


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """What is reported as ignored, by the hook that was there before."""
    found: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda it: found.append(it.exc_value))
    undo = raise_ignored_stops()
    yield found
    undo()


class Raises:
    """What raises when it is deleted."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __del__(self) -> None:
        raise self.error


def test_what_is_no_stop_is_reported_as_before(reported: list[object]) -> None:
    """Without a cell, and in one."""
    errors = [ValueError(), ValueError()]
    Raises(errors[0])
    one = cell()
    one.guard = MainGuard()
    token = CURRENT.set(one)
    try:
        Raises(errors[1])
    finally:
        CURRENT.reset(token)
    assert reported == errors


@pytest.mark.parametrize(("level", "depth"), [(1, 0), (0, 0), (1, 1)])
def test_a_stop_is_raised_in_the_next_line_of_a_cells_own_code(
    reported: list[object], level: int, depth: int
) -> None:
    """And not where the kernel works for it."""
    one = cell()
    one.guard = guard = MainGuard()
    guard.why, guard.level, guard.depth = KeyboardInterrupt(), level, depth
    token = CURRENT.set(one)
    passed: list[int] = []
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        Raises(guard.why)
        passed.append(1)
        passed.append(2)
    except KeyboardInterrupt:
        passed.append(3)
    finally:
        sys.settrace(tracer)
        CURRENT.reset(token)
    assert passed == ([3] if (level, depth) == (1, 0) else [1, 2])
    assert reported == []


def test_a_stop_is_not_raised_in_the_kernels_own_code(reported: list[object]) -> None:
    """There it would tear what it does."""
    one = cell()
    one.guard = guard = MainGuard()
    guard.why, guard.level = KeyboardInterrupt(), 1
    names = {"__name__": "conkernelclient.kernel.shell", "Raises": Raises, "why": guard.why}
    token = CURRENT.set(one)
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        exec("Raises(why)\nhas_passed = True", names)
    finally:
        sys.settrace(tracer)
        CURRENT.reset(token)
    assert names["has_passed"]
    assert reported == []


def test_a_hook_that_came_later_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is another's."""
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    undo = raise_ignored_stops()
    mine = sys.unraisablehook = print
    undo()
    assert sys.unraisablehook is mine
