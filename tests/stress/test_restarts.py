"""Rows 2 and 4: restarts with requests in flight, and timeouts that restart or replace."""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import ConKernelManager, Run, errors, events
from tests.clients import LONG, opened
from tests.conftest import KERNEL

from .scale import share

if TYPE_CHECKING:
    from collections.abc import Callable

IN_FLIGHT = 200
ROUNDS = share(20, least=4)

pytestmark = pytest.mark.timeout(300)


async def shown(run: Run) -> None:
    """Wait until the cell has printed something."""
    async for event in run:
        if isinstance(event, events.Stream):
            return


async def test_restarts_with_requests_in_flight(
    tmp_path: Any, measured: Callable[[str, str, str], None]
) -> None:
    """Each of the old queue would leave a file if it ran in the new kernel."""
    km = ConKernelManager(kernel_name=KERNEL)
    await km.start_kernel()
    kc = await opened(km.client())
    failing: list[float] = []
    serving: list[float] = []
    for number in range(ROUNDS):
        leak = f"open({str(tmp_path / f'leak{number}')!r}, 'w').close()"
        run = kc.run("import time; print('on', flush=True); time.sleep(600)")
        waiting = [
            run,
            *(kc.run(leak) for _ in range(IN_FLIGHT // 2)),
            *(kc.execute(leak, reply=True) for _ in range(IN_FLIGHT // 2)),
        ]
        await shown(run)
        began = time.monotonic()
        restarting = asyncio.ensure_future(
            km.restart_kernel(now=number % 2 == 0, newports=number % 4 == 0)
        )
        outcomes = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), LONG)
        failing.append(time.monotonic() - began)
        assert all(isinstance(outcome, errors.KernelRestartedError) for outcome in outcomes)
        result = await asyncio.wait_for(kc.run(f"print({number})"), LONG)
        serving.append(time.monotonic() - began)
        assert result.stdout == f"{number}\n"
        await restarting
        assert kc.stats()["pending"] == 0
    assert list(tmp_path.iterdir()) == []
    kc.stop_channels()
    await km.shutdown_kernel(now=True)
    measured(
        "2",
        f"restart with {IN_FLIGHT} in flight, {ROUNDS} times: all fail at once, the next run is "
        "right, no code of the old queue runs",
        f"all failed within {max(failing) * 1e3:.0f} ms at most (median "
        f"{statistics.median(failing) * 1e3:.0f}); next result after "
        f"{statistics.median(serving):.2f} s (median); 0 leaks",
    )
    assert max(failing) < 0.2


SWALLOWS = (
    "print('on', flush=True)\nimport time\nwhile True:\n"
    " try: time.sleep(9)\n except KeyboardInterrupt: pass"
)


async def test_a_timeout_that_restarts_and_one_in_a_subshell_end_within_three_seconds(
    measured: Callable[[str, str, str], None],
) -> None:
    """With what had been shown; the next run works."""
    km = ConKernelManager(kernel_name=KERNEL)
    await km.start_kernel()
    kc = await opened(km.client())

    async def timed_out(code: str, **options: Any) -> float:
        began = time.monotonic()
        result = await asyncio.wait_for(kc.run(code, timeout=1, **options), LONG)
        took = time.monotonic() - began
        assert (result.status, result.stdout) == ("timeout", "on\n")
        shell = options.get("subshell_id")
        after = kc.run("print('next')", subshell_id=shell)
        assert (await asyncio.wait_for(after, LONG)).stdout == "next\n"
        return took

    restarted = await timed_out(SWALLOWS, on_timeout="restart")
    subshell_id = await kc.create_subshell()
    code = "print('on', flush=True)\nwhile not globals().get('stop'): pass"
    replaced = await timed_out(code, subshell_id=subshell_id)
    await kc.run("stop = True")
    kc.stop_channels()
    await km.shutdown_kernel(now=True)
    measured(
        "4",
        "timeout=1, on_timeout='restart' on a cell that swallows interrupts, and an endless cell "
        "in a subshell: end within 3 s, the next run works",
        f"restart {restarted:.2f} s, subshell {replaced:.2f} s",
    )
    assert max(restarted, replaced) < 3
