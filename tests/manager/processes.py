"""Processes, as a test looks at them."""

from __future__ import annotations

from pathlib import Path

from conkernelclient import ConKernelManager


def is_running(pid: int) -> bool:
    """Whether there is such a process, not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def pid_of(km: ConKernelManager) -> int:
    """The kernel's process."""
    assert km.provisioner is not None
    return km.provisioner.pid
