"""
What is known of one kernel process, from its launch to its end?

It is watched, its stderr is read, and where it is ours alone it is guarded.
"""

from __future__ import annotations

import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, cast

from ..client.peer import Ending
from . import guardian
from .stderr import StderrTail
from .watch import ProcessWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["Life"]

STDERR_LINGERS: Final = 0.05  # seconds for what a process had written before it ended
PORT_TAKEN: Final = "Address already in use"
YOUNG: Final = 30.0  # seconds in which a kernel has bound its ports


class Life:
    """
    One kernel process.

    Args:
        captures_stderr: Whether what it writes there is read.
        is_owned: Whether it ends with us, and its process group with it.

    Attributes:
        is_being_ended: Whether we are about to end it; set by the manager.
        is_watched: Whether its end will be told.
    """

    def __init__(self, *, captures_stderr: bool, is_owned: bool) -> None:
        self.is_being_ended: bool = False
        self.is_watched: bool = False
        self._tail = StderrTail() if captures_stderr else None
        self._is_owned = is_owned
        self._watch: ProcessWatch | None = None
        self._started_at = time.monotonic()

    @contextmanager
    def birth(self, launch_args: dict[str, Any]) -> Generator[None, None, None]:
        """Let the process be launched with `launch_args`, which get its stderr."""
        tail = self._tail
        if tail is None:
            yield
            return
        launch_args["stderr"] = tail.write_fd
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
        owns_group = self._is_owned and getattr(provisioner, "pgid", None) == process.pid
        if owns_group:
            guardian.guard(process.pid)

        def tell(watch: ProcessWatch) -> None:
            if owns_group:
                guardian.unguard(watch.pid)
            if self._tail is not None:
                self._tail.wait_for_end(STDERR_LINGERS)
            call = on_end()
            if call is not None:
                call(self)

        self._watch = ProcessWatch(process, owns_group=owns_group, on_end=tell)
        self.is_watched = True
        return True

    @property
    def is_over(self) -> bool:
        """Whether the process has ended, as far as it is known."""
        return self._watch is not None and self._watch.is_over

    async def until_over(self, seconds: float) -> bool:
        """Wait until it has ended, at most so many seconds; False if that cannot be waited for."""
        if self._watch is None or self._watch.is_over:
            return False
        await self._watch.until_over(seconds)
        return True

    def ending(self) -> Ending:
        """Tell how it ended."""
        return Ending(
            exit_code=None if self._watch is None else self._watch.exit_code,
            stderr="" if self._tail is None else self._tail.text(),
            expected=self.is_being_ended,
        )

    def lacked_a_port(self) -> bool:
        """Tell whether the process ended because another one had taken one of its ports."""
        is_young = time.monotonic() - self._started_at < YOUNG
        return is_young and PORT_TAKEN in self.ending().stderr
