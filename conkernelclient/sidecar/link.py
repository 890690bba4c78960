"""
How does a sidecar get to its kernel, and what does it end when it leaves?

What it started itself, a kernel or the channels of a client, it ends; what it was given goes on.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from conkernelclient import ConKernelClient, ConKernelManager
from conkernelclient.errors import SessionError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["Kernel", "Link"]

Kernel: TypeAlias = "str | os.PathLike[str] | ConKernelClient | ConKernelManager"


class Link:
    """
    The way to one kernel.

    Args:
        kernel: A kernel's name, the path of a connection file, a client, or a manager.

    Attributes:
        client: The client; set when it is open.
        manager: The kernel's manager; None for a kernel that somebody else runs.
    """

    client: ConKernelClient

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self.manager: ConKernelManager | None = None
        self._undo: list[Callable[[], Awaitable[None] | None]] = []

    async def open(self, timeout: float | None) -> None:
        """
        Get the kernel ready; what was begun is undone if that fails.

        Raises:
            SessionError: There is no such file.
            NoSuchKernel, ReadyTimeout, DeadKernelError: As the manager and the client raise them.
        """
        try:
            self.client = await self._client()
            await self.client.wait_for_ready(timeout)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """End what was begun here, the last first."""
        while self._undo:
            waiting = self._undo.pop()()
            if waiting is not None:
                await waiting

    @property
    def owns_channels(self) -> bool:
        """Whether leaving ends the client's channels."""
        return bool(self._undo)

    async def _client(self) -> ConKernelClient:
        kernel = self._kernel
        if isinstance(kernel, ConKernelClient):
            parent = kernel.parent
            self.manager = parent if isinstance(parent, ConKernelManager) else None
            client = kernel
        elif isinstance(kernel, ConKernelManager):
            client = await self._of_manager(kernel)
        elif (path := _file_of(kernel)) is not None:
            client = self._of_file(path)
        else:
            own = ConKernelManager.of_own_kernel(os.fspath(kernel), pass_on_output=False)
            client = await self._of_manager(own)
        if not client.channels_running:
            client.start_channels()
            self._undo.append(client.stop_channels)
        return client

    async def _of_manager(self, manager: ConKernelManager) -> ConKernelClient:
        self.manager = manager
        if not manager.has_kernel:
            self._undo.append(lambda: _end(manager))
            await manager.start_kernel()
        return manager.client()

    @staticmethod
    def _of_file(path: Path) -> ConKernelClient:
        if not path.is_file():
            raise SessionError(
                f"there is no connection file {str(path)!r}; a running kernel's is told by "
                "`conkernel ps`, and a kernel's name starts a fresh one"
            )
        client = ConKernelClient(connection_file=str(path))
        client.load_connection_file()
        return client


def _file_of(kernel: str | os.PathLike[str]) -> Path | None:
    """Give the path of a connection file; None if it is a kernel's name."""
    path = Path(kernel)
    is_path = not isinstance(kernel, str) or os.sep in kernel or path.suffix == ".json"
    return path if is_path or path.is_file() else None


async def _end(manager: Any) -> None:
    if manager.has_kernel:
        await manager.shutdown_kernel(now=True)
