"""A run in the background is looked at, awaited and interrupted from the notebook's own thread."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from conkernelclient.notebook.background import BackgroundRun
from conkernelclient.notebook.thread import LoopThread

if TYPE_CHECKING:
    from conkernelclient import ConKernelManager


async def test_it_is_waited_for_with_and_without_a_loop(km: ConKernelManager) -> None:
    """A wait that is over, or cancelled, leaves the run alone."""
    thread = LoopThread()
    kc = km.client()

    async def begin(code: str) -> BackgroundRun:
        kc.start_channels()
        return BackgroundRun(kc.run(code), "a", thread)

    def in_a_thread() -> None:
        run = thread.call(begin("print('x', flush=True)\nimport time; time.sleep(1000)"))
        assert run.wait(0.01).status == "running"
        assert not run.done()
        assert "running" in repr(run)
        while not run.outcome.stdout:
            run.wait(0.01)
        assert run._repr_mimebundle_()[0]["text/plain"].startswith("x")
        assert run.interrupt()
        assert run.wait().status == "error"

    try:
        await asyncio.to_thread(in_a_thread)
        run = await asyncio.to_thread(thread.call, begin("6 * 7"))
        assert (await run).value == 42
        assert run.done()
    finally:
        await asyncio.to_thread(thread.ask, kc.stop_channels)
        thread.stop()
