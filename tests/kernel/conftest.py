"""A kernel of ours for the tests of a module, and what its clients say to it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest
from jupyter_client.kernelspec import KernelSpecManager

from conkernelclient import ConKernelManager
from conkernelclient.outputs.events import Stream
from tests.clients import LONG

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from conkernelclient import ConKernelClient
    from conkernelclient.client.run import Run
    from conkernelclient.outputs.result import Event

ARGV = [sys.executable, "-m", "conkernelclient.kernel", "-f", "{connection_file}"]


def manager_of(path: Path, *arguments: str) -> ConKernelManager:
    """A manager of our kernel, whose kernelspec is made in `path`."""
    spec = {"argv": [*ARGV, *arguments], "display_name": "conkernel", "language": "python"}
    folder = path / "conkernel"
    folder.mkdir()
    (folder / "kernel.json").write_text(json.dumps(spec))
    specs = KernelSpecManager(kernel_dirs=[str(path)])
    return ConKernelManager(kernel_name="conkernel", kernel_spec_manager=specs)


async def start(manager: ConKernelManager) -> None:
    """Start its kernel, as it is outside of a test: ipykernel does less in one."""
    env = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    await manager.start_kernel(env=env)


@pytest.fixture(scope="module")
async def km(
    anyio_backend: Any, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ConKernelManager]:
    """One kernel of ours for the tests of a module."""
    manager = manager_of(tmp_path_factory.mktemp("kernels"))
    await start(manager)
    yield manager
    await manager.shutdown_kernel(now=True)


@pytest.fixture
async def mortal(tmp_path: Path) -> AsyncIterator[ConKernelManager]:
    """One kernel of ours for one test, which may end it."""
    manager = manager_of(tmp_path)
    await start(manager)
    yield manager
    await manager.shutdown_kernel(now=True)


async def raw(
    kc: ConKernelClient, code: str, *, subshell_id: str | None = None, **meta: Any
) -> Any:
    """The result of a cell, whose request has this metadata."""
    run = kc.run(code, metadata=meta, subshell_id=subshell_id)
    return await asyncio.wait_for(run, LONG)


async def value_of(kc: ConKernelClient, code: str, **meta: Any) -> str | None:
    """The plain text of a cell's value."""
    result = await raw(kc, code, **meta)
    assert result.status == "ok", result.error
    return None if result.data is None else result.data["text/plain"]


async def begun(
    kc: ConKernelClient, code: str, *, subshell_id: str | None = None, **meta: Any
) -> Run:
    """A cell that has printed "begun", and goes on with `code`."""
    return await printing(
        kc, f"print('begun', flush=True)\n{code}", subshell_id=subshell_id, **meta
    )


async def printing(
    kc: ConKernelClient, code: str, *, subshell_id: str | None = None, **meta: Any
) -> Run:
    """A cell that has printed something."""
    has_printed = asyncio.Event()

    def note(event: Event) -> None:
        if isinstance(event, Stream):
            has_printed.set()

    run = kc.run(code, on_output=note, metadata=meta, subshell_id=subshell_id)
    await asyncio.wait_for(has_printed.wait(), LONG)
    return run


async def ended(*runs: Run) -> list[Any]:
    """The results of runs."""
    return await asyncio.wait_for(asyncio.gather(*runs), LONG)


async def asked(kc: ConKernelClient, msg_type: str, /, **content: Any) -> dict[str, Any]:
    """The content of the reply to a request on control."""
    reply = await kc.request(msg_type, content, "control", timeout=LONG)
    return reply["content"]


async def cancelled(kc: ConKernelClient, *runs: Run | str) -> list[str]:
    """What an interrupt request that names these runs found of each."""
    msg_ids = [run if isinstance(run, str) else run.msg_id for run in runs]
    content = await asked(kc, "interrupt_request", msg_ids=msg_ids)
    assert content["status"] == "ok", content
    return [content["requests"][msg_id] for msg_id in msg_ids]


async def listed(kc: ConKernelClient) -> dict[str, str]:
    """The states of the requests that wait and run, by their ids."""
    content = await asked(kc, "list_requests")
    return {one["msg_id"]: one["state"] for one in content["requests"]}
