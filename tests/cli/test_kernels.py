"""Kernels that run are told from what is left over, in bounded time, and with their process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conkernelclient import ConKernelManager
from conkernelclient.cli import main
from conkernelclient.cli.kernels import (
    PORTS,
    NotAConnectionError,
    connection_files,
    look_at,
    read_connection,
    seen,
)
from tests.clients import LONG


def connection(ip: str = "127.0.0.1", **given: object) -> str:
    """The text of a connection file."""
    ports = dict.fromkeys(PORTS, 1)
    return json.dumps({"transport": "tcp", "ip": ip, "key": "k", **ports, **given})


async def test_a_kernel_that_answers_is_alive_and_its_process_is_known(
    running: Path, pid: int
) -> None:
    """By the ports at which it listens."""
    (kernel,) = await seen()
    assert (kernel.state, kernel.pid, kernel.name) == ("alive", pid, "shared-1")
    assert 0 < kernel.age < 1000
    assert kernel.encryption is None


async def test_a_kernel_that_is_stopped_is_silent_and_its_process_is_known(
    running: Path, pid: int
) -> None:
    """It does not answer, and has not ended."""
    os.kill(pid, signal.SIGSTOP)
    try:
        (kernel,) = await seen()
        assert (kernel.state, kernel.pid) == ("silent", pid)
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_the_kernel_and_not_what_it_forked_off_is_its_process(
    running: Path, pid: int
) -> None:
    """Its child has its sockets as well."""
    from conkernelclient.cli.finding import attached

    (kernel,) = await seen()
    async with attached(kernel) as kc:
        forked = await kc.run("import os, time\nchild = os.fork()\nif not child: time.sleep(600)")
        assert forked.ok
        assert [one.pid for one in await seen()] == [pid]
        await kc.run("os.kill(child, 9), os.waitpid(child, 0)")


async def test_encrypted_kernels_and_those_on_ipc_are_seen(runtime: Path) -> None:
    """And their process is known."""
    files = [str(runtime / "kernel-a.json"), str(runtime / "kernel-b.json")]
    encrypted = ConKernelManager(transport_encryption="required", connection_file=files[0])
    local = ConKernelManager(transport="ipc", ip=str(runtime / "s"), connection_file=files[1])
    for km in (encrypted, local):
        await km.start_kernel()
    try:
        kcs = [km.client() for km in (encrypted, local)]
        for kc in kcs:
            kc.start_channels()
            await kc.wait_for_ready(timeout=LONG)
            kc.stop_channels()
        found = {str(kernel.path): kernel for kernel in await seen()}
        for km in (encrypted, local):
            kernel = found[km.connection_file]
            assert kernel.state == "alive"
            assert kernel.pid == km.provisioner.pid
            assert kernel.spec == "python3"
        assert found[encrypted.connection_file].encryption == "CURVE"
    finally:
        for km in (encrypted, local):
            await km.shutdown_kernel(now=True)


async def test_whatever_hangs_looking_takes_no_more_than_two_seconds(runtime: Path) -> None:
    """Many that take a connection and say nothing, and many where there is nobody."""
    with closing(socket.socket()) as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen(1)
        for number in range(150):
            port = mute.getsockname()[1] if number % 2 else 1
            (runtime / f"kernel-{number}.json").write_text(connection(hb_port=port))
        (runtime / "kernel-far.json").write_text(connection(ip="192.0.2.1"))
        (runtime / "kernel-odd.json").write_text(connection(ip="no such host", hb_port=-1))
        (runtime / "kernel-ipc.json").write_text(connection(transport="ipc"))
        began = time.monotonic()
        kernels = await seen()
        assert time.monotonic() - began < 2.5  # the bound, and what a machine that is busy adds
    assert len(kernels) == 153
    assert {kernel.state for kernel in kernels} == {"stale"}
    assert {kernel.pid for kernel in kernels} == {None}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff", "not JSON"),
        (b"[" * 60_000, "not JSON"),
        (b"[]", "no JSON object"),
        (b'{"ip": "127.0.0.1"}', "lacks shell_port"),
        (connection(shell_port="1").encode(), "lacks shell_port"),
        (connection(hb_port=True).encode(), "lacks hb_port"),
        (connection(ip=7).encode(), "lacks ip"),  # type: ignore[arg-type]
        (b" " * 70_000, "more than"),
    ],
    ids=range(8),
)
async def test_what_is_no_connection_file_is_left_out(
    content: bytes, said: str, runtime: Path
) -> None:
    """And the reason can be told; nothing that hangs when it is opened is opened."""
    path = runtime / "kernel-x.json"
    path.write_bytes(content)
    os.mkfifo(runtime / "kernel-pipe.json")
    assert connection_files() == []
    assert await look_at([path, runtime / "nothing.json"]) == []
    with pytest.raises(NotAConnectionError, match=said):
        read_connection(path)
    with pytest.raises(NotAConnectionError, match="no file"):
        read_connection(runtime / "kernel-pipe.json")


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.fixed_dictionaries(
        {"ip": st.text() | st.just("127.0.0.1"), "hb_port": st.integers()},
        optional={
            "transport": st.sampled_from(["tcp", "ipc", "udp", None, []]),
            "kernel_name": st.none() | st.integers() | st.text(),
            "curve_publickey": st.none() | st.integers() | st.text() | st.just("x" * 40),
        },
    )
)
def test_rubbish_in_a_connection_file_costs_that_kernel_alone(
    runtime: Path, said: dict[str, object]
) -> None:
    """It is taken for one that has ended."""
    (runtime / "kernel-odd.json").write_text(connection(**said))  # type: ignore[arg-type]
    (runtime / "kernel-old.json").write_text(connection())
    kernels = asyncio.run(seen())
    assert {kernel.name: kernel.state for kernel in kernels} == {"odd": "stale", "old": "stale"}
    assert main(["ps", "--all"]) == 0


async def test_a_port_that_another_program_has_since_is_not_the_kernels(runtime: Path) -> None:
    """A kernel's process listens at all five."""
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen(1)
        port = other.getsockname()[1]
        (runtime / "kernel-old.json").write_text(connection(shell_port=port))
        (kernel,) = await seen()
    assert (kernel.state, kernel.pid) == ("stale", None)


async def test_a_directory_that_there_is_not_has_no_kernels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As before the first one was started."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "none"))
    assert await seen() == []


async def test_without_psutil_heartbeats_alone_count(
    running: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process is not known then."""
    monkeypatch.setitem(sys.modules, "psutil", None)
    (kernel,) = await seen()
    assert (kernel.state, kernel.pid) == ("alive", None)
