"""How is a session served until somebody ends it?"""

from __future__ import annotations

import asyncio
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from ...serving.listening import listening, made_token, quiet_at_the_end
from .app import make_app

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Generator, Iterable

    from ..session.session import NotebookSession

__all__ = ["serve", "server_of"]

LARGEST: Final = 16 << 20  # bytes; a message beyond it is not taken in, and closes its WebSocket
PING_EVERY: Final = 30.0  # seconds
SILENT_FOR: Final = 120.0  # seconds after which a front end that answers no ping is taken for gone
LEAVE_WITHIN: Final = 1  # seconds that front ends have to go when the server ends
ENDS: Final = (signal.SIGINT, signal.SIGTERM)


class Server(uvicorn.Server):
    """
    A server that returns when a signal has ended it: the session is to be closed after it.

    Args:
        config: Its settings.
        ready: Is called when it serves, and signals end it.
    """

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None] | None = None) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve."""
        await super().startup(sockets)
        if self._ready is not None:
            self._ready()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Let a signal end the server, for the time of the block."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in ENDS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def server_of(app: Any, ready: Callable[[], None] | None = None) -> Server:
    """
    Make the server of an application; it serves with `await server.serve(sockets=[...])`.

    Args:
        app: The application.
        ready: Is called when it serves.
    """
    return Server(
        uvicorn.Config(
            app,
            # Of uvicorn's three the one that waits for slow readers, and is not deprecated.
            ws="websockets-sansio",
            ws_max_size=LARGEST,
            ws_ping_interval=PING_EVERY,
            ws_ping_timeout=SILENT_FOR,
            ws_per_message_deflate=False,  # which costs more than it gives on one machine
            lifespan="off",
            access_log=False,  # in which the token would be
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=LEAVE_WITHIN,
        ),
        ready,
    )


async def serve(
    session: NotebookSession,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    token: str | None = None,
    names: Iterable[str] = (),
    ready: Callable[[str], None] | None = None,
) -> None:
    """
    Serve an open session until SIGINT or SIGTERM comes; the session stays open.

    Args:
        session: The session.
        host: Name or address on which to listen. Beyond loopback, what is sent can be read on its
            way: put a proxy with TLS before it.
        port: Of TCP; 0: any free one.
        token: What front ends have to show; None: one is made.
        names: Other names of this machine that front ends use, as of a proxy.
        ready: Is called with the page's URL, which has the token, when the server serves.

    Raises:
        OSError: The address cannot be had.

    Cancelling it ends the server as well, and waits for that.
    """
    token = token or made_token()
    with listening(host, port) as (listener, url):
        app = make_app(session, token=token, host=host, names=names)
        page = f"{url}/?token={token}"
        server = server_of(app, ready and (lambda: ready(page)))
        with quiet_at_the_end(server):
            serving = asyncio.ensure_future(server.serve(sockets=[listener]))
            try:
                await asyncio.shield(serving)
            except asyncio.CancelledError:
                server.should_exit = True
                await asyncio.wait([serving])
                raise
