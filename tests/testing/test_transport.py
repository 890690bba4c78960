"""A client's own transport may be faulty, and it stands that."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import errors, run_kernel
from conkernelclient.testing import FakeKernel, Faults, FaultyTransport, echo
from tests.clients import LONG, client_of, opened, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from conkernelclient import ConKernelClient, ConKernelManager


async def test_a_client_of_a_real_kernel_stands_faults(km: ConKernelManager) -> None:
    """Both ways late, doubled and overtaken."""
    faults = Faults(7, delay=0.002, duplicate=0.2, reorder=0.2, outgoing=True)
    async with client_of(km, transport_factory=faults.transport) as kc:
        async with asyncio.timeout(LONG):
            results = await asyncio.gather(*(kc.run(f"print({n}); {n}") for n in range(20)))
        assert [result.text.split() for result in results] == [[f"{n}"] * 2 for n in range(20)]
        assert kc.stats()["rejected"] > 0


async def test_what_a_client_sends_while_it_is_cut_leaves_when_mended(
    km: ConKernelManager,
) -> None:
    """In order, and selected by type."""
    faults = Faults()
    async with client_of(km, transport_factory=faults.transport) as kc:
        transport = kc._connection._transport
        assert isinstance(transport, FaultyTransport)
        transport.cut(msg_types=["execute_request"])
        await kc.kernel_info(reply=True, timeout=LONG)
        first = kc.execute("cut = [1]", reply=True)
        second = kc.execute("cut.append(2)", reply=True)
        await kc.kernel_info(reply=True, timeout=LONG)
        assert not first.done()
        transport.mend()
        async with asyncio.timeout(LONG):
            assert (await second)["content"]["status"] == "ok"
            assert first.done()
            assert await kc.eval("cut") == [1, 2]


async def test_a_restart_and_a_death_are_seen_through_faults() -> None:
    """What was late of the predecessor reaches nobody, and the client goes on."""
    faults = Faults(3, delay=0.005)
    async with run_kernel(client_options={"transport_factory": faults.transport}) as kc:
        km = kc.parent
        async with asyncio.timeout(LONG):
            faults.cut(channels=["shell"])
            old = kc.execute("x", reply=True)
            await until(lambda: len(kc._connection._transport._line))
            restarting = asyncio.ensure_future(km.restart_kernel(now=True))
            with pytest.raises(errors.KernelRestartedError):
                await old
            assert len(kc._connection._transport._line) == 0
            faults.mend()
            await restarting
            assert (await kc.run("print('new')")).stdout == "new\n"
            with pytest.raises(errors.DeadKernelError) as died:
                await kc.run("import os; os._exit(3)")
            assert died.value.exit_code == 3


async def test_what_is_late_survives_the_end_of_a_loop_and_not_of_its_channel() -> None:
    """The next loop delivers it; a client that was stopped and started hears nothing old."""
    with FakeKernel(echo) as kernel:
        faults = Faults()
        kc = kernel.client(transport_factory=faults.transport)
        transport = kc._connection._transport
        assert isinstance(transport, FaultyTransport)
        got: list[Any] = []

        def in_a_loop(work: Callable[[ConKernelClient], Any]) -> None:
            asyncio.run(asyncio.wait_for(work(kc), LONG))

        def is_output_held() -> bool:
            return any(parcel.msg_type == "stream" for parcel in transport._line._held)

        async def first(kc: ConKernelClient) -> None:
            await opened(kc)
            faults.cut(channels=["iopub"])
            await kc.execute("x", reply=True)
            await until(is_output_held)

        async def second(kc: ConKernelClient) -> None:
            faults.mend()
            kc.subscribe(got.append, msg_type="stream")
            await kc.kernel_info(reply=True)
            await until(lambda: got)

        async def third(kc: ConKernelClient) -> None:
            await opened(kc)
            assert (await kc.run("y")).stdout == "y"
            faults.cut(channels=["iopub"])
            await kc.execute("z", reply=True)
            await until(is_output_held)
            kc.stop_channels()
            assert len(transport._line) == 0
            with pytest.raises(errors.ChannelsClosedError):
                transport.send("shell", [b"x"])
            faults.mend()

        await asyncio.to_thread(in_a_loop, first)
        await asyncio.to_thread(in_a_loop, second)
        assert [message["content"]["text"] for message in got] == ["x"]
        await asyncio.to_thread(in_a_loop, third)
