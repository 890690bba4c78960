"""What runs in a kernel is interrupted from a shell, by a message or by the signal."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient.cli import main
from conkernelclient.cli.finding import attached, find
from conkernelclient.cli.interrupt import ask_for_interrupt, signal_interrupt
from conkernelclient.errors import NotInterruptibleError
from tests.cli.test_finding import STALE

if TYPE_CHECKING:
    from pathlib import Path

    from conkernelclient import ConKernelClient

LOOP = "print('here', flush=True)\nwhile True: pass"
# From then on the kernel answers no interrupt_request.
DEAF = "handlers = get_ipython().kernel.control_handlers; kept = handlers.pop('interrupt_request')"


async def conkernel_interrupt(kc: ConKernelClient, capsys: pytest.CaptureFixture[str]) -> Any:
    """What the command says, given while a cell of `kc` runs, which ends by it."""
    run = kc.run(LOOP)
    async for event in run:
        if "here" in str(event):
            break
    assert await asyncio.to_thread(main, ["interrupt", "shared", "--json"]) == 0
    result = await run
    assert result.error is not None
    assert result.error.ename == "KeyboardInterrupt"
    assert not result.interrupted  # not by that client
    return json.loads(capsys.readouterr().out)


async def test_a_kernel_that_answers_interrupts_itself_and_another_gets_the_signal(
    running: Path, pid: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the cell ends with a KeyboardInterrupt."""
    async with attached(await find("shared")) as kc:
        assert (await conkernel_interrupt(kc, capsys))["interrupted_by"] == "message"
        assert (await kc.run(DEAF)).ok
        try:
            told = await conkernel_interrupt(kc, capsys)
            assert (told["interrupted_by"], told["pid"]) == ("signal", pid)
        finally:
            assert (await kc.run("handlers['interrupt_request'] = kept")).ok


async def test_a_stopped_kernel_gets_the_signal_at_once(running: Path, pid: int) -> None:
    """It takes it when it goes on."""
    async with attached(await find("shared")) as kc:
        os.kill(pid, signal.SIGSTOP)
        try:
            status = await find("shared", must_answer=False)
            assert status.state == "silent"
            await signal_interrupt(status)
        finally:
            os.kill(pid, signal.SIGCONT)
        assert (await kc.run("1")).status in ("ok", "error")  # it may have hit this cell


async def test_where_neither_can_be_done_one_line_says_so(runtime: Path) -> None:
    """Of a kernel that has ended, as of one whose process cannot be known."""
    (runtime / "kernel-gone.json").write_text(STALE)
    kernel = await find("gone", must_answer=False)
    with pytest.raises(NotInterruptibleError, match="its process cannot be known"):
        await signal_interrupt(kernel)
    assert await asyncio.to_thread(main, ["interrupt", "gone"]) == 1


async def test_a_kernel_that_refuses_is_not_taken_for_interrupted(running: Path) -> None:
    """It says so in its reply."""
    async with attached(await find("shared")) as kc:
        refuse = (
            "handlers = get_ipython().kernel.control_handlers\n"
            "kept = handlers['interrupt_request']\n"
            "async def refuse(stream, ident, parent):\n"
            "    get_ipython().kernel.session.send(stream, 'interrupt_reply', "
            "{'status': 'error', 'ename': 'E', 'evalue': 'no', 'traceback': []}, parent, ident)\n"
            "handlers['interrupt_request'] = refuse"
        )
        assert (await kc.run(refuse)).ok
        try:
            assert not await ask_for_interrupt(kc)
        finally:
            assert (await kc.run("handlers['interrupt_request'] = kept")).ok
