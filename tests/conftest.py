"""Kernels are fixtures; clients are opened inside the tests."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any, Final

import pytest

from conkernelclient import ConKernelManager

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

# The event loop that the tests run on: "asyncio", or "uvloop", which `make stress` chooses as well.
LOOP: Final = os.environ.get("CONKERNEL_TEST_LOOP", "asyncio")


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Run the tests on asyncio alone: the client is an asyncio client."""
    return "asyncio", {"use_uvloop": {"asyncio": False, "uvloop": True}[LOOP]}


@pytest.fixture(scope="module")
async def km(anyio_backend: Any) -> AsyncIterator[ConKernelManager]:
    """One ipykernel for the tests of a module."""
    manager = ConKernelManager()
    await manager.start_kernel()
    yield manager
    await manager.shutdown_kernel(now=True)


@pytest.fixture
async def mortal() -> AsyncIterator[ConKernelManager]:
    """One ipykernel for one test, which may end it."""
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
