"""
How does a GUI's loop, which `%gui` lets run in the main thread, know that the kernel has work?

It watches a descriptor, and returns when the main loop has been called; a cell that awaits calls it
now and then, as its timers are no calls.
"""

from __future__ import annotations

import select
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sized

    from .channels import Channels

__all__ = ["MainLoop", "as_channel_thread", "keep_calling"]

OFTEN: Final = 0.05  # seconds between two calls, while a cell awaits


class MainLoop:
    """What an integration of ipykernel takes for the stream of the main shell's messages."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop: Any = loop

    def getsockopt(self, _option: int) -> int:
        """
        Give the descriptor that can be read once the main loop was called.

        Raises RuntimeError if the loop is of a kind that has none.
        """
        socket = getattr(self._loop, "_ssock", None)
        if socket is None:
            raise RuntimeError(f"%gui cannot run beside a {type(self._loop).__name__}")
        return socket.fileno()

    def flush(self, _flag: int = 0, _limit: int | None = None, **_options: Any) -> int:
        """Tell whether the main loop was called; it takes what it was called for when it runs."""
        return len(select.select([self.getsockopt(0)], [], [], 0)[0])


def as_channel_thread(stream: MainLoop) -> Any:
    """Give what the integrations find it by."""
    pair = SimpleNamespace(to_stream=stream)

    def pair_of(_subshell_id: str | None) -> SimpleNamespace:
        return pair

    manager = SimpleNamespace(get_shell_channel_to_subshell_pair=pair_of)
    return SimpleNamespace(manager=manager)


def keep_calling(
    channels: Channels, loop: asyncio.AbstractEventLoop, kernel: Any, gui: Any, cells: Sized
) -> None:
    """Call the main loop now and then while there are cells, as long as this GUI's loop is on."""
    if gui is None or kernel.eventloop is not gui or loop.is_closed():
        return
    if cells:
        loop.call_soon_threadsafe(lambda: None)
    channels.call_later(OFTEN, lambda: keep_calling(channels, loop, kernel, gui, cells))
