"""Kernels are fixtures; clients are opened inside the tests. Some rooms have no kernels at all."""

from __future__ import annotations

import logging
import os
import signal
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from conkernelclient import ConKernelManager

# The event loop that the tests run on: "asyncio", or "uvloop", which `make stress` chooses as well.
LOOP: Final = os.environ.get("CONKERNEL_TEST_LOOP", "asyncio")
# The kernel of the fixtures: ipykernel, or "conkernel", which `make stress` chooses as well.
KERNEL: Final = os.environ.get("CONKERNEL_TEST_KERNEL", "python3")
IS_OURS: Final = KERNEL == "conkernel"

# The rooms of `make quick`.
ROOMS_WITHOUT_KERNELS: Final = tuple(
    f"tests/{room}/"
    for room in ("protocol", "outputs", "state", "transport", "connection", "values")
)

# The other rooms' kernels are forked off, in a third of the time. These look at their processes.
ROOMS_WITH_FRESH_KERNELS: Final = ("tests/cli/", "tests/manager/", "tests/stress/", "tests/whole/")

# How long an example takes says nothing on a machine that runs two tests at once.
ANY_TIME: Final[dict[str, Any]] = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow],
}
settings.register_profile("ordinary", **ANY_TIME)
settings.register_profile("quick", max_examples=20, **ANY_TIME)
settings.load_profile("ordinary")


def refuse_kernels(event: str, args: tuple[Any, ...]) -> None:
    """Let a test of these rooms fail when it, or a fixture of it, starts a kernel's process."""
    if event != "subprocess.Popen":
        return
    test = os.environ.get("PYTEST_CURRENT_TEST", "")  # pytest's: the test that is being run
    if test.startswith(ROOMS_WITHOUT_KERNELS) and "ipykernel_launcher" in map(str, args[1]):
        raise AssertionError(f"no test of this room starts a kernel, which is slow: {test}")


sys.addaudithook(refuse_kernels)

# A shell without job control starts what is in its background with Ctrl-C ignored, which the
# programs that tests start would inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Load the package, and its plugin, after coverage has begun to look in each process."""
    session.config.pluginmanager.import_plugin("conkernelclient.testing.plugin")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Choose how kernels start whose kernelspec does not say it."""
    from jupyter_client.provisioning import KernelProvisionerFactory

    is_fresh = item.nodeid.startswith(ROOMS_WITH_FRESH_KERNELS)
    name = "local-provisioner" if is_fresh else "conkernel-fork"
    KernelProvisionerFactory.instance().default_provisioner_name = name


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Run the tests on asyncio alone: the client is an asyncio client."""
    return "asyncio", {"use_uvloop": {"asyncio": False, "uvloop": True}[LOOP]}


@pytest.fixture(scope="module")
async def km(anyio_backend: Any) -> AsyncIterator[ConKernelManager]:
    """One kernel for the tests of a module."""
    async with _kernel(KERNEL) as manager:
        yield manager


@pytest.fixture
async def mortal() -> AsyncIterator[ConKernelManager]:
    """One kernel for one test, which may end it."""
    async with _kernel(KERNEL) as manager:
        yield manager


@pytest.fixture(scope="module")
async def ipykernel(anyio_backend: Any) -> AsyncIterator[ConKernelManager]:
    """One ipykernel for tests of what it alone does, whichever kernel the others have."""
    async with _kernel("python3") as manager:
        yield manager


@asynccontextmanager
async def _kernel(name: str) -> AsyncIterator[ConKernelManager]:
    from conkernelclient import ConKernelManager

    manager = ConKernelManager(kernel_name=name)
    await manager.start_kernel()
    yield manager
    await manager.shutdown_kernel(now=True)


@pytest.fixture(autouse=True)
def handlers_are_left() -> Iterator[None]:
    """Let a test fail if Ctrl-C does something else after it."""
    before = signal.getsignal(signal.SIGINT)
    yield
    assert signal.getsignal(signal.SIGINT) == before


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
