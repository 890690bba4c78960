"""Kernels that are forked live, work and end as others do."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

import pytest
from jupyter_client.manager import AsyncKernelManager

from conkernelclient.errors import DeadKernelError
from conkernelclient.forks import provisioner, servers
from conkernelclient.forks.process import ForkedProcess
from tests.clients import LONG, client_of

from .conftest import manager_of
from .test_server import until_ended

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

MODULES: Final = ["conkernelclient.kernel", "ipykernel_launcher"]
PRINTS: Final = "import sys; print('out'); print('e', file=sys.stderr)"
DRIVER: Final = """
import asyncio, sys
from pathlib import Path
from tests.forks.conftest import manager_of
from conkernelclient.forks import servers

async def main():
    km = manager_of(Path(sys.argv[1]))
    await km.start_kernel()
    print(km.provisioner.pid, *servers.pids(), flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.fixture(autouse=True)
def _said() -> None:
    """Say what was said in another test."""
    provisioner._said.clear()


@pytest.fixture(params=MODULES)
async def km(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    """A manager of a forked kernel, of ours and of ipykernel."""
    manager = manager_of(tmp_path, module=request.param)
    await manager.start_kernel()
    yield manager
    await manager.shutdown_kernel(now=True)


async def value_of(kc: Any, code: str) -> str:
    result = await asyncio.wait_for(kc.run(code), LONG)
    assert result.status == "ok", result.error
    return result.data["text/plain"]


async def test_a_forked_kernel_works(km: Any) -> None:
    """It runs, prints, is interrupted, restarted and shut down."""
    assert isinstance(km.provisioner.process, ForkedProcess)
    async with client_of(km) as kc:
        assert await value_of(kc, "import os; os.getppid()") == str(servers.pids()[0])
        result = await asyncio.wait_for(kc.run(PRINTS), LONG)
        assert (result.stdout, result.stderr) == ("out\n", "e\n")
        run = kc.run("print('begun', flush=True); import time; time.sleep(600)")
        await asyncio.wait_for(anext(aiter(run)), LONG)
        await km.interrupt_kernel()
        assert (await asyncio.wait_for(run, LONG)).error.ename == "KeyboardInterrupt"
        before = km.provisioner.pid
        await km.restart_kernel()
        assert await value_of(kc, "import os; os.getpid()") == str(km.provisioner.pid)
        assert km.provisioner.pid != before


async def test_the_death_of_a_forked_kernel_is_told(km: Any) -> None:
    """With its exit status, to who waits for it."""
    async with client_of(km) as kc:
        await value_of(kc, "1")
        run = kc.run("import os; os._exit(9)")
        with pytest.raises(DeadKernelError, match="9"):
            await asyncio.wait_for(run, LONG)
    assert not await km.is_alive()


async def test_modules_are_there_before_the_cells(tmp_path: Path) -> None:
    """Those that the kernelspec names."""
    km = manager_of(tmp_path, preload=["wave"])
    await km.start_kernel()
    try:
        async with client_of(km) as kc:
            assert await value_of(kc, "import sys; 'wave' in sys.modules") == "True"
    finally:
        await km.shutdown_kernel(now=True)


async def test_where_there_is_no_fork_a_fresh_process_starts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which is said, once."""
    monkeypatch.setattr(servers, "CAN_FORK", False)
    km = manager_of(tmp_path)
    for _ in range(2):
        await km.start_kernel()
        assert type(km.provisioner.process) is subprocess.Popen
        async with client_of(km) as kc:
            assert await value_of(kc, "1") == "1"
        await km.shutdown_kernel(now=True)
    said = [it for it in caplog.messages if "starts as a fresh process" in it]
    assert said == ["the kernel starts as a fresh process: this system has no fork"]


@pytest.mark.parametrize("arguments", [{"umask": 0o22}, {"cwd": None}])
async def test_what_no_fork_takes_starts_a_fresh_process(
    tmp_path: Path, arguments: dict[str, Any]
) -> None:
    """And what is not given is no reason for one."""
    km = manager_of(tmp_path)
    await km.start_kernel(**arguments)
    try:
        assert isinstance(km.provisioner.process, ForkedProcess) is ("umask" not in arguments)
    finally:
        await km.shutdown_kernel(now=True)


async def test_an_argument_that_nobody_takes_is_named(tmp_path: Path) -> None:
    """With the nearest known one, before a process is started."""
    with pytest.raises(TypeError, match="did you mean 'cwd'"):
        await manager_of(tmp_path).start_kernel(cdw="/")
    assert servers.pids() == []


async def test_jupyter_client_s_own_manager_starts_it(tmp_path: Path) -> None:
    """The provisioner needs nothing of this package's client."""
    specs = manager_of(tmp_path).kernel_spec_manager
    km = AsyncKernelManager(kernel_name="forked", kernel_spec_manager=specs)
    await km.start_kernel(stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        kc = km.client()
        kc.start_channels()
        await kc.wait_for_ready(timeout=LONG)
        assert isinstance(km.provisioner.process, ForkedProcess)
        reply = await kc.execute_interactive("1", timeout=LONG)
        assert reply["content"]["status"] == "ok"
        kc.stop_channels()
    finally:
        await km.shutdown_kernel(now=True)


async def test_kernels_end_when_their_program_is_killed(tmp_path: Path) -> None:
    """And so does the server."""
    driver = await asyncio.to_thread(
        subprocess.Popen,
        [sys.executable, "-c", DRIVER, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert driver.stdout is not None
    with driver, driver.stdout:
        kernel, server = map(int, (await asyncio.to_thread(driver.stdout.readline)).split())
        os.kill(driver.pid, signal.SIGKILL)
    await until_ended(server)
    await until_ended(kernel)


async def test_twenty_kernels_start_at_once(tmp_path: Path) -> None:
    """Each is itself."""
    managers = []
    for number in range(20):
        (tmp_path / str(number)).mkdir()
        managers.append(manager_of(tmp_path / str(number)))
    try:
        await asyncio.gather(*(it.start_kernel() for it in managers))
        assert len({it.provisioner.pid for it in managers}) == 20
        assert len(servers.pids()) == 1
        for manager in managers:
            async with client_of(manager) as kc:
                assert await value_of(kc, "import os; os.getpid()") == str(manager.provisioner.pid)
    finally:
        await asyncio.gather(*(it.shutdown_kernel(now=True) for it in managers))
