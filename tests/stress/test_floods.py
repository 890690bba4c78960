"""Nothing is lost when the event loop does not come to reading for seconds."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from queue import Empty
from typing import TYPE_CHECKING

import pytest

from tests.clients import LONG, client_of

from .scale import share

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from conkernelclient import ConKernelClient, ConKernelManager

pytestmark = pytest.mark.timeout(300)

COUNT = share(50_000)  # messages, half of them of each kind
BLOCKED = 3.0  # seconds
ASKED = f"loop blocked {BLOCKED:g} s while the kernel sends {COUNT:,} messages: all and idle arrive"
# Streams of two names in turn, so that neither the kernel nor we make one of several.
FLOOD = f"""
import sys
kernel = get_ipython().kernel
def stream(n):
    name = "stdout" if n % 2 else "stderr"
    kernel.session.send(
        kernel.iopub_socket, "stream", {{"name": name, "text": f"{{n}}\\n"}},
        parent=kernel.get_parent("shell"), ident=b"stream." + name.encode(),
    )
for n in range({COUNT // 2}):
    stream(n)
    get_ipython().display_pub.publish({{"text/plain": str(n)}})
"""
# A kernel's libzmq drops what is beyond 1,000 messages when its own thread does not come to sending
# them: nobody can read those. Without that bound, for those who are connected, all are sent.
SEND_ALL = """
import threading
thread, is_set = get_ipython().kernel.iopub_thread, threading.Event()
thread.schedule(lambda: (setattr(thread.socket, "sndhwm", 0), is_set.set()))
is_set.wait()
"""
TEXTS = [f"{n}\n" for n in range(COUNT // 2)]
DATA = [str(n) for n in range(COUNT // 2)]


@asynccontextmanager
async def unbounded(km: ConKernelManager) -> AsyncIterator[ConKernelClient]:
    """A client for whom the kernel drops nothing."""
    async with client_of(km) as kc:
        await kc.run(SEND_ALL)
        assert await kc.eval("thread.socket.sndhwm") == 0
        await kc.get_pubs()
        yield kc


async def test_a_run_has_all_that_came_while_the_loop_was_blocked(
    km: ConKernelManager, measured: Callable[[str, str, str], None]
) -> None:
    """In order, as outputs."""
    async with unbounded(km) as kc:
        run = kc.run(FLOOD)
        await asyncio.sleep(0)
        time.sleep(BLOCKED)
        began = time.monotonic()
        result = await asyncio.wait_for(run, 2 * LONG)
        took = time.monotonic() - began
        streams = [out["text"] for out in result.outputs if out["output_type"] == "stream"]
        displays = [
            out["data"]["text/plain"]
            for out in result.outputs
            if out["output_type"] == "display_data"
        ]
        measured(
            "5",
            f"run(): {ASKED}",
            f"{len(streams) + len(displays):,}, status {result.status}, {took:.1f} s after the "
            f"block, dropped {kc.stats()['dropped']}",
        )
        assert result.status == "ok"
        assert streams == TEXTS
        assert displays == DATA
        assert kc.stats()["dropped"] == 0


async def test_get_pubs_has_all_that_came_while_the_loop_was_blocked(
    km: ConKernelManager, measured: Callable[[str, str, str], None]
) -> None:
    """Up to idle; the channel object holds its last 10,000, and the busy and the idle."""
    async with unbounded(km) as kc:
        msg_id = kc.execute(FLOOD)
        await asyncio.sleep(0)
        time.sleep(BLOCKED)
        began = time.monotonic()
        pubs = await kc.get_pubs(msg_id, timeout=2 * LONG)
        took = time.monotonic() - began
        texts = [pub["content"]["text"] for pub in pubs if pub["msg_type"] == "stream"]
        data = [
            pub["content"]["data"]["text/plain"]
            for pub in pubs
            if pub["msg_type"] == "display_data"
        ]
        kept = await kc.get_pubs()
        states = [
            msg["content"]["execution_state"]
            for msg in kept
            if msg["parent_header"].get("msg_id") == msg_id and msg["msg_type"] == "status"
        ]
        measured(
            "5",
            f"execute() + get_pubs(): {ASKED}",
            f"{len(texts) + len(data):,}, the last is {pubs[-1]['content']}, {took:.1f} s after "
            f"the block; the channel object kept {len(kept):,} with {states}",
        )
        assert texts == TEXTS
        assert data == DATA
        assert pubs[-1]["content"]["execution_state"] == "idle"
        assert states == ["busy", "idle"]


async def test_who_reads_the_channel_gets_all_that_came_while_the_loop_was_blocked(
    km: ConKernelManager, measured: Callable[[str, str, str], None]
) -> None:
    """With `get_iopub_msg`, as programs written for jupyter_client do."""
    async with unbounded(km) as kc:
        dropped = kc.stats()["dropped"]
        msg_id = kc.execute(FLOOD)
        await asyncio.sleep(0)
        time.sleep(BLOCKED)
        began = time.monotonic()
        got: list[str] = []
        state = None
        while state != "idle":
            try:
                msg = await kc.get_iopub_msg(timeout=LONG)
            except Empty:
                break
            if msg["parent_header"].get("msg_id") != msg_id:
                continue
            content = msg["content"]
            state = content.get("execution_state", state)
            if msg["msg_type"] == "stream":
                got.append(content["text"])
            elif msg["msg_type"] == "display_data":
                got.append(content["data"]["text/plain"])
        took = time.monotonic() - began
        lost = kc.stats()["dropped"] - dropped
        measured(
            "5",
            f"execute() + get_iopub_msg(): {ASKED}",
            f"{len(got):,}, then {state}, {took:.1f} s after the block, dropped {lost}",
        )
        assert got == [each for n in range(COUNT // 2) for each in (f"{n}\n", str(n))]
        assert (state, lost) == ("idle", 0)
