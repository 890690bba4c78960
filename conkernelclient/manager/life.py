"""
What is known of one kernel process, from its launch to its end?

It is watched, its stderr is read, and where it is ours alone it is guarded.
"""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, cast

from ..state.endings import Ending
from . import guardian
from .stderr import StderrTail
from .watch import ProcessWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

__all__ = ["Life"]

STDERR_LINGERS: Final = 0.05  # seconds for what a process had written before it ended
PORT_TAKEN: Final = b"Address already in use"
YOUNG: Final = 30.0  # seconds in which a kernel has bound its ports


class Life:
    """
    One kernel process.

    Args:
        captures_stderr: Whether what it writes there is read.
        passes_on: Whether what it writes on stdout and stderr may reach ours.
        ports: Where it is to listen.
        on_port_taken: A weak reference to what is called, in a thread, when it said on stderr that
            one of them is taken.
        is_owned: Whether it ends with us, and its process group with it.
        paths: Files and directories made for it alone; they are removed if we are killed.

    Attributes:
        is_owned: Whether it ends with us.
        is_being_ended: Whether we are about to end it; set by the manager.
        is_watched: Whether its end will be told.
        has_answered: Whether it has answered a client: it is not starting any more.
    """

    def __init__(
        self,
        *,
        captures_stderr: bool,
        passes_on: bool = True,
        is_owned: bool,
        paths: Sequence[str] = (),
        ports: Sequence[int],
        on_port_taken: Callable[[], Callable[[Life], None] | None],
    ) -> None:
        self.is_owned: bool = is_owned
        self._paths = paths
        self.is_being_ended: bool = False
        self.is_watched: bool = False
        self.has_answered: bool = False
        self._tail: StderrTail | None = None  # set at its birth
        self._captures_stderr = captures_stderr
        self._passes_on = passes_on
        self._ports = [b":%d" % port for port in ports]
        self._on_port_taken = on_port_taken
        self._has_complained = False
        self._watch: ProcessWatch | None = None
        self._started_at = time.monotonic()

    @contextmanager
    def birth(self, launch_args: dict[str, Any]) -> Generator[None, None, None]:
        """Let the process be launched with `launch_args`, which get its stdout and stderr."""
        if not self._captures_stderr:
            if not self._passes_on:
                launch_args.setdefault("stdout", subprocess.DEVNULL)
                launch_args.setdefault("stderr", subprocess.DEVNULL)
            yield
            return
        tail = self._tail = StderrTail(self._read, passes_on=self._passes_on)
        launch_args["stderr"] = tail.write_fd
        if not self._passes_on:
            launch_args.setdefault("stdout", tail.write_fd)
        try:
            yield
        except BaseException:
            tail.cancel()
            raise
        tail.begin()

    def watch(
        self, provisioner: object, on_end: Callable[[], Callable[[Life], None] | None]
    ) -> bool:
        """
        Watch the process that `provisioner` launched; False if it has none of ours.

        Args:
            provisioner: A provisioner of jupyter_client.
            on_end: A weak reference to what is called, in a thread, when it has ended.
        """
        process: object = getattr(provisioner, "process", None)
        if not isinstance(process, subprocess.Popen):
            return False
        process = cast("subprocess.Popen[bytes]", process)
        _part_from_own_group(provisioner)
        owns_group = self.is_owned and getattr(provisioner, "pgid", None) == process.pid
        if owns_group:
            guardian.guard(process.pid, self._paths)

        def tell(watch: ProcessWatch) -> None:
            if owns_group:
                guardian.unguard(watch.pid)
            if self._tail is not None:
                self._tail.wait_for_end(STDERR_LINGERS)
            call = on_end()
            if call is not None:
                call(self)

        try:
            self._watch = ProcessWatch(process, owns_group=owns_group, on_end=tell)
        except BaseException:
            if owns_group:
                guardian.unguard(process.pid)
            raise
        self.is_watched = True
        return True

    def note_answer(self) -> None:
        """Note that it has answered a client."""
        self.has_answered = True

    @property
    def is_over(self) -> bool:
        """Whether the process has ended, as far as it is known."""
        return self._watch is not None and self._watch.is_over

    @property
    def has_ended(self) -> bool:
        """Whether there is no process any more, though its exit status may not be known yet."""
        return self._watch is not None and self._watch.has_ended

    async def until_over(self, seconds: float) -> bool:
        """Wait until it has ended, at most so many seconds; False if that cannot be waited for."""
        if self._watch is None or self._watch.is_over:
            return False
        await self._watch.until_over(seconds)
        return True

    @property
    def last_words(self) -> str:
        """The last that it wrote, as far as that is read."""
        return "" if self._tail is None else self._tail.text()

    def ending(self) -> Ending:
        """Tell how it ended."""
        return Ending(
            exit_code=None if self._watch is None else self._watch.exit_code,
            stderr=self.last_words,
            expected=self.is_being_ended,
        )

    def _read(self, tail: bytes) -> None:
        """
        Look for the complaint of a kernel that could not bind one of its ports.

        It may hang then, instead of ending.
        """
        if self._has_complained or time.monotonic() - self._started_at > YOUNG:
            return
        if PORT_TAKEN in tail and any(port in tail for port in self._ports):
            self._has_complained = True
            call = self._on_port_taken()
            if call is not None:
                call(self)


def _part_from_own_group(provisioner: object) -> None:
    """
    Let nobody signal this program's own process group in the kernel's name.

    A Ctrl-C reaches that group, and with it a process that is just being started: it ends before it
    has a group of its own, and the provisioner takes this one for it.
    """
    known: Any = provisioner
    if os.name == "posix" and getattr(known, "pgid", None) == os.getpgrp():
        known.pgid = None
