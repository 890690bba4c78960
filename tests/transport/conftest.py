"""Sockets of both sides, which are closed however a test ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import zmq
import zmq.asyncio

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def context() -> Iterator[zmq.asyncio.Context]:
    """A client's."""
    made = zmq.asyncio.Context()
    yield made
    made.destroy(linger=0)


@pytest.fixture
def peer() -> Iterator[Any]:
    """The other side: a socket that takes what comes; it is not bound."""
    made = zmq.Context()
    socket = made.socket(zmq.DEALER)
    socket.rcvtimeo = 10_000  # milliseconds
    yield socket
    made.destroy(linger=0)
