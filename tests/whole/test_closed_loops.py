"""A loop that was closed is in nobody's way."""

from __future__ import annotations

import asyncio
import gc
import threading
from contextlib import suppress
from typing import Any

import pytest

from conkernelclient import errors
from conkernelclient.testing import FakeKernel, Silence
from tests.clients import LONG
from tests.whole.served import KINDS, ask, end, run, start


def test_a_loop_that_is_closed_costs_no_other_one_its_answer(
    loops: list[asyncio.AbstractEventLoop],
) -> None:
    """What was asked in it is forgotten; a loop at rest gets its own."""
    km, kc = loops[0].run_until_complete(start())

    async def send() -> Any:
        return kc.execute("1", reply=True)

    mine = loops[0].run_until_complete(send())
    loops[1].run_until_complete(send())
    loops[1].close()
    assert loops[2].run_until_complete(ask(kc)) == "ok"
    assert loops[0].run_until_complete(asyncio.wait_for(mine, LONG))["content"]["status"] == "ok"
    loops[0].run_until_complete(end(km, kc))


@pytest.mark.parametrize("kind", KINDS)
def test_what_waits_in_a_closed_loop_is_forgotten(
    loops: list[asyncio.AbstractEventLoop], kind: str
) -> None:
    """Nothing is logged, nobody waits behind it, and what another loop at rest asked is kept."""
    km, kc = loops[0].run_until_complete(start())
    loop = asyncio.new_event_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = LONG

    async def begin() -> asyncio.Task[Any]:
        async def use() -> Any:
            return await KINDS[kind](kc, "import time; time.sleep(0.2)")

        task = asyncio.create_task(use())
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # it is the test's own
        await asyncio.sleep(0.05)
        return task

    async def send() -> Any:
        return kc.execute("1", reply=True)

    mine = loops[0].run_until_complete(send())
    task = loop.run_until_complete(begin())
    loop.close()
    assert loops[1].run_until_complete(ask(kc)) == "ok"
    assert (loops[1].run_until_complete(run(kc))).status == "ok"
    assert loops[0].run_until_complete(asyncio.wait_for(mine, LONG))["content"]["status"] == "ok"
    assert kc.stats()["pending"] == 0
    assert not task.done()
    loops[2].run_until_complete(end(km, kc))
    with suppress(RuntimeError):  # its loop is closed
        task.get_coro().close()  # type: ignore[union-attr]


def test_a_request_of_a_closed_loop_leaves_the_window(
    loops: list[asyncio.AbstractEventLoop],
) -> None:
    """One that waits its turn never leaves, also if its loop was closed at rest."""
    km, kc = loops[0].run_until_complete(start())
    loop = asyncio.new_event_loop()

    async def begin() -> Any:
        kc.run("import time; time.sleep(0.3)")
        return kc.run("a = 1"), kc.execute("b = 1", reply=True)

    loop.run_until_complete(begin())
    loops[1].run_until_complete(kc.control_channel.msg_ready())  # it is at rest
    loop.close()

    async def names() -> str:
        return (await kc.run("print('a' in globals(), 'b' in globals())")).stdout

    assert loops[1].run_until_complete(names()) == "False False\n"
    loops[1].run_until_complete(end(km, kc))


def test_a_thread_that_waits_for_a_closed_loop_is_told(
    loops: list[asyncio.AbstractEventLoop],
) -> None:
    """As soon as another loop is served."""
    km, kc = loops[0].run_until_complete(start())
    answers: list[Any] = []

    async def begin() -> None:
        def work() -> None:
            answers.append(kc.execute("import time; time.sleep(0.5)", reply=True))

        await kc.control_channel.msg_ready()
        await asyncio.to_thread(work)
        await asyncio.sleep(0)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(begin())
    loop.close()
    assert loops[1].run_until_complete(ask(kc)) == "ok"
    with pytest.raises(errors.ChannelsClosedError, match="closed before"):
        answers[0].result(LONG)
    loops[1].run_until_complete(end(km, kc))


def test_a_thread_that_ended_without_closing_its_loop_is_in_nobodys_way(
    loops: list[asyncio.AbstractEventLoop],
) -> None:
    """The next loop is served, in another thread."""
    made: list[Any] = []
    thread = threading.Thread(target=lambda: made.extend(loops[0].run_until_complete(start())))
    thread.start()
    thread.join()
    km, kc = made
    assert loops[1].run_until_complete(ask(kc)) == "ok"
    loops[1].run_until_complete(end(km, kc))


def test_a_loop_that_is_closed_amid_a_greeting_ends_in_silence(
    loops: list[asyncio.AbstractEventLoop],
) -> None:
    """Its task is ours, and none of the program's to end; another loop goes on with it."""
    with FakeKernel(is_welcoming=False) as kernel:
        kernel.on("kernel_info_request", [Silence(is_idle=False)])
        kc = kernel.client()
        kc._link.watch(lambda: None, lambda: None, is_starting=True)

        async def start() -> None:
            kc.start_channels()
            await asyncio.to_thread(kernel.wait_for, "kernel_info_request")

        async def go_on() -> None:
            kernel.on("kernel_info_request", [])
            await kc.wait_for_ready(timeout=LONG)
            kc.stop_channels()

        loops[0].run_until_complete(start())
        loops[1].run_until_complete(go_on())
        loops[0].close()
        gc.collect()  # what asyncio says of it is logged now
