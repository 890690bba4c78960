"""Kernels are fixtures; clients are opened inside the tests."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from conkernelclient import ConKernelManager

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run the tests on asyncio alone: the client is an asyncio client."""
    return "asyncio"


@pytest.fixture(scope="module")
async def km(anyio_backend: str) -> AsyncIterator[ConKernelManager]:
    """One ipykernel for the tests of a module."""
    manager = ConKernelManager()
    await manager.start_kernel()
    yield manager
    await manager.shutdown_kernel(now=True)


@pytest.fixture(autouse=True)
def no_errors_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Let a test fail if the package logged an error that it did not take out of `caplog`."""
    yield
    errors = [
        record.getMessage()
        for record in caplog.get_records("call")
        if record.name.startswith("conkernelclient") and record.levelno >= logging.ERROR
    ]
    assert errors == []
