"""A kernel that runs, which no test started and none may end."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from conkernelclient import ConKernelClient
from tests.clients import LONG

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def kernel_at(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A kernel whose connection file is `path`."""
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", str(path)]
    with subprocess.Popen(
        command, cwd=path.parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            asyncio.run(_is_ready(path))
            yield process
        finally:
            process.kill()


async def _is_ready(path: Path) -> None:
    async with asyncio.timeout(LONG):
        while not path.exists() or not path.read_bytes().endswith(b"}"):
            await asyncio.sleep(0.01)
    kc = ConKernelClient(connection_file=str(path))
    kc.load_connection_file()
    kc.start_channels()
    try:
        await kc.wait_for_ready(timeout=LONG)
    finally:
        kc.stop_channels()


@pytest.fixture(scope="session")
def shared_kernel(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    """Its connection file, and its process."""
    path = tmp_path_factory.mktemp("runtime") / "kernel-shared-1.json"
    with kernel_at(path) as process:
        yield path, process


@pytest.fixture
def running(
    shared_kernel: tuple[Path, subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The connection file of the shared kernel, which is in the runtime directory."""
    path, process = shared_kernel
    assert process.poll() is None, "a test has ended the shared kernel"
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(path.parent))
    return path


@pytest.fixture
def pid(running: Path, shared_kernel: tuple[Path, subprocess.Popen[bytes]]) -> int:
    """The process of the shared kernel."""
    return shared_kernel[1].pid


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runtime directory without kernels."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    return tmp_path
