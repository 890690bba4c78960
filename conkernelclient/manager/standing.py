"""What does a manager tell of its kernel in one line?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .manager import ConKernelManager

__all__ = ["told_of"]


def told_of(manager: ConKernelManager) -> Iterator[str]:
    """Give the kernel's name, how it stands, and how many requests its clients have under way."""
    yield manager.kernel_name
    yield _state(manager)
    clients = manager._living_clients()
    yield f"{len(clients)} clients"
    yield f"{sum(int(client.stats()['pending']) for client in clients)} requests under way"


def _state(manager: ConKernelManager) -> str:
    life = manager._life
    if manager._is_restarting:
        return "restarting"
    if life is None:
        return "not started" if not manager.has_kernel else "running"
    if life.is_over or not manager.has_kernel:
        code = life.ending().exit_code
        return "ended" if code is None else f"ended with exit code {code}"
    pid = getattr(manager.provisioner, "pid", None)
    return "running" if pid is None else f"running, pid {pid}"
