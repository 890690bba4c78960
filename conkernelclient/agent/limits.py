"""
How much may a session's kernel use?

The operating system counts memory and processor time for each process. A small program sets the
two limits, and becomes the kernel then: no code of ours runs between fork and exec.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from typing import Final

__all__ = ["DEFAULT_OUTPUT_BYTES", "Limits"]

DEFAULT_OUTPUT_BYTES: Final = 8 * 1024 * 1024

# Its arguments: pairs of a limit's name and its value, "--", and the kernel's command. Python
# ignores SIGPIPE, which would go on to the kernel.
PROGRAM: Final = """
import os, resource, signal, sys
end = sys.argv.index("--")
for name, value in zip(sys.argv[1:end:2], map(int, sys.argv[2:end:2])):
    limit = getattr(resource, "RLIMIT_" + name)
    hard = resource.getrlimit(limit)[1]
    least = [value + (name == "CPU")] + [hard] * (hard != resource.RLIM_INFINITY)
    resource.setrlimit(limit, (min(value, *least), min(least)))
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
command = sys.argv[end + 1 :]
try:
    os.execvp(command[0], command)
except OSError as error:
    sys.exit(f"{command[0]}: {error.strerror}")
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """
    What a session's kernel may use.

    This is no sandbox. The limits hold up code that goes wrong, not code that means harm: it can
    read and delete files, reach the network, start processes (each of which has the two limits for
    itself alone), and end the program that started it. Run code that you do not trust in a
    container or a virtual machine.

    Args:
        memory: Bytes of address space of the kernel's process, and of each process that it starts
            (`RLIMIT_AS`). What goes over it gets `MemoryError` as a rule, and the kernel serves on;
            code in C may end the process instead. Address space is more than memory in use: a
            kernel that has just started takes some 0.5 GB of it, and each thread 72 MB or more.
        cpu_seconds: Seconds of processor time of the kernel's process, from its start, and for each
            process that it starts (`RLIMIT_CPU`). Over it the process is ended by SIGXCPU, or a
            second later by SIGKILL; the session says so, and goes on with a fresh kernel, which has
            them again.
        output_bytes: Bytes of outputs that are kept of one call; a marker tells of the rest. The
            code is not ended. Of text the head is kept, and the end of each stream; a quarter, at
            most 64 KiB, is kept free for the error and the value.

    Raises:
        ValueError: A limit is no positive whole number, or the first two where the operating system
            has none.
    """

    memory: int | None = None
    cpu_seconds: int | None = None
    output_bytes: int | None = DEFAULT_OUTPUT_BYTES

    def __post_init__(self) -> None:
        for name in ("memory", "cpu_seconds", "output_bytes"):
            value: object = getattr(self, name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
                raise ValueError(f"{name}={value!r} must be a whole number above 0, or None")
        if os.name != "posix" and (self.memory or self.cpu_seconds):
            raise ValueError("memory and cpu_seconds need an operating system with setrlimit")

    def command(self, command: list[str]) -> list[str]:
        """Give the command that starts `command` within the limits."""
        limits: list[str] = []
        if self.memory is not None:
            limits += ["AS", str(self.memory)]
        if self.cpu_seconds is not None:
            limits += ["CPU", str(self.cpu_seconds)]
        if not limits:
            return command
        return [sys.executable, "-I", "-S", "-c", PROGRAM, *limits, "--", *command]

    def cause(self, signum: int | None) -> str | None:
        """Say which limit ended a process, which ended by the signal `signum`; None if none did."""
        if self.cpu_seconds is not None and signum == getattr(signal, "SIGXCPU", 0):
            return f"it had used the {self.cpu_seconds} s of processor time that it may use"
        return None
