"""
How does a client that starts the server as its child speak to it?

On the server's stdin and stdout. While it serves, the SDK has both for itself: what anything else
in the process writes to its stdout goes to stderr. A kernel has neither.
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import anyio
from mcp.server.stdio import stdio_server

from .server import make_server

if TYPE_CHECKING:
    from collections.abc import Generator

    from .kernels import Settings

__all__ = ["serve_stdio"]

SIGNALS: Final = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP") if hasattr(signal, name)
)


async def serve_stdio(settings: Settings) -> int:
    """
    Serve until stdin ends, or a signal comes; no kernel is left then.

    Args:
        settings: How code is run.

    Returns:
        0 when the client has gone. After a signal it does not return: the process ends by that.
    """
    server = make_server(settings)
    try:
        async with stdio_server() as (read_stream, write_stream):
            with _ended_by_signals() as came:
                await server.run(read_stream, write_stream, server.create_initialization_options())
            if came:
                _end_by(came[0])  # at once: a thread waits for stdin, which may never end
    except* (BrokenPipeError, ConnectionError):
        pass  # the client has gone, and did not read to the end
    return 0


@contextmanager
def _ended_by_signals() -> Generator[list[int]]:
    """Leave the block when a signal comes; the list has those that came."""
    loop = asyncio.get_running_loop()
    came: list[int] = []
    handled: list[int] = []

    def end(number: int) -> None:
        came.append(number)
        scope.cancel()

    with anyio.CancelScope() as scope:
        try:
            for number in SIGNALS:
                loop.add_signal_handler(number, end, number)
                handled.append(number)
        except (NotImplementedError, RuntimeError, ValueError):
            pass  # on Windows, and in another thread than the first, a signal ends it as it does
        try:
            yield came
        finally:
            for number in handled:
                loop.remove_signal_handler(number)


def _end_by(number: int) -> None:
    """End the process by a signal, as if it had not been handled."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
