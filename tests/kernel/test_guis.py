"""A GUI's loop runs in the main thread, and the kernel answers."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient.kernel.guis import MainLoop, keep_calling
from tests.clients import client_of

from .conftest import begun, cancelled, ended, raw, value_of
from .parts import Posts

if TYPE_CHECKING:
    from conkernelclient import ConKernelManager

# As ipykernel's for Tk: it watches a descriptor, and looks whether that was a message.
GUI = """
import select, zmq
from ipykernel.eventloops import get_shell_stream, register_integration
ticks = 0

@register_integration("ours")
def loop_ours(kernel):
    global ticks
    stream = get_shell_stream(kernel)
    while not stream.flush(limit=1):
        ticks += 1
        select.select([stream.getsockopt(zmq.FD)], [], [], 0.01)

@loop_ours.exit
def exit_ours(kernel):
    kernel.eventloop = None
"""


async def test_a_gui_s_loop_runs_between_the_messages(mortal: ConKernelManager) -> None:
    """Cells run, one that awaits goes on meanwhile, an interrupt reaches it, and the loop ends."""
    async with client_of(mortal, window=None) as kc:
        await raw(kc, GUI)
        await raw(kc, "import asyncio\n%gui ours")
        for _ in range(3):
            before = int(await value_of(kc, "ticks") or 0)
            waits = f"while ticks < {before} + 3: await asyncio.sleep(0.001)\n'went on'"
            assert await value_of(kc, waits, run_mode="task") == "'went on'"
        waiting = await begun(kc, "await asyncio.sleep(60)", run_mode="task")
        assert await cancelled(kc, waiting) == ["interrupted"]
        await ended(waiting)
        assert (await raw(kc, "%gui\nget_ipython().kernel.eventloop")).data is None


async def test_the_descriptor_tells_that_the_loop_was_called() -> None:
    """Until the loop has run."""
    loop = asyncio.get_running_loop()
    stream = MainLoop(loop)
    assert stream.getsockopt(14) > 0
    assert stream.flush() == 0
    has_run = asyncio.Event()
    loop.call_soon_threadsafe(has_run.set)
    assert stream.flush(1, limit=1) == 1
    await has_run.wait()


def test_a_loop_without_a_descriptor_is_named() -> None:
    """Such as uvloop's."""
    with pytest.raises(RuntimeError, match="%gui cannot run beside a SimpleNamespace"):
        MainLoop(SimpleNamespace()).getsockopt(14)  # type: ignore[arg-type]


def test_the_loop_is_called_only_while_there_are_cells_and_a_gui() -> None:
    """As long as neither it nor the GUI has ended."""
    calls: list[Any] = []
    is_closed = False
    loop: Any = SimpleNamespace(
        call_soon_threadsafe=lambda do: calls.append(do()), is_closed=lambda: is_closed
    )
    posts: Any = Posts()
    kernel, cells = SimpleNamespace(eventloop="gui"), ["one"]

    def look_again() -> None:
        ((_seconds, function),) = posts.later
        posts.later.clear()
        function()

    keep_calling(posts, loop, kernel, "gui", cells)
    look_again()
    assert len(calls) == 2
    cells.clear()
    look_again()
    assert len(calls) == 2
    kernel.eventloop = "another"
    look_again()
    assert posts.later == []
    keep_calling(posts, loop, kernel, None, ["one"])
    kernel.eventloop, is_closed = "gui", True
    keep_calling(posts, loop, kernel, "gui", ["one"])
    assert (len(calls), posts.later) == (2, [])
