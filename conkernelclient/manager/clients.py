"""
Which clients does a kernel have, and how does news of it reach them all?

The manager made them; they live as long as a program holds them.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import weakref
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jupyter_client.connect import KernelConnectionInfo

    from ..client.client import ConKernelClient
    from ..client.manager_link import ManagerLink
    from ..errors import ConKernelError

__all__ = ["Clients"]

logger: Final = logging.getLogger(__name__)


class Clients:
    """The clients of one manager. Any thread may add one, and tell them news."""

    def __init__(self) -> None:
        self._known: weakref.WeakSet[ConKernelClient] = weakref.WeakSet()
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[ConKernelClient]:
        """Give those that live now."""
        with self._lock:
            return iter(list(self._known))

    def add(self, client: ConKernelClient) -> None:
        """Take a client in."""
        with self._lock:
            self._known.add(client)

    def tell(self, news: Callable[[ManagerLink], None]) -> None:
        """Call `news` with the link of each; one that fails keeps no other from it."""
        for client in self:
            try:
                news(client._link)
            except Exception:  # the kernel's life does not hang on it
                logger.exception("%r could not be told of its kernel", client)

    def start(
        self,
        info: KernelConnectionInfo,
        on_vanished: Callable[[], None],
        on_answer: Callable[[], None],
    ) -> None:
        """Tell them that the kernel was started; see `ManagerLink.start`."""
        self.tell(lambda link: link.start(info, on_vanished, on_answer))

    def end(self, make_error: Callable[[], ConKernelError], *, returns: bool = False) -> None:
        """Tell them that the kernel ended; with `returns` that another one takes its place."""
        self.tell(lambda link: link.end(make_error, returns=returns))

    def announce_restart(self) -> None:
        """Tell them that a restart of the kernel begins."""
        self.tell(lambda link: link.announce_restart())

    def call_off_restart(self) -> None:
        """Tell them that nothing comes of a restart which was announced."""
        self.tell(lambda link: link.call_off_restart())

    def note_interrupt(self) -> None:
        """Tell them that the kernel is about to be interrupted."""
        for client in self:
            client._link.note_interrupt()

    def have_received(self) -> bool:
        """Tell whether the kernel has said anything to any of them since it was started."""
        return any(client._link.has_received() for client in self)

    async def until_settled(self) -> None:
        """Wait until they have read what the kernel had sent before its end."""
        await asyncio.gather(*(client._link.until_settled() for client in self))

    def loops(self) -> list[asyncio.AbstractEventLoop | None]:
        """Give the event loops that they serve; None for one that serves none yet."""
        return [client._link.loop for client in self]
