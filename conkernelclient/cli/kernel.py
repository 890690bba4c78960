"""
How is the concurrent kernel's own command reached?

With `conkernel kernel`. It is a program of its own, in a process of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .options import Commands

__all__ = ["add", "kernel"]


def add(commands: Commands) -> None:
    """Add the command to the list that `conkernel --help` shows."""
    commands.add_parser(
        "kernel", help="start the concurrent kernel, or install it; see `conkernel kernel --help`"
    )


def kernel(arguments: list[str]) -> int:
    """
    Run a command of the kernel.

    Args:
        arguments: All that stands after `conkernel kernel`.

    Returns:
        The exit status of its process.
    """
    command = [sys.executable, "-m", "conkernelclient.kernel", *(arguments or ["--help"])]
    # A kernel that this starts ends with this process.
    environment = {**os.environ, "JPY_PARENT_PID": str(os.getpid())}
    with subprocess.Popen(command, env=environment) as process:
        while True:
            try:
                status = process.wait()
            except KeyboardInterrupt:  # the kernel has it as well, and interrupts its cells
                continue
            break
    if not arguments:
        return 2
    return status if status >= 0 else 128 - status
