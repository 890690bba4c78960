"""A timeout settles within 3 s, whatever the code does, and the next run is right."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.clients import LONG, client_of, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from conkernelclient import ConKernelManager

LIMIT = 3.0  # seconds from the call to the result
BLOCKING = {
    "while True: pass": {},
    "import time; time.sleep(600)": {},
    "input()": {"on_stdin": lambda _: asyncio.Event().wait()},
}


@pytest.mark.parametrize("code", BLOCKING)
async def test_code_that_blocks_ends_with_its_partial_output(
    km: ConKernelManager, measured: Callable[[str, str, str], None], code: str
) -> None:
    """And the next run works."""
    async with client_of(km) as kc:
        options: Any = BLOCKING[code]
        began = time.monotonic()
        result = await kc.run(f"print('partial', flush=True)\n{code}", timeout=1, **options)
        took = time.monotonic() - began
        began = time.monotonic()
        following = await asyncio.wait_for(kc.run("print('next')"), LONG)
        then = time.monotonic() - began
        measured(
            "4",
            f"`{code}` with timeout=1: within 3 s, 'timeout', partial output, next run right",
            f"{took:.2f} s, {result.status}, {result.stdout!r}, next run {following.status} after "
            f"{then:.2f} s",
        )
        assert (result.status, result.stdout) == ("timeout", "partial\n")
        assert not result.still_running
        assert took < LIMIT
        assert (following.status, following.stdout) == ("ok", "next\n")


async def test_code_that_swallows_interrupts_is_said_to_be_running_still(
    km: ConKernelManager, measured: Callable[[str, str, str], None]
) -> None:
    """What waits behind it with a start_timeout ends unsent, and never runs."""
    async with client_of(km) as kc:
        subshell = await kc.create_subshell()
        await kc.run("import threading; end = threading.Event(); ran = False; swallowed = 0")
        began = time.monotonic()
        stubborn = kc.run(
            "print('partial', flush=True)\n"
            "while not end.is_set():\n"
            "    try:\n"
            "        while not end.wait(0.01): pass\n"
            "    except KeyboardInterrupt:\n"
            "        swallowed += 1",
            timeout=1,
        )
        result = await stubborn
        took = time.monotonic() - began
        began = time.monotonic()
        behind = await kc.run("ran = True", start_timeout=1)
        waited = time.monotonic() - began
        measured(
            "4",
            "code that swallows KeyboardInterrupt, timeout=1: within 3 s, still_running; "
            "the run behind it with start_timeout=1 never starts",
            f"{took:.2f} s, {result.status}, still_running={result.still_running}; the one behind: "
            f"{behind.status} after {waited:.2f} s, started={behind.started}",
        )
        assert (result.status, result.stdout) == ("timeout", "partial\n")
        assert result.still_running
        assert took < LIMIT
        assert (behind.status, behind.started) == ("timeout", False)
        assert behind.held_by == result.msg_id
        assert 1 <= waited < LIMIT
        assert await kc.eval("swallowed", subshell_id=subshell) >= 1
        await kc.eval("end.set()", subshell_id=subshell)
        await until(lambda: stubborn.is_finished)
        assert await asyncio.wait_for(kc.eval("ran"), LONG) is False
        await kc.delete_subshell(subshell)
