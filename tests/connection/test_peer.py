"""A kernel that closes its connections and does not end is gone as well, whoever watches it."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import errors
from conkernelclient.connection import peer
from conkernelclient.testing import FakeKernel, Hold, Silence
from tests.clients import LONG, opened, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conkernelclient import ConKernelClient


@contextmanager
def watched(kernel: FakeKernel, told: list[str]) -> Iterator[ConKernelClient]:
    """A client that believes in an owner, who says nothing."""
    kc = kernel.client()
    kc._link.watch(lambda: told.append("left"), lambda: None, is_starting=False)
    try:
        yield kc
    finally:
        kc.stop_channels()


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take a kernel for gone that is not back soon."""
    monkeypatch.setattr(peer, "RETURNS_WITHIN", 0.2)
    monkeypatch.setattr(peer, "ENDS_WITHIN", 0.2)


@pytest.mark.usefixtures("soon")
async def test_the_client_goes_on_when_it_is_there_again() -> None:
    """Also where the owner has told nothing of either."""
    told: list[str] = []
    with FakeKernel() as kernel, watched(kernel, told) as kc:
        await opened(kc)
        kernel.kill()
        with pytest.raises(errors.DeadKernelError):
            await asyncio.wait_for(kc.run("1"), LONG)
        assert told == ["left"]
        kernel.restart()
        await until(lambda: kc._connection.presence.state.name == "HERE")
        assert (await asyncio.wait_for(kc.run("1"), LONG)).status == "ok"
        assert told == ["left"]


async def test_an_answer_that_a_short_cut_has_cost_is_not_waited_for() -> None:
    """The kernel was there again before anybody took it for gone."""
    told: list[str] = []
    with FakeKernel() as kernel, watched(kernel, told) as kc:
        await opened(kc)
        kernel.on_code("held", [Hold()])
        run = kc.run("held")
        await until(lambda: run.started)
        kernel.restart()
        with pytest.raises(errors.KernelRestartedError):
            await asyncio.wait_for(run, LONG)
        assert (await asyncio.wait_for(kc.run("1"), LONG)).status == "ok"
        assert told == []


@pytest.mark.usefixtures("soon")
async def test_a_kernel_that_comes_back_mute_and_goes_again_is_gone() -> None:
    """An attached client had waited for its greeting for ever, and with it whatever was sent."""
    with FakeKernel() as kernel:
        kc = await opened(kernel.client())
        kernel.on("kernel_info_request", [Silence(is_idle=False)])
        kernel.restart()
        await until(lambda: kc._connection.presence.pauses and kc._peer._connected)
        run = kc.run("1")
        kernel.kill()
        with pytest.raises(errors.DeadKernelError):
            await asyncio.wait_for(run, LONG)
        kc.stop_channels()


@pytest.mark.usefixtures("soon")
def test_a_loop_that_ends_meanwhile_leaves_the_looking_to_the_next() -> None:
    """The task of a loop that was closed is never done: nobody looked for the kernel any more."""
    first, second = asyncio.new_event_loop(), asyncio.new_event_loop()
    with FakeKernel() as kernel:
        kc = kernel.client()

        async def lose() -> None:
            await opened(kc)
            kernel.kill()
            await until(lambda: kc._connection.presence.pauses)
            await asyncio.sleep(0)  # the looking has begun

        async def find() -> str:
            with pytest.raises(errors.DeadKernelError):
                await asyncio.wait_for(kc.run("1"), LONG)
            kernel.restart()
            await until(lambda: kc._connection.presence.state.name == "HERE")
            return (await asyncio.wait_for(kc.run("1"), LONG)).status

        first.run_until_complete(lose())
        first.close()  # with what it had still to do
        assert second.run_until_complete(find()) == "ok"
        kc.stop_channels()
    second.close()


async def test_a_connection_that_is_there_before_anybody_listens_is_noticed() -> None:
    """A client that had lost its kernel took it for gone, for ever, while it was connected."""
    with FakeKernel() as kernel:
        kc = kernel.client()
        create = kc._create_connected_socket

        def create_slowly(*args: Any, **kwargs: Any) -> Any:
            socket = create(*args, **kwargs)
            time.sleep(0.1)  # the aim: by then the other side has answered
            return socket

        kc._create_connected_socket = create_slowly
        await kc.start_channels()
        await until(lambda: "shell" in kc._peer._connected)
        kc.stop_channels()
