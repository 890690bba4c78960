"""On which address does a server listen, and how does it end?"""

from __future__ import annotations

import logging
import secrets
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

    import uvicorn

__all__ = ["listening", "made_token", "quiet_at_the_end"]


def made_token() -> str:
    """Make a token that nobody guesses, for a URL."""
    return secrets.token_urlsafe(32)


@contextmanager
def listening(host: str, port: int) -> Generator[tuple[socket.socket, str]]:
    """
    Listen for the time of the block.

    Args:
        host: Name or address.
        port: Of TCP; 0: any free one.

    Yields:
        The socket, and the URL of the server, without a path.

    Raises:
        OSError: The address cannot be had.
    """
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.create_server(address[:2], family=family) as listener:
        where = f"[{host}]" if family == socket.AF_INET6 else host
        yield listener, f"http://{where}:{listener.getsockname()[1]}"


@contextmanager
def quiet_at_the_end(server: uvicorn.Server) -> Generator[None]:
    """Have no traceback printed for each request that the end of the server cuts off."""

    def is_told(_record: logging.LogRecord) -> bool:
        return not server.should_exit

    logger = logging.getLogger("uvicorn.error")
    logger.addFilter(is_told)
    try:
        yield
    finally:
        logger.removeFilter(is_told)
