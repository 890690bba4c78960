"""
Which kernels does a client have, by the names that it gives them?

A kernel is started when its name is first used, and is a `KernelSession` of its own. One that no
request has used for a while may be ended; the next use of its name is told so.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from conkernelclient.errors import SessionError

from .. import words
from ..limits import Limits
from ..schema import Misfit
from ..session import KernelSession

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncGenerator, Mapping

__all__ = ["DEFAULT", "Handle", "Kernels", "Settings"]

DEFAULT: Final = "default"
SHUT: Final = "the kernel {!r} was ended meanwhile; the next use of its name starts a fresh one"
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """
    How a server runs code.

    Args:
        kernel_name: Name of the kernelspec.
        timeout: Seconds after which a run goes on in the background, unless the call says
            otherwise. Many clients give up a request after 60 s.
        start_timeout: Seconds in which a kernel has to be ready, and each set-up cell has to end.
        max_chars: Length of an answer's text, at most; None: any.
        setup: Cells that are run in each kernel before anything else.
        cwd: The kernels' working directory; None: the server's.
        journal: A file, `.ipynb` or `.jsonl`, that keeps what the default kernel ran. That of
            another kernel has its name before the suffix: `journal-NAME.ipynb`.
        limits: What each kernel may use. They are no sandbox: see `Limits`.
        has_all_tools: Whether tools beside the few that every client needs are offered.
        max_kernels: Kernels that one client may have at a time.
        idle_timeout: Seconds after which a kernel that no request has used is ended, with what runs
            in it; None: it stays until the client goes.
    """

    kernel_name: str = "python3"
    timeout: float | None = 45.0
    start_timeout: float = 60.0
    max_chars: int | None = 20_000
    setup: tuple[str, ...] = ()
    cwd: str | os.PathLike[str] | None = None
    journal: str | os.PathLike[str] | None = None
    limits: Limits = field(default_factory=Limits)
    has_all_tools: bool = False
    max_kernels: int = 8
    idle_timeout: float | None = None

    def journal_of(self, name: str, owner: str = "") -> Path | None:
        """Give the journal of the kernel `name` of a client; None if there is none."""
        if self.journal is None:
            return None
        path = Path(self.journal)
        marks = [mark for mark in (owner, "" if name == DEFAULT else name) if mark]
        return path.with_name("-".join([path.stem, *marks]) + path.suffix)


class Handle:
    """
    One kernel of a client.

    Attributes:
        name: The client's name for it.
        kernel_name: Of its kernelspec.
        session: Runs its code.
        opening: Done when it is there.
        users: Requests that use it now.
        journal: Its file; None if it keeps none.
        is_shut: Whether it was ended, though its client is there.
    """

    def __init__(self, name: str, kernel_name: str, settings: Settings, owner: str) -> None:
        self.name: str = name
        self.kernel_name: str = kernel_name
        self.journal: Path | None = settings.journal_of(name, owner)
        self.session: KernelSession = KernelSession(
            kernel_name,
            setup=settings.setup,
            cwd=settings.cwd,
            timeout=settings.timeout,
            start_timeout=settings.start_timeout,
            max_chars=settings.max_chars,
            journal=self.journal,
            limits=settings.limits,
        )
        self.users: int = 0
        self.is_shut: bool = False
        self.timer: asyncio.TimerHandle | None = None
        self.opening: asyncio.Task[None] = asyncio.get_running_loop().create_task(self._open())

    @property
    def end(self) -> str:
        """What a call is told under which it was ended."""
        return SHUT.format(self.name) if self.is_shut else words.CLOSED

    async def _open(self) -> None:
        try:
            await self.session.__aenter__()
        except (OSError, ValueError) as error:  # of the journal
            raise SessionError(f"no kernel was started: {error}") from error

    async def opened(self) -> None:
        """Wait until it is there; raises SessionError if it cannot be."""
        await asyncio.wait((self.opening,))
        if self.opening.cancelled():
            raise SessionError(self.end)
        self.opening.result()

    async def close(self) -> None:
        """End it, with what runs in it, also while it starts."""
        if self.timer is not None:
            self.timer.cancel()
        self.opening.cancel()
        await asyncio.wait((self.opening,))
        await self.session.close()


class Kernels:
    """
    The kernels of one client.

    Args:
        settings: How they are started.
        owner: What marks this client's journals; empty if there is one client.
    """

    def __init__(self, settings: Settings, owner: str = "") -> None:
        self._settings = settings
        self._owner = owner
        self._handles: dict[str, Handle] = {}
        self._news: dict[str, str] = {}  # by name: why the kernel of before is gone
        self._closings: set[asyncio.Task[None]] = set()
        self._is_closed = False

    @property
    def handles(self) -> Mapping[str, Handle]:
        """The kernels that there are or that start, by their names."""
        return self._handles

    @asynccontextmanager
    async def using(self, name: str, kernel_name: str | None = None) -> AsyncGenerator[Handle]:
        """
        Give the kernel `name`, which is started if need be, for the time of a request.

        Args:
            name: The client's name for it.
            kernel_name: Of the kernelspec; None: that of the kernel that there is, or the default.

        Raises:
            Misfit: The name is none, there are too many, or it has another kernelspec.
            SessionError: There is no such kernel to be had.

        Cancelling does not undo a start.
        """
        handle = self._handle(name, kernel_name)
        handle.users += 1
        if handle.timer is not None:
            handle.timer.cancel()
            handle.timer = None
        try:
            await handle.opened()
            yield handle
        except SessionError as error:
            if handle.is_shut:
                raise SessionError(handle.end) from error
            raise
        finally:
            handle.users -= 1
            self._limit_idling(handle)

    def find(self, name: str) -> Handle | None:
        """Give the kernel `name` if it is there."""
        handle = self._handles.get(name)
        is_there = handle is not None and handle.opening.done()
        return handle if is_there else None

    def take_news(self, name: str) -> str:
        """Say, once, that this is another kernel than the one of before; empty if it is not."""
        reason = self._news.pop(name, "")
        return words.fresh(reason, bool(self._settings.setup)) if reason else ""

    async def shut(self, name: str) -> bool:
        """End the kernel `name`; tells whether there was one."""
        handle = self._handles.pop(name, None)
        if handle is not None:
            handle.is_shut = True
            await self._closing(handle)
        return handle is not None

    async def close(self) -> None:
        """End all of them. Cancelled, it goes on to its end."""
        self._is_closed = True
        handles, self._handles = list(self._handles.values()), {}
        closings = [self._closing(handle) for handle in handles]
        await asyncio.gather(*closings, *self._closings, return_exceptions=True)

    # Inside

    def _handle(self, name: str, kernel_name: str | None) -> Handle:
        if self._is_closed:
            raise SessionError(words.CLOSED)
        known = self._handles.get(name)
        if known is not None:
            if kernel_name is not None and kernel_name != known.kernel_name:
                raise Misfit(
                    f"kernel {name!r} is there and runs {known.kernel_name!r}: name another"
                )
            return known
        if not NAME.fullmatch(name):
            raise Misfit(
                f"{name[:60]!r} is no kernel's name: use at most 40 letters, digits, _ and -"
            )
        if len(self._handles) >= self._settings.max_kernels:
            there = ", ".join(self._handles)
            raise Misfit(f"there are {len(self._handles)} kernels, and no more can be had: {there}")
        handle = Handle(
            name, kernel_name or self._settings.kernel_name, self._settings, self._owner
        )
        self._handles[name] = handle
        handle.opening.add_done_callback(lambda opening: self._opened(handle, opening))
        return handle

    def _opened(self, handle: Handle, opening: asyncio.Task[None]) -> None:
        """Forget a kernel that could not be started: the next use of its name tries again."""
        is_open = not opening.cancelled() and opening.exception() is None
        if not is_open and self._handles.get(handle.name) is handle:
            del self._handles[handle.name]

    def _limit_idling(self, handle: Handle) -> None:
        seconds = self._settings.idle_timeout
        if seconds is None or handle.users or self._handles.get(handle.name) is not handle:
            return
        loop = asyncio.get_running_loop()
        handle.timer = loop.call_later(seconds, self._idled, handle, seconds)

    def _idled(self, handle: Handle, seconds: float) -> None:
        if self._handles.get(handle.name) is handle:
            del self._handles[handle.name]
            handle.is_shut = True
            self._news[handle.name] = f"the one of before was not used for {seconds:g} s"
            self._closing(handle)

    def _closing(self, handle: Handle) -> asyncio.Future[None]:
        """End it in a task of its own, which a cancelled caller does not stop."""
        task = asyncio.get_running_loop().create_task(handle.close())
        self._closings.add(task)
        task.add_done_callback(self._closings.discard)
        return asyncio.shield(task)
