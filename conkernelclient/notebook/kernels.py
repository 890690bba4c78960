"""
Which kernels does a notebook hold, by which names?

All of it is called in one event loop. A kernel that was started here lives until it is shut down or
the notebook's own kernel ends; one that was attached to is only let go.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

from IPython.core.error import UsageError
from jupyter_client.connect import find_connection_file
from jupyter_client.kernelspec import NoSuchKernel

from conkernelclient import ConKernelClient, ConKernelManager
from conkernelclient.errors import ConKernelError, DeadKernelError

if TYPE_CHECKING:
    from conkernelclient import Run

__all__ = ["Held", "Kernels"]

READY_WITHIN: Final = 60.0  # seconds in which a kernel has to answer


@dataclass
class Held:
    """
    A kernel that a notebook knows by name.

    Attributes:
        name: Its name here.
        spec: The kernelspec, or the connection file that it was attached to by.
        client: Its client.
        manager: What started it; None if it was attached to.
        is_fresh_after: It was started in the place of one that had ended; until that was told.
        place: Begins the ids of its displays here, so that two kernels never meet.
        current: The last run that was sent to it.
        restart: Begins it anew; None if that was never asked for.
    """

    name: str
    spec: str
    client: ConKernelClient
    manager: ConKernelManager | None
    is_fresh_after: bool = False
    place: str = field(default_factory=lambda: f"kernel-{uuid.uuid4().hex}-")
    current: Run | None = None
    restart: asyncio.Task[None] | None = None

    @property
    def standing(self) -> str:
        """What it is, and whether it runs code, in words."""
        kind = "attached by" if self.manager is None else "kernelspec"
        run = self.current
        is_busy = run is not None and not run.is_finished
        return f"{kind} {self.spec}, {'busy' if is_busy else 'idle'}"

    async def is_alive(self) -> bool:
        """Whether its process is there, as far as that is ours to know."""
        if self.restart is not None:
            await asyncio.wait((self.restart,))
        return self.manager is None or bool(await cast("Any", self.manager).is_alive())

    async def end(self) -> None:
        """Shut it down if it was started here; let it go."""
        if self.restart is not None:
            self.restart.cancel()
            await asyncio.wait((self.restart,))
        try:
            if self.manager is not None and self.manager.has_kernel:
                await self.manager.shutdown_kernel(now=True)
        finally:
            with contextlib.suppress(OSError):  # too few descriptors, as a rule
                self.client.stop_channels()


class Kernels:
    """The kernels of a notebook by their names."""

    def __init__(self) -> None:
        self._held: dict[str, asyncio.Task[Held]] = {}

    def standings(self) -> dict[str, str]:
        """Tell of each what it is, by name."""
        return {name: _standing(task) for name, task in self._held.items()}

    async def get(self, name: str, spec: str | None = None, existing: str | None = None) -> Held:
        """
        Give the kernel of that name; the first time it is started, or attached to.

        Args:
            name: Its name here.
            spec: The kernelspec; None: the one of that name.
            existing: The connection file of a kernel that runs.

        Raises:
            UsageError: There is no such kernelspec or file, or the name is another kernel's.
            ConKernelError, OSError: It does not start or answer; no process is left.

        Cancelled, a start goes on.
        """
        path = None if existing is None else _found(existing)
        has_ended = False
        task = self._held.get(name)
        if task is not None and task.done() and not await task.result().is_alive():
            spec = spec or task.result().spec
            await self.forget(name)
            task, has_ended = None, True
        if task is None:
            began = _attached(name, path) if path else _started(name, spec or name, has_ended)
            task = self._held[name] = asyncio.create_task(began)
            task.add_done_callback(lambda done: self._began(name, done))
        held = await asyncio.shield(task)
        wanted = path or spec
        if wanted not in (None, held.spec):
            raise UsageError(
                f"the kernel {name!r} is one of {held.spec!r}: choose another name for one of "
                f"{wanted!r}, or end it first: %kernel shutdown {name}"
            )
        return held

    def _began(self, name: str, task: asyncio.Task[Held]) -> None:
        """Forget a kernel that did not start."""
        is_failed = task.cancelled() or task.exception() is not None
        if is_failed and self._held.get(name) is task:
            del self._held[name]

    async def known(self, name: str) -> Held:
        """
        Give a kernel that is there.

        Raises:
            UsageError: There is none of that name.
        """
        if name not in self._held:
            known = ", ".join(self._held) or "none yet"
            raise UsageError(f"there is no kernel {name!r} here; there are: {known}")
        return await asyncio.shield(self._held[name])

    async def restart(self, name: str) -> None:
        """
        Begin anew with a fresh process; the run that it has ends.

        Raises:
            UsageError: There is none of that name, or it was attached to.
            ConKernelError: It does not start.

        Cancelled, it goes on.
        """
        held = await self.known(name)
        if held.manager is None:
            raise UsageError(
                f"the kernel {name!r} was started elsewhere, and is restarted there: "
                f"%kernel shutdown {name} lets it go here"
            )
        held.restart = asyncio.create_task(_renewed(held.manager, held.client))
        held.restart.add_done_callback(_seen)
        await asyncio.shield(held.restart)

    async def interrupt(self, name: str) -> None:
        """Interrupt what it runs; UsageError if there is none of that name."""
        held = await self.known(name)
        if held.manager is None:
            await held.client.request("interrupt_request", {}, "control", timeout=READY_WITHIN)
        else:
            await held.manager.interrupt_kernel()

    async def forget(self, name: str) -> None:
        """Shut a kernel down if it was started here; let it go. UsageError if there is none."""
        held = await self.known(name)
        self._held.pop(name, None)
        await held.end()

    async def close(self) -> None:
        """Let all of them go."""
        tasks = list(self._held.values())
        self._held.clear()
        for task in tasks:
            if not task.done():
                task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        begun = (it.result() for it in tasks if not it.cancelled() and it.exception() is None)
        await asyncio.gather(*(held.end() for held in begun), return_exceptions=True)


async def _renewed(manager: ConKernelManager, client: ConKernelClient) -> None:
    await manager.restart_kernel(now=True)
    await _ready(manager, client)


async def _ready(manager: ConKernelManager, client: ConKernelClient) -> None:
    """
    Wait for a kernel that starts.

    A Ctrl-C in the notebook may end it before it is a process of its own: then it starts again.
    """
    try:
        await client.wait_for_ready(READY_WITHIN)
    except DeadKernelError as error:
        if error.signal != signal.SIGINT:
            raise
        await manager.restart_kernel(now=True)
        await client.wait_for_ready(READY_WITHIN)


def _seen(task: asyncio.Task[None]) -> None:
    """Look at a failure that maybe nobody waits for: the next cell finds no kernel."""
    if not task.cancelled():
        task.exception()


def _standing(task: asyncio.Task[Held]) -> str:
    return task.result().standing if task.done() else "starting"


def _found(existing: str) -> str:
    try:
        return os.path.abspath(find_connection_file(existing))
    except OSError as error:
        raise UsageError(f"--existing: {error}") from None


async def _started(name: str, spec: str, has_ended: bool) -> Held:
    """Start a kernel."""
    manager = ConKernelManager.of_own_kernel(spec, pass_on_output=False)
    try:
        _ = manager.kernel_spec
    except NoSuchKernel:
        specs: set[str] = set(cast("Any", manager).kernel_spec_manager.find_kernel_specs())
        known = ", ".join(sorted(specs | {"conkernel"}))
        raise UsageError(
            f"there is no kernelspec {spec!r}; there are: {known}. Another name takes one of "
            f"these: %%kernel {name} --spec ..."
        ) from None
    client: ConKernelClient | None = None
    try:
        await manager.start_kernel()
        client = manager.client(stop_on_error=False)
        client.start_channels()
        await _ready(manager, client)
    except BaseException:
        if client is not None:
            client.stop_channels()
        if manager.has_kernel:
            await asyncio.shield(manager.shutdown_kernel(now=True))
        raise
    return Held(name, spec, client, manager, has_ended)


async def _attached(name: str, path: str) -> Held:
    """Attach to a kernel that runs."""
    client = ConKernelClient(connection_file=path, stop_on_error=False)
    try:
        client.load_connection_file()
    except (ConKernelError, OSError) as error:
        raise UsageError(f"--existing: {error}") from None
    client.start_channels()
    try:
        await client.wait_for_ready(READY_WITHIN)
    except BaseException:
        client.stop_channels()
        raise
    return Held(name, path, client, None)
