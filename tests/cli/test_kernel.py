"""The kernel's own command starts it in the foreground, and ends with it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import pytest

from conkernelclient import ConKernelClient
from tests.cli.shell import CONKERNEL, conkernel
from tests.clients import until
from tests.manager.processes import is_running

CHANNELS = ("shell", "iopub", "stdin", "control", "hb")

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path


def test_the_kernels_commands_are_its_own() -> None:
    """With their help and their exit status: the kernel is a program of its own."""
    done = conkernel("kernel", "--help")
    assert done.returncode == 0
    assert "conkernel kernel" in done.stdout
    assert conkernel("kernel", "nonsense").returncode == 2
    assert conkernel("kernel", "uninstall", "--name", "no-such-kernel").returncode == 1


def test_no_command_of_the_kernel_says_which_there_are() -> None:
    """With exit status 2, and no kernel is started."""
    done = conkernel("kernel")
    assert done.returncode == 2
    assert "uninstall" in done.stdout


@contextmanager
def started(connection_file: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A kernel in the foreground of a shell."""
    command = [*CONKERNEL, "kernel", "start", "-f", str(connection_file)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def connection_file(tmp_path: Path) -> Path:
    """The connection file of a kernel to come, with sockets that only its user reaches."""
    path = tmp_path / "kernel.json"
    ports = {f"{name}_port": 1 + i for i, name in enumerate(CHANNELS)}
    where = {"transport": "ipc", "ip": str(tmp_path / "socket")}
    path.write_text(json.dumps({**where, **ports, "key": "k", "signature_scheme": "hmac-sha256"}))
    return path


@asynccontextmanager
async def front_end(connection_file: Path) -> AsyncIterator[ConKernelClient]:
    """A client of that kernel, once it is there."""
    kc = ConKernelClient(connection_file=str(connection_file))
    kc.load_connection_file()
    kc.start_channels()
    try:
        await kc.wait_for_ready(timeout=60)
        yield kc
    finally:
        kc.stop_channels()


async def test_a_kernel_runs_in_the_foreground_until_a_front_end_ends_it(
    connection_file: Path,
) -> None:
    """With the exit status of its process."""
    with started(connection_file) as process:
        async with front_end(connection_file) as kc:
            assert (await kc.run("6 * 7")).text == "42\n"
            reply = await kc.shutdown(reply=True)
        assert reply["content"] == {"status": "ok", "restart": False}
        assert await asyncio.to_thread(process.wait, 30) == 0


async def test_a_kernel_in_the_foreground_ends_with_its_command(connection_file: Path) -> None:
    """Also when that is killed: nobody could end it any more."""
    with started(connection_file) as process:
        async with front_end(connection_file) as kc:
            (pid,) = map(int, (await kc.run("import os; print(os.getpid())")).text.split())
        process.kill()
        await until(lambda: not is_running(pid))


async def test_an_interrupt_from_the_terminal_reaches_the_cells_alone(
    connection_file: Path,
) -> None:
    """Its command goes on, and so does the kernel."""
    with started(connection_file) as process:
        async with front_end(connection_file) as kc:
            pid = int((await kc.run("import os; print(os.getpid())")).text)
            run = kc.run("print('here', flush=True)\nwhile True: pass")
            async for _event in run:
                break
            for number in (pid, process.pid):  # as the terminal's driver does
                os.kill(number, signal.SIGINT)
            assert (await run).error.ename == "KeyboardInterrupt"
            assert (await kc.run("1")).status == "ok"
        assert process.poll() is None
