"""The manager stands concurrency, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jupyter_client.manager import AsyncKernelManager
from traitlets.config import Config

from conkernelclient import ConKernelManager, errors, run_kernel
from conkernelclient.manager import guardian
from conkernelclient.manager.stderr import StderrTail
from tests.clients import LONG, opened, until

if TYPE_CHECKING:
    pass


def is_running(pid: int) -> bool:
    """Whether there is such a process, not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def pid_of(km: ConKernelManager) -> int:
    """The kernel's process."""
    assert km.provisioner is not None
    return km.provisioner.pid


async def test_shutdowns_and_restarts_at_once_take_turns() -> None:
    """In the order of the calls; the last one says whether there is a kernel."""
    km = ConKernelManager()
    await km.start_kernel()
    async with asyncio.timeout(LONG):
        await asyncio.gather(*(km.restart_kernel(now=True) for _ in range(3)))
        assert await km.is_alive()
        await asyncio.gather(
            km.restart_kernel(now=True), km.interrupt_kernel(), km.shutdown_kernel(now=True)
        )
        assert not await km.is_alive()
        await asyncio.gather(*(km.shutdown_kernel(now=True) for _ in range(3)))
        await asyncio.gather(*(km.shutdown_kernel() for _ in range(2)))
    assert not km.has_kernel


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


async def test_the_guardian_is_there_as_long_as_a_kernel_is() -> None:
    """And not for independent ones."""
    assert guardian.pid() is None
    async with run_kernel():
        pid = guardian.pid()
        assert pid is not None
        async with run_kernel():
            assert guardian.pid() == pid
    assert guardian.pid() is None
    await until(lambda: not is_running(pid))
    async with run_kernel(independent=True):
        assert guardian.pid() is None


DRIVER = """
import asyncio, os, sys
from conkernelclient import ConKernelManager
async def main():
    km = ConKernelManager()
    await km.start_kernel(independent=sys.argv[1] == "independent")
    kc = await km.client().start_channels()
    run = kc.run("import time\\nprint('on', flush=True)\\nwhile True:\\n"
                 " try: time.sleep(9)\\n except BaseException: pass")
    await anext(aiter(run))
    with open(sys.argv[2] + ".new", "w") as file:
        file.write(str(km.provisioner.pid))
    os.rename(sys.argv[2] + ".new", sys.argv[2])
    await asyncio.sleep(600)
asyncio.run(main())
"""


@pytest.mark.parametrize("how", ["owned", "independent"])
async def test_a_driver_that_was_killed_leaves_no_kernel_unless_it_is_independent(
    how: str, tmp_path: Path
) -> None:
    """Within three seconds, whatever the kernel does."""
    file = tmp_path / "pid"
    driver = subprocess.Popen([sys.executable, "-c", DRIVER, how, str(file)])
    try:
        await until(file.exists)
    finally:
        driver.kill()
        driver.wait()
    kernel = int(file.read_text())
    if how == "owned":
        async with asyncio.timeout(3):
            while is_running(kernel):
                await asyncio.sleep(0.01)
    else:
        await asyncio.sleep(0.2)
        assert is_running(kernel)
        os.killpg(kernel, signal.SIGKILL)
        await until(lambda: not is_running(kernel))


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


async def test_what_passes_over_tcp_is_encrypted_where_both_ends_are_ours() -> None:
    """The kernelspec says that the kernel can; a client without the keys hears nothing."""
    async with run_kernel() as kc:
        assert kc.curve_publickey is not None
        assert await kc.eval("1") == 1
        without = {"curve_publickey": None, "curve_secretkey": None, "startup_timeout": 0.3}
        other = kc.parent.client(**without)
        other.start_channels()
        with pytest.raises(errors.ReadyTimeout):
            await other.wait_for_ready(timeout=0.3)
        other.stop_channels()


async def test_run_kernel_stays_plain_where_that_is_asked_for() -> None:
    """It takes the argument of jupyter_client's `start_kernel`."""
    async with run_kernel(transport_encryption="disabled") as kc:
        assert kc.curve_publickey is None


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


@pytest.mark.parametrize(
    "options", [{"stderr": subprocess.DEVNULL}, {"independent": True}, {"capture": False}]
)
async def test_stderr_is_captured_only_where_it_is_ours(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given by the caller, or for a kernel that outlives us, it is not."""
    made: list[StderrTail] = []
    init = StderrTail.__init__
    monkeypatch.setattr(StderrTail, "__init__", lambda self: (made.append(self), init(self))[1])
    km = ConKernelManager(capture_stderr=options.pop("capture", True))
    await km.start_kernel(**options)
    assert made == []
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


async def test_who_gives_up_waiting_for_ready_harms_nobody() -> None:
    """A timeout around it cancels it; the start that it tells of had failed with that."""
    km = ConKernelManager()
    starting = asyncio.ensure_future(km.start_kernel())
    await asyncio.sleep(0)
    km.ready.cancel()
    await asyncio.wait_for(starting, LONG)
    assert await km.is_alive()
    ending = asyncio.ensure_future(km.shutdown_kernel(now=True))
    await asyncio.sleep(0)
    await asyncio.wait_for(km.ready, LONG)
    await ending
