"""Our kernel is as large after many requests as before, and has no more threads and files."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any, Final

import psutil
import pytest

from tests.clients import LONG, client_of
from tests.kernel.conftest import asked

from .scale import FULL, share

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from conkernelclient import ConKernelClient, ConKernelManager

pytestmark = pytest.mark.timeout(3600)

REQUESTS: Final = 1_000_000 if FULL else 10_000
DISPLAYS: Final = share(10_000)
SUBSHELLS: Final = 1_000 if FULL else 60
AT_ONCE: Final = 100
# Bytes that the second half may add. What is kept of the last requests, as the signatures of the
# last 65,536, is full only in a long run: here a leak of 1 kB of each would be found.
GROWTH: Final = 5_000_000


async def in_batches(count: int, do: Callable[[int], Awaitable[Any]]) -> None:
    """Do it so many times, 100 at once."""
    for first in range(0, count, AT_ONCE):
        some = range(first, min(first + AT_ONCE, count))
        await asyncio.wait_for(asyncio.gather(*map(do, some)), LONG)


async def requests(kc: ConKernelClient, count: int) -> None:
    async def one(_number: int) -> None:
        await kc.execute("None", reply=True, store_history=False)

    await in_batches(count, one)


async def displays(kc: ConKernelClient, count: int) -> None:
    async def one(number: int) -> None:
        code = f"from IPython.display import display; display({number}, 'x' * 1000)"
        result = await kc.run(code, store_history=False)
        assert result.status == "ok"

    await in_batches(count, one)


async def subshells(kc: ConKernelClient, count: int) -> None:
    for number in range(count):
        subshell_id = await asyncio.wait_for(kc.create_subshell(), LONG)
        result = await asyncio.wait_for(kc.run(f"{number}", subshell_id=subshell_id), LONG)
        assert result.data["text/plain"] == str(number)
        await asyncio.wait_for(kc.delete_subshell(subshell_id), LONG)


@pytest.mark.parametrize(
    ("do", "count"), [(requests, REQUESTS), (displays, DISPLAYS), (subshells, SUBSHELLS)]
)
async def test_nothing_is_left_of_what_was_done(
    ours: ConKernelManager,
    measured: Callable[[str, str, str], None],
    do: Callable[[ConKernelClient, int], Awaitable[None]],
    count: int,
) -> None:
    """The second half of it adds nothing to memory, threads and descriptors."""
    async with client_of(ours, window=None) as kc:
        kernel = psutil.Process(int((await kc.run("import os; os.getpid()")).text))
        assert kernel.pid != os.getpid()
        await until_loaded(kc)
        await do(kc, count // 2)
        before = await held(kc, kernel)
        await do(kc, count - count // 2)
        after = await held(kc, kernel)
    what = f"{count:,} {do.__name__}"
    measured(what, "flat", f"{before[0] / 1e6:.1f}, then {after[0] / 1e6:.1f} MB; {after[1:]}")
    assert after[1:] == before[1:]
    assert after[0] - before[0] < GROWTH


async def until_loaded(kc: ConKernelClient) -> None:
    """Wait until the kernel has loaded what completions need, which it does when it is idle."""
    is_warm = "get_ipython().kernel._language._is_warm"
    while (await kc.run(is_warm, store_history=False)).text.strip() != "True":
        await asyncio.sleep(0.5)


async def held(kc: ConKernelClient, kernel: psutil.Process) -> tuple[int, int, int]:
    """Memory, threads, and descriptors, when nothing goes on."""
    await asked(kc, "list_subshell_request")
    code = "import gc; gc.collect(); len(gc.get_objects())"
    assert (await kc.run(code, store_history=False)).status == "ok"
    before = None
    while (now := (kernel.num_threads(), kernel.num_fds())) != before:
        before = now
        await asyncio.sleep(0.3)  # a thread that was asked to end is about to
    return kernel.memory_info().rss, *now
