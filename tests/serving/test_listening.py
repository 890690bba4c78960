"""A server listens on the address that it is told, and ends without complaints."""

from __future__ import annotations

import logging
import socket
from types import SimpleNamespace
from typing import Any

import pytest

from conkernelclient.serving.listening import listening, made_token, quiet_at_the_end


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_any_free_port_is_told_in_the_url(host: str) -> None:
    """The port is taken as long as the block lasts."""
    with listening(host, 0) as (listener, url):
        port = listener.getsockname()[1]
        assert url == f"http://{host}:{port}"
        with pytest.raises(OSError, match="in use"), listening(host, port):
            pass
        with socket.create_connection((host, port)):
            pass
    with listening(host, port) as (_, again):
        assert again == url


def test_an_address_of_version_6_is_in_brackets() -> None:
    """As in any URL."""
    with listening("::1", 0) as (listener, url):
        assert url == f"http://[::1]:{listener.getsockname()[1]}"


def test_each_token_is_another() -> None:
    """And goes into a URL as it is."""
    tokens = {made_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(token.isascii() and len(token) >= 40 for token in tokens)
    assert all(token.replace("-", "").replace("_", "").isalnum() for token in tokens)


def test_what_the_end_cuts_off_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    """What goes wrong before is."""
    server: Any = SimpleNamespace(should_exit=False)
    logger = logging.getLogger("uvicorn.error")
    with caplog.at_level(logging.ERROR, "uvicorn.error"):
        with quiet_at_the_end(server):
            logger.error("before")
            server.should_exit = True
            logger.error("cut off")
        logger.error("after")
    assert [record.getMessage() for record in caplog.records] == ["before", "after"]
