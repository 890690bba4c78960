"""What programs written for jupyter_client catch when a kernel ends, they catch with ours."""

from __future__ import annotations

import asyncio
import gc
import sys
from queue import Empty
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import ConKernelManager, errors
from conkernelclient.state.caught import LOOK_WITHIN
from tests.clients import LONG, client_of, until

if TYPE_CHECKING:
    from collections.abc import Callable

CHANNELS = ("shell", "iopub", "stdin", "control")
ENDS = "import os; os._exit(3)"


class TheirDeadKernelError(RuntimeError):
    """As nbclient's."""


@pytest.fixture
def no_nbclient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that has not loaded nbclient, whatever other tests have."""
    monkeypatch.delitem(sys.modules, "nbclient.exceptions", raising=False)


@pytest.fixture
def nbclient(monkeypatch: pytest.MonkeyPatch) -> type[Exception]:
    """A program that has loaded nbclient: a stand-in for the module; its error class."""
    module = ModuleType("nbclient.exceptions")
    module.DeadKernelError = TheirDeadKernelError  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "nbclient.exceptions", module)
    return TheirDeadKernelError


async def end_of(km: ConKernelManager, kc: Any, how: str) -> type[errors.DeadKernelError]:
    """End the kernel in one of the ways there are; what is to be told then."""
    if how == "death":
        kc.execute(ENDS)
        return errors.DeadKernelError
    if how == "autorestart":
        km.autorestart = True
        km.start_restarter()
        kc.execute(ENDS)
        return errors.DeadKernelError
    if how == "restart":
        await km.restart_kernel(now=True)
        return errors.KernelRestartedError
    await km.shutdown_kernel(now=True)
    return errors.DeadKernelError


async def read_on(read: Callable[[], Any]) -> Any:
    """Read until that fails, as a loop that waits for one reply does."""
    while True:
        await read()


@pytest.mark.usefixtures("no_nbclient")
@pytest.mark.parametrize("how", ["death", "autorestart", "restart", "shutdown"])
async def test_who_waits_for_ever_at_a_channel_is_told_of_the_kernels_end(
    mortal: ConKernelManager, how: str
) -> None:
    """On each channel, by its object and by the client's method."""
    async with client_of(mortal) as kc:
        channels = [getattr(kc, f"{name}_channel") for name in CHANNELS]
        reads = [
            *(channel.get_msg for channel in channels),
            *(getattr(kc, f"get_{name}_msg") for name in CHANNELS),
        ]
        waiting = [asyncio.ensure_future(read_on(read)) for read in reads]
        await until(lambda: sum(len(i._patient) for i in kc._connection.inboxes.values()) == 8)
        expected = await end_of(mortal, kc, how)
        async with asyncio.timeout(LONG):
            told = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(error) for error in told] == [expected] * len(reads)
        if how in ("autorestart", "restart"):
            assert (await asyncio.wait_for(kc.run("'again'"), LONG)).text == "'again'\n"


async def test_a_programs_own_look_comes_first_where_it_has_one(
    mortal: ConKernelManager, nbclient: type[Exception]
) -> None:
    """nbclient looks once in a second, and cancels its reader: then nothing else is told."""
    async with client_of(mortal) as kc:
        reader = asyncio.ensure_future(read_on(kc.shell_channel.get_msg))

        async def look() -> None:
            while await kc.is_alive():
                await asyncio.sleep(1)  # as nbclient does
            reader.cancel()

        kc.execute(ENDS)
        await asyncio.wait_for(look(), LONG)
        with pytest.raises(asyncio.CancelledError):
            await reader


async def test_where_nobody_looks_the_reader_is_told_what_nbclients_users_catch(
    mortal: ConKernelManager, nbclient: type[Exception]
) -> None:
    """After its look would have come, and for what is sent to the dead kernel at once."""
    async with client_of(mortal) as kc:
        kc.execute(ENDS)
        began = asyncio.get_running_loop().time()
        with pytest.raises(nbclient) as caught:
            await asyncio.wait_for(read_on(kc.shell_channel.get_msg), LONG)
        assert isinstance(caught.value, errors.DeadKernelError)
        assert asyncio.get_running_loop().time() - began >= LOOK_WITHIN
        with pytest.raises(nbclient):
            kc.execute("1")


@pytest.mark.usefixtures("no_nbclient")
@pytest.mark.parametrize("ends", ["death", "stop"])
async def test_a_reader_that_nobody_awaits_ends_without_a_complaint(
    mortal: ConKernelManager, ends: str
) -> None:
    """asyncio logs nothing of it, as with jupyter_client."""
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    async with client_of(mortal) as kc:
        reader = asyncio.ensure_future(read_on(kc.iopub_channel.get_msg))
        await until(lambda: kc._connection.inboxes["iopub"]._patient)
        if ends == "death":
            kc.execute(ENDS)
        else:
            kc.stop_channels()
        await until(reader.done)
        await asyncio.sleep(0)
    del reader
    gc.collect()
    asyncio.get_running_loop().set_exception_handler(None)
    assert complaints == []


@pytest.mark.parametrize("name", CHANNELS)
async def test_a_reader_with_a_timeout_gets_empty_from_a_dead_kernel(
    mortal: ConKernelManager, name: str
) -> None:
    """nbclient, testbook and papermill look at the process then."""
    async with client_of(mortal) as kc:
        await mortal.shutdown_kernel(now=True)
        channel = getattr(kc, f"{name}_channel")
        await channel.get_msgs()
        with pytest.raises(Empty):
            await channel.get_msg(timeout=0.05)
        assert not await kc.is_alive()


async def test_calls_of_a_manager_without_a_kernel_raise_what_jupyter_clients_raises() -> None:
    """nbclient and jupyter_server catch RuntimeError, and ask whether it lives."""
    km = ConKernelManager()
    with pytest.raises(RuntimeError):
        await km.interrupt_kernel()
    assert not await km.is_alive()
    await km.cleanup_resources()
