"""What ipykernel does, the kernel does as well: as whole kernels, seen by a client."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from jupyter_client.kernelspec import KernelSpecManager

from conkernelclient import ConKernelManager
from tests.clients import LONG, client_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from conkernelclient import ConKernelClient

ARGV = [sys.executable, "-m", "conkernelclient.kernel", "-f", "{connection_file}"]
# A loop that is not asyncio's: it runs a coroutine to its end, and sleeps where that awaits.
RUNNER = """
import time
def runner(coroutine):
    try:
        while True:
            coroutine.send(None)
            print('slept', flush=True)
            time.sleep(60)
    except StopIteration as ended:
        return ended.value
class Turn:
    def __await__(self):
        yield
%autoawait runner
"""


@pytest.fixture(scope="module")
async def km(
    anyio_backend: Any, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ConKernelManager]:
    """One kernel for the tests of this module."""
    folder = tmp_path_factory.mktemp("kernels") / "conkernel"
    folder.mkdir()
    spec = {"argv": ARGV, "display_name": "conkernel", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec))
    specs = KernelSpecManager(kernel_dirs=[str(folder.parent)])
    manager = ConKernelManager(kernel_name="conkernel", kernel_spec_manager=specs)
    await manager.start_kernel()
    yield manager
    await manager.shutdown_kernel(now=True)


async def printed(kc: ConKernelClient, code: str) -> str:
    """What a cell prints, which ends well."""
    result = await asyncio.wait_for(kc.run(code), LONG)
    assert result.status == "ok", result.error
    return result.stdout


async def test_a_traceback_begins_with_the_cells_own_code(km: ConKernelManager) -> None:
    """It told of a hidden frame: the kernel's, which ran the cell."""
    async with client_of(km) as kc:
        result = await asyncio.wait_for(kc.run("def f():\n    1/0\nf()"), LONG)
    assert result.error is not None
    assert "hidden" not in "".join(result.error.traceback)
    assert "line 3" in result.error.traceback[2]


async def test_the_traceback_of_an_interrupt_ends_with_the_cells_own_code(
    km: ConKernelManager,
) -> None:
    """It showed how the kernel brings a stop about."""
    async with client_of(km) as kc:
        has_begun = asyncio.Event()
        code = "import time; print('begun', flush=True)\ntime.sleep(60)"
        run = kc.run(code, on_output=lambda _event: has_begun.set())
        await asyncio.wait_for(has_begun.wait(), LONG)
        await km.interrupt_kernel()
        result = await asyncio.wait_for(run, LONG)
    assert result.error is not None
    assert result.error.ename == "KeyboardInterrupt"
    assert "conkernelclient" not in "".join(result.error.traceback)


async def test_subshell_tells_where_a_cell_runs(km: ConKernelManager) -> None:
    """And which there are; it looked for a thread of ipykernel's."""
    async with client_of(km) as kc:
        text = await printed(kc, "%subshell")
    assert text.startswith("subshell id: None\nthread id: ")
    assert text.endswith("subshell list: []\n")


async def test_who_asked_is_known_by_channel(km: ConKernelManager) -> None:
    """By the names that extensions of front ends read, and of control as of the latest message."""
    async with client_of(km) as kc:
        await kc.request("kernel_info_request", {}, "control", timeout=LONG)
        code = """
kernel = get_ipython().kernel
print(kernel._parent_ident["shell"] == kernel._parent_ident["control"] != [])
print(kernel.get_parent("shell")["msg_type"], kernel.get_parent("control")["msg_type"])
"""
        assert await printed(kc, code) == "True\nexecute_request kernel_info_request\n"


async def test_a_thread_may_print_for_another_cell(km: ConKernelManager) -> None:
    """From `set_thread_parent` to `reset_thread_parent`."""
    async with client_of(km) as kc:
        await printed(kc, "theirs = get_ipython().get_parent()")
        run = kc.run(
            "token = get_ipython().set_thread_parent(theirs)\n"
            "print('for theirs', flush=True)\n"
            "shown = get_ipython().get_parent()['header'] == theirs['header']\n"
            "get_ipython().reset_thread_parent(token)\n"
            "print(shown, get_ipython().get_parent()['header'] == theirs['header'])"
        )
        result = await asyncio.wait_for(run, LONG)
    assert result.stdout == "True False\n"


async def test_what_a_cell_lets_print_for_another_ends_with_it(km: ConKernelManager) -> None:
    """The next cell prints for itself."""
    async with client_of(km) as kc:
        await printed(kc, "theirs = get_ipython().get_parent()")
        await printed(kc, "get_ipython().set_parent(theirs)")
        assert await printed(kc, "print('mine')") == "mine\n"


async def test_autoawait_runs_a_cell_by_the_runner_it_names_and_an_interrupt_reaches_it(
    km: ConKernelManager,
) -> None:
    """Such a loop is interrupted by a signal, as in ipykernel."""
    async with client_of(km) as kc:
        await printed(kc, RUNNER)
        has_begun = asyncio.Event()
        run = kc.run("await Turn()", on_output=lambda _event: has_begun.set())
        await asyncio.wait_for(has_begun.wait(), LONG)
        await km.interrupt_kernel()
        result = await asyncio.wait_for(run, LONG)
        assert result.error is not None
        assert result.error.ename == "KeyboardInterrupt"
        await printed(kc, "%autoawait asyncio")
        assert await printed(kc, "import asyncio\nprint(await asyncio.sleep(0, 'on'))") == "on\n"


async def test_its_warnings_are_marked_as_ipykernels(km: ConKernelManager) -> None:
    """Programs pass over them by that mark."""
    async with client_of(km) as kc:
        code = (
            "from ipykernel.kernelapp import IPKernelApp\nprint(IPKernelApp.instance().log_format)"
        )
        assert (await printed(kc, code)).startswith("[IPKernelApp]")
