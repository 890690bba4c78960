"""A handler hears each change of the kernel's state once, in order, in the loop that is served."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING

import pytest

from conkernelclient import KernelNews, errors
from conkernelclient.connection import peer
from conkernelclient.testing import FakeKernel
from tests.clients import LONG, opened, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from conkernelclient import ConKernelClient


@pytest.fixture
def kernel() -> Iterator[FakeKernel]:
    """A kernel without sockets."""
    with FakeKernel(in_memory=True) as made:
        yield made


@pytest.fixture
async def kc(kernel: FakeKernel) -> AsyncIterator[ConKernelClient]:
    """A client that is ready."""
    made = await opened(kernel.client())
    yield made
    made.stop_channels()


def died() -> errors.DeadKernelError:
    return errors.DeadKernelError("it died", exit_code=-9, stderr="why")


async def restart(kc: ConKernelClient, kernel: FakeKernel) -> None:
    """Restart the kernel as a manager does."""
    kc._link.announce_restart()
    kernel.restart()
    kc._link.start(kernel.connection_info, lambda: None, lambda: None)  # type: ignore[arg-type]
    await kc.wait_for_ready(timeout=LONG)


async def test_a_restart_and_a_death_are_told_in_order(
    kc: ConKernelClient, kernel: FakeKernel
) -> None:
    """To handlers of both kinds, each change once; the error is what the waiters get."""
    heard, heard_late = list[KernelNews](), list[KernelNews]()

    async def hear(news: KernelNews) -> None:
        await asyncio.sleep(0)
        heard_late.append(news)

    watches = kc.watch_kernel(heard.append), kc.watch_kernel(hear)
    assert kc.kernel_state == "ready"
    await restart(kc, kernel)
    kc._link.end(died)
    assert kc.kernel_state == "ready"  # until what it had sent before is read
    await until(lambda: kc.kernel_state == "dead")
    for watch in watches:
        await asyncio.wait_for(watch.until_handled(), LONG)
    assert [news.state for news in heard] == ["restarting", "starting", "ready", "dead"]
    assert heard == heard_late
    assert [news.error for news in heard[:3]] == [None] * 3
    error = heard[3].error
    assert isinstance(error, errors.DeadKernelError)
    assert (error.exit_code, error.stderr) == (-9, "why")


async def test_a_restart_after_an_end_says_why(kc: ConKernelClient) -> None:
    """As when a manager starts a kernel again that died."""
    heard = list[KernelNews]()
    watch = kc.watch_kernel(heard.append)
    kc._link.end(died, returns=True)
    await until(lambda: heard)
    await kc._link.until_settled()
    assert [(news.state, str(news.error)) for news in heard] == [("restarting", "it died")]
    watch.close()


async def test_channels_that_are_closed_and_opened_again_are_told(
    kc: ConKernelClient, kernel: FakeKernel
) -> None:
    """The watch goes on; before the first start, the kernel of a client is not connected."""
    assert kernel.client().kernel_state == "disconnected"
    heard = list[KernelNews]()
    watch = kc.watch_kernel(heard.append)
    kc.stop_channels()
    assert kc.kernel_state == "disconnected"
    await opened(kc)
    await asyncio.wait_for(watch.until_handled(), LONG)
    assert heard == [KernelNews("disconnected"), KernelNews("starting"), KernelNews("ready")]
    watch.close()


async def test_an_error_in_a_handler_hurts_nobody(
    kc: ConKernelClient, kernel: FakeKernel, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, and the handler gets the next news."""
    heard, failing = list[str](), list[str]()

    def fail(news: KernelNews) -> None:
        failing.append(news.state)
        raise ValueError(news.state)

    watches = kc.watch_kernel(fail), kc.watch_kernel(lambda news: heard.append(news.state))
    await restart(kc, kernel)
    for watch in watches:
        await asyncio.wait_for(watch.until_handled(), LONG)
        watch.close()
    assert failing == heard == ["restarting", "starting", "ready"]
    assert (await asyncio.wait_for(kc.run("1"), LONG)).status == "ok"
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 3
    caplog.clear()


