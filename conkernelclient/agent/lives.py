"""
How does a session get a kernel, and how does it lose it?

A life is one kernel process with its manager and its client. It is used once: the next kernel is
another life, to which nothing of this one's connections is handed on.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING, Any, Final, cast

from jupyter_client.kernelspec import NoSuchKernel

from conkernelclient import ConKernelManager
from conkernelclient.errors import DeadKernelError, ReadyTimeout, SessionError

from . import words
from .limits import Limits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from conkernelclient import ConKernelClient

__all__ = ["Life", "Plan"]

SHOWN: Final = 1500  # characters of the kernel's last words in an error


class LimitedManager(ConKernelManager):
    """A manager whose kernels have limits."""

    limits: Limits = Limits()

    def format_kernel_cmd(self, extra_arguments: list[str] | None = None) -> list[str]:
        """Give the command that starts the kernel, within its limits."""
        return self.limits.command(super().format_kernel_cmd(extra_arguments))


class Plan:
    """
    What each of a session's kernels is started with.

    Args:
        kernel_name: Name of the kernelspec.
        cwd: Its working directory; None: this program's.
        env: Environment variables, added to this program's.
        limits: What it may use.
        start_timeout: Seconds in which it has to be ready.
    """

    def __init__(
        self,
        kernel_name: str,
        *,
        cwd: str | os.PathLike[str] | None,
        env: Mapping[str, str] | None,
        limits: Limits,
        start_timeout: float,
    ) -> None:
        self.kernel_name: str = kernel_name
        self.cwd: str | None = None if cwd is None else os.fspath(cwd)
        self.env: dict[str, str] = dict(env or {})
        self.limits: Limits = limits
        self.start_timeout: float = start_timeout

    def check(self) -> None:
        """Raise SessionError if there can be no such kernel."""
        if self.cwd is not None and not os.path.isdir(self.cwd):
            raise SessionError(f"no kernel was started: {self.cwd!r} is no directory")

    def launch_arguments(self) -> dict[str, Any]:
        """Give the arguments of `start_kernel`."""
        environ = {**os.environ, **self.env}
        if "PYTEST_CURRENT_TEST" not in self.env:
            # ipykernel reads its own stdout, so that what children print is shown, but for there.
            environ.pop("PYTEST_CURRENT_TEST", None)
        arguments: dict[str, Any] = {"env": environ}
        if self.cwd is not None:
            arguments["cwd"] = self.cwd
        return arguments


class Life:
    """
    One kernel of a session.

    Attributes:
        client: Its client.
        ended_for: Why it was ended here; empty until it is.
    """

    def __init__(self, manager: LimitedManager, client: ConKernelClient) -> None:
        self.client: ConKernelClient = client
        self.ended_for: str = ""
        self._manager = manager

    @classmethod
    async def start(cls, plan: Plan) -> Life:
        """
        Start a kernel.

        Raises:
            SessionError: It is not ready in time, ended, or could not be started.

        After an error, and after a cancel, no process is left.
        """
        plan.check()
        manager = LimitedManager.of_own_kernel(plan.kernel_name, pass_on_output=False)
        manager.limits = plan.limits
        client: ConKernelClient | None = None
        try:
            async with asyncio.timeout(plan.start_timeout):
                await manager.start_kernel(**plan.launch_arguments())
                client = manager.client(stop_on_error=False)
                client.start_channels()
                await client.wait_for_ready()
        except BaseException as error:
            said = manager.last_words
            await _end(manager, client)
            told = _told(error, plan, said, manager)
            if told is None:
                raise
            raise told from error
        return cls(manager, client)

    async def is_alive(self) -> bool:
        """Whether its process is there."""
        if self.ended_for:
            return False
        manager: Any = self._manager  # jupyter_client gives its methods no types
        return bool(await manager.is_alive())

    @property
    def end_seen(self) -> str:
        """What is seen of how it ended, without being told."""
        code = self._manager.exit_code
        cause = None if code is None or code >= 0 else self._manager.limits.cause(-code)
        return words.ended_by(code, cause)

    @property
    def last_words(self) -> str:
        """The last that it, or a child of it, wrote outside of any cell's output."""
        return self._manager.last_words

    async def end(self, reason: str) -> None:
        """End it, with its process group, for `reason`. Cancelled, it goes on to its end."""
        self.ended_for = self.ended_for or reason
        await _end(self._manager, self.client)


async def _end(manager: ConKernelManager, client: ConKernelClient | None) -> None:
    try:
        if manager.has_kernel:
            await manager.shutdown_kernel(now=True)  # first: what waits is told of an end
    finally:
        if client is not None:
            with contextlib.suppress(OSError):  # too few descriptors, as a rule
                client.stop_channels()


def _told(
    error: BaseException, plan: Plan, said: str, manager: ConKernelManager
) -> SessionError | None:
    """Make the one error that tells why there is no kernel; None for those that go on as such."""
    name = plan.kernel_name
    match error:
        case NoSuchKernel():
            known = ", ".join(sorted(cast("Any", manager).kernel_spec_manager.find_kernel_specs()))
            return SessionError(f"there is no kernel {name!r}; there are {known or 'none'}")
        case DeadKernelError():
            how = f"exit status {error.exit_code}"
            if error.signal is not None:
                how = plan.limits.cause(error.signal) or f"signal {error.signal}"
            text, said = f"the kernel {name!r} ended before it was ready ({how})", error.stderr
        case ReadyTimeout() | TimeoutError():
            text = f"the kernel {name!r} was not ready within {plan.start_timeout:g} s"
        case OSError():
            text = f"the kernel {name!r} could not be started: {error}"
        case _:
            return None
    last = said.strip()[-SHOWN:]
    if last:
        text = f"{text}. The last that it wrote:\n{last}"
    return SessionError(text, stderr=said)
