"""The manager stands concurrency, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import AsyncKernelManager
from traitlets.config import Config

from conkernelclient import ConKernelManager, errors
from tests.clients import LONG, client_of, opened
from tests.manager.processes import is_running, pid_of


@pytest.mark.parametrize("steps", range(6))
async def test_a_start_that_is_cancelled_leaves_no_process(
    steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whenever it is cancelled."""
    pids: list[int] = []
    popen = subprocess.Popen

    class Popen(popen):  # type: ignore[type-arg]
        def __init__(self, args: Any, *more: Any, **options: Any) -> None:
            super().__init__(args, *more, **options)
            pids.append(self.pid)

    monkeypatch.setattr("jupyter_client.launcher.Popen", Popen)
    km = ConKernelManager()
    starting = asyncio.ensure_future(km.start_kernel())
    for _ in range(steps):
        await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(starting, LONG)
    assert not any(map(is_running, pids))
    assert not km.has_kernel
    assert not os.path.exists(km.connection_file) or not pids


async def test_a_shutdown_that_is_cancelled_goes_on_to_its_end(mortal: ConKernelManager) -> None:
    """What started a kernel shuts it down."""
    pid = pid_of(mortal)
    ending = asyncio.ensure_future(mortal.shutdown_kernel(now=True))
    await asyncio.sleep(0)
    ending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(ending, LONG)
    assert not is_running(pid)


async def test_how_the_process_ended_is_known_once_it_has(mortal: ConKernelManager) -> None:
    """By its exit status, or by the signal."""
    assert ConKernelManager().exit_code is None
    for code, status in (("os._exit(7)", 7), ("os.kill(os.getpid(), 9)", -9)):
        async with client_of(mortal) as kc:
            assert mortal.exit_code is None
            with pytest.raises(errors.DeadKernelError):
                await kc.run(f"import os; {code}")
        assert mortal.exit_code == status
        await mortal.restart_kernel(now=True)


async def test_an_interrupt_that_waited_for_a_restart_does_not_hit_the_new_kernel(
    mortal: ConKernelManager,
) -> None:
    """It was meant for the old one; a kernel that starts would die of it."""
    kc = await mortal.client().start_channels()
    restarting = asyncio.ensure_future(mortal.restart_kernel(now=True))
    await asyncio.sleep(0)
    await asyncio.wait_for(asyncio.gather(restarting, mortal.interrupt_kernel()), LONG)
    assert (await asyncio.wait_for(kc.run("'unharmed'"), LONG)).text == "'unharmed'\n"
    kc.stop_channels()


async def test_a_kernel_that_finds_its_port_taken_starts_again_with_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The client notices nothing."""
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        taken = squatter.getsockname()[1]

        class Unlucky(ConKernelManager):
            async def _async_launch_kernel(self, kernel_cmd: list[str], **kw: Any) -> None:
                if not caplog.text:
                    self.iopub_port = taken
                    os.unlink(self.connection_file)
                    self._connection_file_written = False
                    self.write_connection_file()
                    assert self.provisioner is not None
                    self.provisioner.connection_info = self.get_connection_info()
                await super()._async_launch_kernel(kernel_cmd, **kw)

        km = Unlucky()
        await km.start_kernel()
        kc = await opened(km.client())
        assert "ports taken" in caplog.text
        assert taken not in km.ports
        assert (await kc.run("'well'")).text == "'well'\n"
        kc.stop_channels()
        await km.shutdown_kernel(now=True)


async def test_ipc_kernels_start_at_once_in_any_directory_and_leave_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their sockets are in a directory of their own, also after a restart."""
    monkeypatch.chdir(tmp_path)
    managers = [ConKernelManager(transport="ipc") for _ in range(3)]
    async with asyncio.timeout(LONG):
        await asyncio.gather(*(km.start_kernel(cwd="/") for km in managers))
        clients = [await km.client().start_channels() for km in managers]
        for number, kc in enumerate(clients):
            assert await kc.eval(f"{number}") == number
        folders = {os.path.dirname(km.ip) for km in managers}
        assert len(folders) == 3
        assert all(os.stat(folder).st_mode & 0o077 == 0 for folder in folders)
        await managers[0].restart_kernel(newports=True)
        assert (await clients[0].run("'again'")).text == "'again'\n"
        folders.add(os.path.dirname(managers[0].ip))
        for kc, km in zip(clients, managers, strict=True):
            kc.stop_channels()
            await km.shutdown_kernel(now=True)
    assert not [folder for folder in folders if os.path.exists(folder)]
    assert list(tmp_path.iterdir()) == []


async def test_a_manager_encrypts_as_the_one_that_it_takes_the_place_of(
    mortal: ConKernelManager,
) -> None:
    """Not unless it is told to: whoever attaches to its connection file needs no keys."""
    assert mortal.transport_encryption == AsyncKernelManager().transport_encryption
    assert "curve_publickey" not in json.loads(Path(mortal.connection_file).read_text())
    config = Config({"ConKernelManager": {"transport_encryption": "auto"}})
    assert ConKernelManager(config=config).transport_encryption == "auto"
    general = Config({"KernelManager": {"transport_encryption": "auto"}})
    assert ConKernelManager(config=general).transport_encryption == "auto"


async def test_a_kernel_that_does_not_declare_it_stays_plain() -> None:
    """Its own library may not have it."""
    km = ConKernelManager(transport_encryption="auto")
    assert km.kernel_spec is not None
    km.kernel_spec.metadata = {}
    await km.start_kernel()
    kc = await km.client().start_channels()
    assert kc.curve_publickey is None
    assert await kc.eval("1") == 1
    kc.stop_channels()
    await km.shutdown_kernel(now=True)


async def test_a_manager_serves_one_loop_after_the_other(tmp_path: Path) -> None:
    """Its kernel's end is noticed in each of them."""
    code = """
import asyncio
from conkernelclient import ConKernelManager, errors
km = ConKernelManager()
kc = km.client()
async def start():
    await km.start_kernel()
    kc.load_connection_info(km.get_connection_info())
    await kc.start_channels()
async def die():
    try:
        await kc.run("import os; os._exit(7)")
    except errors.DeadKernelError as error:
        return error.exit_code
async def again():
    await km.restart_kernel()
    return (await kc.run("6 * 7")).text
async def end():
    kc.stop_channels()
    await km.shutdown_kernel(now=True)
asyncio.run(start())
print(asyncio.run(die()), asyncio.run(again()))
asyncio.run(end())
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=subprocess.PIPE, cwd=tmp_path
    )
    out, _ = await asyncio.wait_for(process.communicate(), LONG)
    assert out.decode().split() == ["7", "42"]


async def test_an_interrupt_that_has_to_wait_for_a_shutdown_is_dropped() -> None:
    """Its kernel is gone; one that comes later says so, as jupyter_client does."""
    km = ConKernelManager(kernel_name="python3")
    await km.start_kernel()
    await asyncio.gather(km.shutdown_kernel(now=True), km.interrupt_kernel())
    with pytest.raises(RuntimeError, match="No kernel is running"):
        await km.interrupt_kernel()