async def test_a_watch_that_is_closed_hears_nothing_more(
    kc: ConKernelClient, kernel: FakeKernel
) -> None:
    """Also of what waits for it, and closed by its own handler."""
    heard, first_only = list[str](), list[str]()
    pending = kc.watch_kernel(lambda news: heard.append(news.state))

    def hear(news: KernelNews) -> None:
        first_only.append(news.state)
        own.close()
        own.close()  # harmless

    own = kc.watch_kernel(hear)
    witness = kc.watch_kernel(lambda _: None)
    kc._link.announce_restart()
    pending.close()
    await restart(kc, kernel)
    await asyncio.wait_for(witness.until_handled(), LONG)
    assert (heard, first_only) == ([], ["restarting"])
    witness.close()
    assert not kc._watches._all


async def test_a_watch_of_another_thread_hears_in_the_loop_that_is_served(
    kc: ConKernelClient, kernel: FakeKernel
) -> None:
    """And news that come from another thread, as a manager's do."""
    heard = list[tuple[str, int]]()

    def hear(news: KernelNews) -> None:
        heard.append((news.state, threading.get_ident()))

    watch = await asyncio.to_thread(kc.watch_kernel, hear)
    await asyncio.to_thread(kc._link.announce_restart)
    await restart(kc, kernel)
    await asyncio.wait_for(watch.until_handled(), LONG)
    here = threading.get_ident()
    assert heard == [("restarting", here), ("starting", here), ("ready", here)]
    await asyncio.to_thread(watch.close)


def test_loops_that_take_turns_lose_no_news(kernel: FakeKernel) -> None:
    """What came while none ran, or was left by one that was closed, is heard in the next one."""
    heard = list[str]()
    first, second = asyncio.new_event_loop(), asyncio.new_event_loop()
    kc = kernel.client()
    watch = kc.watch_kernel(lambda news: heard.append(news.state))
    kc.start_channels()  # before any loop
    assert kc.kernel_state == "starting"
    first.run_until_complete(kc.wait_for_ready(timeout=LONG))
    first.run_until_complete(watch.until_handled())
    assert heard == ["starting", "ready"]
    kc._link.announce_restart()  # no loop runs
    first.close()
    assert heard == ["starting", "ready"]

    async def go_on() -> None:
        await restart(kc, kernel)
        await asyncio.wait_for(watch.until_handled(), LONG)

    second.run_until_complete(go_on())
    assert heard == ["starting", "ready", "restarting", "starting", "ready"]
    kc.stop_channels()  # no loop runs
    second.run_until_complete(asyncio.wait_for(watch.until_handled(), LONG))
    assert heard[5:] == ["disconnected"]
    second.close()


async def test_a_kernel_that_is_lost_and_found_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """To a client that has no owner to ask: it is looked for, taken for dead, and found."""
    monkeypatch.setattr(peer, "RETURNS_WITHIN", 0.1)
    heard = list[KernelNews]()
    with FakeKernel() as kernel:
        kc = await opened(kernel.client())
        watch = kc.watch_kernel(heard.append)
        kernel.kill()
        await until(lambda: kc.kernel_state == "dead")
        kernel.restart()
        await until(lambda: kc.kernel_state == "ready")
        await asyncio.wait_for(watch.until_handled(), LONG)
        assert [news.state for news in heard] == ["disconnected", "dead", "disconnected", "ready"]
        assert isinstance(heard[1].error, errors.DeadKernelError)
        watch.close()
        kc.stop_channels()


async def test_one_that_only_listens_is_ready_at_once(kernel: FakeKernel) -> None:
    """Without iopub it need not be greeted: there is no news of that."""
    kc = kernel.client()
    kc.start_channels(iopub=False, stdin=False)
    heard = list[KernelNews]()
    watch = kc.watch_kernel(heard.append)
    assert kc.kernel_state == "ready"
    await restart_without_iopub(kc, kernel)
    await asyncio.wait_for(watch.until_handled(), LONG)
    assert [news.state for news in heard] == ["restarting", "ready"]
    kc.stop_channels()
    watch.close()


async def restart_without_iopub(kc: ConKernelClient, kernel: FakeKernel) -> None:
    """Restart the kernel as a manager does, and wait until it answers."""
    kc._link.announce_restart()
    kernel.restart()
    kc._link.start(kernel.connection_info, lambda: None, lambda: None)  # type: ignore[arg-type]
    await asyncio.wait_for(kc.kernel_info(reply=True), LONG)
