"""Our kernel works over each transport, encrypted or not, and answers what ipykernel answers."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import psutil
import pytest

from conkernelclient import ConKernelManager
from tests.clients import LONG, client_of
from tests.kernel.conftest import asked, begun, cancelled, ended, manager_of, start, value_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

WAYS: Final = {
    "tcp, encrypted": {"transport_encryption": "required"},
    "ipc": {"transport": "ipc"},
    "ipc, encrypted": {"transport": "ipc", "transport_encryption": "required"},
}


@pytest.fixture(params=WAYS.values(), ids=WAYS.keys())
async def km(request: pytest.FixtureRequest) -> AsyncIterator[ConKernelManager]:
    """One kernel for each way."""
    manager = ConKernelManager(kernel_name="conkernel", **request.param)
    await start(manager)
    yield manager
    await manager.shutdown_kernel(now=True)


@asynccontextmanager
async def running() -> AsyncIterator[ConKernelManager]:
    """A kernel that starts as it usually does."""
    manager = ConKernelManager(kernel_name="conkernel")
    await start(manager)
    try:
        yield manager
    finally:
        await manager.shutdown_kernel(now=True)


async def test_it_runs_stops_asks_and_ends(km: ConKernelManager) -> None:
    """In all its channels, subshells and restarts."""
    assert km.transport_encryption == "disabled" or km.curve_publickey
    async with client_of(km) as kc:
        subshell = await asyncio.wait_for(kc.create_subshell(), LONG)
        blocks = await begun(kc, "import time; time.sleep(60)")
        assert await value_of_subshell(kc, "6 * 7", subshell) == "42"
        (matches,) = await asyncio.gather(kc.complete("impor", reply=True))
        assert "import" in matches["content"]["matches"]
        assert await cancelled(kc, blocks) == ["interrupted"]
        assert (await ended(blocks))[0].error.ename == "KeyboardInterrupt"
        run = kc.run("input('? ')", on_stdin=lambda _question: "answer")
        assert (await ended(run))[0].data["text/plain"] == "'answer'"
        before = await value_of(kc, "import os; os.getpid()")
        await km.restart_kernel()
        assert await value_of(kc, "import os; os.getpid()") != before
    process = psutil.Process(km.provisioner.pid)
    await km.shutdown_kernel()
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


async def value_of_subshell(kc: Any, code: str, subshell_id: str) -> str:
    (result,) = await ended(kc.run(code, subshell_id=subshell_id))
    return result.data["text/plain"]


async def test_it_tells_what_it_uses() -> None:
    """As front ends show it: of the kernel, and of the machine."""
    async with running() as km, client_of(km) as kc:
        content = await asked(kc, "usage_request")
        assert content["pid"] == km.provisioner.pid
    assert content["host_virtual_memory"]["total"] > content["kernel_memory"] > 10**6
    assert content["cpu_count"] == psutil.cpu_count()


async def test_the_dump_of_a_crash_goes_to_the_process_s_stderr() -> None:
    """`faulthandler.enable()` of a cell finds a file there, which a stream of cells is not."""
    async with running() as km, client_of(km) as kc:
        code = "import faulthandler; faulthandler.enable(); faulthandler.is_enabled()"
        assert await value_of(kc, code) == "True"


THREAD: Final = """
import threading
go, done = threading.Event(), threading.Event()
def speak():
    go.wait()
    print('from the thread', flush=True)
    done.set()
threading.Thread(target=speak).start()
"""


@pytest.mark.parametrize("whose", ["starter", "latest"])
async def test_a_thread_s_output_is_that_of_whom_the_trait_says(whose: str, tmp_path: Path) -> None:
    """The cell that started it, or the one that began last."""
    km = manager_of(tmp_path, f"--ConKernel.thread_output={whose}")
    await start(km)
    try:
        async with client_of(km) as kc:
            starter = kc.run(THREAD)
            await ended(starter)
            (latest,) = await ended(kc.run("go.set(); done.wait()"))
            late = "".join(event.text for event in starter.late)
    finally:
        await km.shutdown_kernel(now=True)
    found = {"starter": late, "latest": latest.stdout}
    assert found.pop(whose) == "from the thread\n"
    assert [*found.values()] == [""]
