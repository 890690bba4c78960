"""What does a manager tell of its kernel in one line?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jupyter_client.manager import AsyncKernelManager

    from ..client.client import ConKernelClient
    from .life import Life

__all__ = ["told_of"]


def told_of(
    manager: AsyncKernelManager,
    clients: Iterable[ConKernelClient],
    life: Life | None,
    is_restarting: bool,
) -> Iterator[str]:
    """
    Give the kernel's name, how it stands, and how many requests its clients have under way.

    Args:
        manager: Whose kernel it is.
        clients: The manager's clients.
        life: Its process; None if none was started.
        is_restarting: Whether it is being restarted.
    """
    yield manager.kernel_name
    yield "restarting" if is_restarting else _state(manager, life)
    pending = [int(client.stats()["pending"]) for client in clients]
    yield f"{len(pending)} clients"
    yield f"{sum(pending)} requests under way"


def _state(manager: AsyncKernelManager, life: Life | None) -> str:
    if life is None:
        return "running" if manager.has_kernel else "not started"
    if life.is_over or not manager.has_kernel:
        code = life.ending().exit_code
        return "ended" if code is None else f"ended with exit code {code}"
    pid = getattr(manager.provisioner, "pid", None)
    return "running" if pid is None else f"running, pid {pid}"
