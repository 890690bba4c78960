"""Processes, as a test looks at them."""

from __future__ import annotations

import os
import select
import signal
from pathlib import Path

from conkernelclient import ConKernelManager
from tests.clients import LONG


def is_running(pid: int) -> bool:
    """Whether there is such a process, not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def kill(pid: int) -> None:
    """Kill a process, and wait until it is gone, with all its threads."""
    descriptor = os.pidfd_open(pid)
    try:
        os.kill(pid, signal.SIGKILL)
        assert select.select([descriptor], [], [], LONG)[0]
    finally:
        os.close(descriptor)


def pid_of(km: ConKernelManager) -> int:
    """The kernel's process."""
    assert km.provisioner is not None
    return km.provisioner.pid
