"""A notebook, as a test uses it: cells in a kernel that has the extension."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from conkernelclient import ConKernelManager
from conkernelclient.events import Stream
from tests.clients import LONG, opened
from tests.manager.processes import pid_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from conkernelclient import ConKernelClient, Result, Run


class Notebook:
    """A kernel whose cells are run one by one."""

    def __init__(self, km: ConKernelManager, kc: ConKernelClient) -> None:
        self.km = km
        self.kc = kc
        self.pid = pid_of(km)

    async def cell(self, code: str, **options: Any) -> Result:
        """What came of a cell, whatever that is."""
        return await self.kc.run(code, timeout=LONG, **options)

    async def shown(self, code: str, **options: Any) -> str:
        """What a cell that runs well shows, as text."""
        return (await self.cell(code, **options)).raise_for_status().text

    async def begun(self, code: str) -> Run:
        """A cell that has printed something."""
        run = self.kc.run(code, timeout=LONG)
        async for event in run:
            if isinstance(event, Stream):
                break
        return run

    async def interrupted(self, code: str) -> Result:
        """What came of a cell that was interrupted, by hand, after it had printed something."""
        run = await self.begun(code)
        await self.km.interrupt_kernel()
        return await run


@asynccontextmanager
async def notebook(kernel: str) -> AsyncIterator[Notebook]:
    """A notebook with the extension; its kernel ends with it."""
    km = ConKernelManager(kernel_name=kernel)
    await km.start_kernel()
    try:
        kc = await opened(km.client(stop_on_error=False))
        made = Notebook(km, kc)
        await made.shown("%load_ext conkernelclient")
        yield made
        kc.stop_channels()
    finally:
        if km.has_kernel:
            await km.shutdown_kernel(now=True)
