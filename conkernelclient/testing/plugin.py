"""
Which fixtures does a test get that talks to kernels?

pytest loads this module in every run, so it imports nothing but pytest until a fixture is used.
None of the fixtures is a coroutine: they serve tests of anyio's plugin, of pytest-asyncio, and
tests that call `asyncio.run`. What they have to await, they await in a thread of their own.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from ..client.client import ConKernelClient
    from ..manager.manager import ConKernelManager
    from .kernel import FakeKernel

__all__ = ["fake_kernel", "kernel_client", "kernel_manager", "no_leaks"]

T = TypeVar("T")


def _await(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Await `work()` in a loop of its own, in a thread where none runs and none is set."""
    outcome: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(asyncio.run(work()))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="conkernel-fixture")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return outcome[0]


@pytest.fixture
def kernel_manager() -> Iterator[ConKernelManager]:
    """
    Give a `ConKernelManager` whose kernel is started; it is shut down after the test.

    The kernel is the default one; a fixture of the same name may give another.
    """
    from ..manager.manager import ConKernelManager

    km = ConKernelManager()

    async def start() -> None:
        await km.start_kernel()

    async def shut_down() -> None:
        if km.has_kernel:
            await km.shutdown_kernel(now=True)

    _await(start)
    try:
        yield km
    finally:
        _await(shut_down)


@pytest.fixture
def kernel_client(kernel_manager: ConKernelManager) -> Iterator[ConKernelClient]:
    """Give a client of `kernel_manager`'s kernel that is ready; its channels are closed after."""
    kc = kernel_manager.client()

    async def start() -> None:
        await kc.start_channels()

    try:
        _await(start)
        yield kc
    finally:
        kc.stop_channels()


@pytest.fixture
def fake_kernel() -> Iterator[FakeKernel]:
    """Give a `FakeKernel` that runs: `kc = await fake_kernel.client().start_channels()`."""
    from .kernel import FakeKernel

    with FakeKernel() as kernel:
        yield kernel


@pytest.fixture
def no_leaks(request: pytest.FixtureRequest) -> Iterator[None]:
    """
    Let the test fail if it leaves anything behind.

    That is a child process, a file descriptor (both on Linux), an asyncio task, or a request of a
    `ConKernelClient` for which somebody still waits. What ends by itself within a second is not
    left behind, nor is what was there before. Tasks and requests are looked for when the test
    function returns; the others when the fixtures named after this one are gone.
    """
    from .leaks import Watch, complain

    watch = Watch()
    node: Any = request.node
    original = node.obj
    node.obj = watch.wrap(original)
    yield
    node.obj = original
    complain(watch.left())
