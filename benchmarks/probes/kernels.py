"""Which kernels are probed, and how is each asked to run a cell beside others?"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from jupyter_client.kernelspec import KernelSpec

from conkernelclient import ConKernelManager

if TYPE_CHECKING:
    from conkernelclient import ConKernelClient
    from conkernelclient.client.run import Run
    from conkernelclient.outputs.result import Result

__all__ = ["KINDS", "OURS", "Kernel", "Kind", "NotThereError"]

ROOT: Final = Path(__file__).parents[2]
WITHIN: Final = 15  # seconds: a probe that takes longer hangs


class NotThereError(Exception):
    """The kernel has no way to do it, and does not claim to."""


@dataclass(frozen=True)
class Kind:
    """A kernel that is probed; `beside` says how a cell is asked to run beside others."""

    name: str
    argv: tuple[str, ...]
    beside: str
    interrupt_mode: str = "signal"


FILE: Final = "{connection_file}"


def _peer(name: str) -> str:
    return str(ROOT / f".venv-bench-{name}" / "bin" / "python")


OURS: Final = "conkernel"

KINDS: Final = (
    Kind("ipykernel", (sys.executable, "-m", "ipykernel_launcher", "-f", FILE), "subshell"),
    Kind(
        "async-kernel",
        (_peer("async-kernel"), "-m", "async_kernel", "start", f"--connection_file={FILE}"),
        "first line",
        "message",
    ),
    Kind("ipymini", (_peer("ipymini"), "-m", "ipymini", "-f", FILE), "subshell"),
    Kind(OURS, (sys.executable, "-m", "conkernelclient.kernel", "-f", FILE), "mode"),
)


class Kernel:
    """A kernel of one kind, with a client, for as long as the block lasts."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.km = ConKernelManager()
        self.km._kernel_spec = KernelSpec(
            argv=list(kind.argv),
            display_name=kind.name,
            language="python",
            interrupt_mode=kind.interrupt_mode,
        )
        self._directory = tempfile.TemporaryDirectory()
        self._subshells: list[str] = []

    async def __aenter__(self) -> Self:
        await self.km.start_kernel(cwd=self._directory.name)
        self.kc: ConKernelClient = await self.km.client(window=None).start_channels()
        await asyncio.wait_for(self.kc.wait_for_ready(), 30)
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.kc.stop_channels()
        await self.km.shutdown_kernel(now=True)
        self._directory.cleanup()

    @property
    def is_ours(self) -> bool:
        """Whether it knows the metadata of this package."""
        return self.kind.beside == "mode"

    def need_ours(self) -> None:
        """Raise NotThereError for a kernel that does not know the metadata of this package."""
        if not self.is_ours:
            raise NotThereError

    def run(self, code: str, **options: Any) -> Run:
        """Run a cell in its turn."""
        return self.kc.run(code, **options)

    async def result(self, code: str, **options: Any) -> Result:
        """Run a cell in its turn, and wait for it."""
        return await self.run(code, **options)

    async def value(self, code: str) -> str:
        """Run a cell, and give its value as text."""
        result = await self.result(code)
        assert result.status == "ok", result
        return result.data["text/plain"]

    async def beside(self, code: str, mode: str = "task", **options: Any) -> Run:
        """Run a cell beside others, as the kernel has it."""
        if self.is_ours:
            return self.kc.run(code, mode=mode, **options)  # type: ignore[misc]
        if self.kind.beside == "first line":
            return self.kc.run(f"# {mode}\n{code}", **options)
        subshell = await self.kc.create_subshell()
        return self.kc.run(code, subshell_id=subshell, **options)

    async def control(self, msg_type: str, content: dict[str, Any]) -> dict[str, Any]:
        """Ask on control, and give the reply's content."""
        return dict((await self.kc.request(msg_type, content, "control"))["content"])

    async def began(self, run: Run) -> None:
        """Wait until a run's code runs."""
        while not run.is_interruptible:
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.1)  # and is past its first statements


async def hangs_not(awaitable: Any) -> Any:
    """Await, with the bound of a probe."""
    return await asyncio.wait_for(awaitable, WITHIN)


@contextlib.asynccontextmanager
async def shortly(seconds: float) -> Any:
    """Let the block fail that takes longer."""
    began = asyncio.get_running_loop().time()
    yield
    took = asyncio.get_running_loop().time() - began
    assert took < seconds, f"{took:.2f} s, over {seconds:g} s"
