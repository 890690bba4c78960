"""Forks, and no server left behind."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import TYPE_CHECKING, Any, Final

import pytest
from jupyter_client.kernelspec import KernelSpecManager

from conkernelclient import ConKernelManager
from conkernelclient.forks import servers
from conkernelclient.forks.program import PARTS
from tests.clients import LONG

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conkernelclient.forks.process import ForkedProcess

# A module that is run as a kernel is, and does what its first argument says.
PROGRAM: Final = "fork_program"
TEXT: Final = """
import sys
if __name__ == "__main__":
    exec(sys.argv[1])
"""


@pytest.fixture(autouse=True)
def _own_servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """End the servers of a test; those that other tests' kernels have are set aside."""
    monkeypatch.setattr(servers, "_running", {})
    yield
    servers.end_all()
    assert servers.pids() == []


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of a program that can be forked, which `forked` runs."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / f"{PROGRAM}.py").write_text(TEXT)
    monkeypatch.setitem(PARTS, PROGRAM, ("json",))
    paths = [str(folder), os.environ.get("PYTHONPATH", "")]
    return dict(os.environ) | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


async def forked(env: dict[str, str], code: str, **more: Any) -> ForkedProcess:
    """A fork that runs this code."""
    command = [sys.executable, "-m", PROGRAM, code]
    process, _failures = await asyncio.wait_for(servers.fork(command, env=env, **more), LONG)
    return process


def manager_of(path: Path, *, module: str = "conkernelclient.kernel", **meta: Any) -> Any:
    """A manager of a kernel that is forked, whose kernelspec is made in `path`."""
    spec = {
        "argv": [sys.executable, "-m", module, "-f", "{connection_file}"],
        "display_name": "forked",
        "language": "python",
        "metadata": {"kernel_provisioner": {"provisioner_name": "conkernel-fork"}} | meta,
    }
    folder = path / "forked"
    folder.mkdir()
    (folder / "kernel.json").write_text(json.dumps(spec))
    specs = KernelSpecManager(kernel_dirs=[str(path)], ensure_native_kernel=False)
    return ConKernelManager(kernel_name="forked", kernel_spec_manager=specs)
