"""Awaiting `start_channels()` gives the client at once; what is sent waits for the kernel."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import ConKernelManager, errors
from conkernelclient.testing import FakeKernel, Hold, Silence
from tests.clients import LONG, until
from tests.conftest import KERNEL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conkernelclient import ConKernelClient

MUTE = [Silence(is_idle=False)]


@pytest.fixture
def mute() -> Iterator[FakeKernel]:
    """A kernel that accepts connections and says nothing."""
    with FakeKernel(is_welcoming=False) as kernel:
        kernel.on("kernel_info_request", MUTE)
        yield kernel


@pytest.fixture
def slow() -> Iterator[tuple[FakeKernel, threading.Event]]:
    """A kernel that answers when the event is set."""
    is_up = threading.Event()
    with FakeKernel(is_welcoming=False) as kernel:
        kernel.on("kernel_info_request", [Hold(is_up)])
        yield kernel, is_up
        is_up.set()


def client_of(kernel: FakeKernel, **traits: Any) -> ConKernelClient:
    """A client that has it from the kernel's owner that the kernel starts."""
    kc = kernel.client(**traits)
    kc._link.watch(lambda: None, lambda: None, is_starting=True)
    return kc


def types_that_came(kernel: FakeKernel, *but: str) -> list[str]:
    return [message["msg_type"] for message in kernel.requests if message["msg_type"] not in but]


async def test_the_client_is_there_at_once(mute: FakeKernel) -> None:
    """Whoever awaits it sets his own limit with `wait_for_ready()`."""
    kc = client_of(mute)
    assert await kc.start_channels() is kc
    with pytest.raises(errors.ReadyTimeout, match=r"0\.1 seconds"):
        await kc.wait_for_ready(timeout=0.1)
    kc.stop_channels()


async def test_what_is_sent_waits_for_the_kernel_in_the_order_of_the_calls(
    slow: tuple[FakeKernel, threading.Event],
) -> None:
    """Whatever it is, and however it is sent; control does not wait."""
    kernel, is_up = slow
    kc = client_of(kernel)
    kc.start_channels()
    replies = [
        kc.execute("a = 1", reply=True),
        kc.complete("a.", reply=True),
        kc.inspect("a", reply=True),
    ]
    kc.session.send(kc.shell_channel.socket, "history_request", {})
    replies.append(kc.is_complete("a", reply=True))
    msg_id = kc.execute("b")
    run = kc.run("c")
    await asyncio.wait_for(kc.request("list_subshell_request", {}, "control"), LONG)
    assert types_that_came(kernel, "kernel_info_request") == ["list_subshell_request"]
    is_up.set()
    await asyncio.wait_for(asyncio.gather(*replies), LONG)
    assert (await asyncio.wait_for(run, LONG)).status == "ok"
    assert await kc.get_pubs(msg_id, timeout=LONG)
    assert types_that_came(kernel, "kernel_info_request") == [
        "list_subshell_request",
        "execute_request",
        "complete_request",
        "inspect_request",
        "history_request",
        "is_complete_request",
        "execute_request",
        "execute_request",
    ]
    kc.stop_channels()


async def test_a_timeout_counts_from_when_the_kernel_is_there(
    slow: tuple[FakeKernel, threading.Event],
) -> None:
    """A short one does not end while the kernel starts."""
    kernel, is_up = slow
    kc = client_of(kernel)
    kc.start_channels()
    is_over = threading.Event()
    kernel.on_code("never", [Hold(is_over)])
    waiting: list[asyncio.Future[Any]] = [
        asyncio.ensure_future(asyncio.wait_for(kc.execute("1", reply=True, timeout=LONG), LONG)),
        asyncio.ensure_future(kc.execute_interactive("2", timeout=LONG)),
    ]
    short = kc.execute("never", reply=True, timeout=0.05)
    patient = kc.complete("x", reply=True, timeout=0.0001)
    done, _ = await asyncio.wait(waiting, timeout=0.3)
    assert not done
    assert not short.done()
    assert not patient.done()
    is_up.set()
    with pytest.raises(errors.ReplyTimeout):
        await asyncio.wait_for(short, LONG)
    is_over.set()
    await asyncio.wait_for(asyncio.gather(*waiting), LONG)
    kc.stop_channels()


async def test_one_that_waited_too_long_says_so_and_was_never_sent(mute: FakeKernel) -> None:
    """Each that was held, by whatever way it was made."""
    kc = client_of(mute, startup_timeout=0.2)
    kc.start_channels()
    run, reply = kc.run("1"), kc.execute("2", reply=True)
    completion = kc.complete("3", reply=True)
    msg_id = kc.execute("4")
    taking = (
        asyncio.ensure_future(kc.get_pubs(msg_id)),
        asyncio.ensure_future(kc._async_recv_reply(msg_id)),
        asyncio.ensure_future(kc.execute_interactive("5")),
    )
    outcomes = await asyncio.wait_for(
        asyncio.gather(run, reply, completion, *taking, return_exceptions=True), LONG
    )
    for outcome in outcomes:
        assert isinstance(outcome, errors.ReadyTimeout), outcome
        assert "startup_timeout" in str(outcome)
        assert "never sent" in str(outcome)
    assert not run.started
    assert types_that_came(mute, "kernel_info_request") == []
    assert kc.stats()["pending"] == 0
    kc.stop_channels()


async def test_without_a_startup_timeout_it_waits_for_any_time(
    slow: tuple[FakeKernel, threading.Event],
) -> None:
    """As the trait says."""
    kernel, is_up = slow
    kc = client_of(kernel, startup_timeout=None)
    kc.start_channels()
    run = kc.run("1")
    assert set(kc._connection._window.paused.values()) == {float("inf")}
    is_up.set()
    assert (await asyncio.wait_for(run, LONG)).status == "ok"
    kc.stop_channels()


async def test_one_that_is_given_up_while_it_waits_never_runs(
    slow: tuple[FakeKernel, threading.Event],
) -> None:
    """Cancelled, or timed out at its start."""
    kernel, is_up = slow
    kc = client_of(kernel)
    kc.start_channels()
    cancelled, reply = kc.run("never"), kc.execute("never", reply=True)
    completion = kc.complete("never", reply=True)
    late = kc.run("never", start_timeout=0)
    for one in (cancelled, reply, completion):
        one.cancel()
    result = await asyncio.wait_for(late, LONG)
    assert (result.status, result.started) == ("timeout", False)
    is_up.set()
    assert (await asyncio.wait_for(kc.run("1"), LONG)).status == "ok"
    assert types_that_came(kernel, "kernel_info_request") == ["execute_request"]
    assert kc.stats()["pending"] == 0
    kc.stop_channels()


async def test_too_many_that_wait_are_refused_and_nothing_of_them_is_registered(
    mute: FakeKernel,
) -> None:
    """As with a kernel that does not read."""
    kc = client_of(mute, max_backlog_messages=3)
    kc.start_channels()
    kept = [kc.execute("1", reply=True), kc.run("2"), kc.complete("3", reply=True)]
    for ask in (
        lambda: kc.execute("4", reply=True),
        lambda: kc.execute("4"),
        lambda: kc.run("4"),
        lambda: kc.complete("4", reply=True),
        lambda: kc.session.send(kc.shell_channel.socket, "history_request", {}),
    ):
        with pytest.raises(errors.BacklogFullError, match="wait_for_ready"):
            ask()
    assert kc.stats()["pending"] == len(kept)
    kc.stop_channels()
    for one in kept:
        with pytest.raises(errors.ChannelsClosedError):
            await one


async def test_a_busy_kernel_holds_nobody_once_its_iopub_is_heard() -> None:
    """It answers when it has time."""
    is_free = threading.Event()
    with FakeKernel() as kernel:
        kernel.on("kernel_info_request", [Hold(is_free)])
        kc = kernel.client()
        kc.start_channels()
        run = kc.run("1")
        await asyncio.to_thread(kernel.wait_for, "execute_request")
        with pytest.raises(errors.ReadyTimeout):
            await kc.wait_for_ready(timeout=0.05)
        is_free.set()
        assert (await asyncio.wait_for(run, LONG)).status == "ok"
        await kc.wait_for_ready(timeout=LONG)
        assert kc._features
        kc.stop_channels()


async def test_a_kernel_that_starts_is_waited_for_although_it_is_heard() -> None:
    """Its owner says that it starts: a timeout of a second may not end meanwhile."""
    is_up = threading.Event()
    with FakeKernel() as kernel:
        kernel.on("kernel_info_request", [Hold(is_up)])
        kc = client_of(kernel)
        kc.start_channels()
        run = kc.run("1")
        await until(kc._connection.is_subscribed)
        await asyncio.sleep(0)
        assert kc._connection._window.paused
        is_up.set()
        assert (await asyncio.wait_for(run, LONG)).status == "ok"
        kc.stop_channels()


async def test_what_waits_fails_when_the_kernel_dies() -> None:
    """At once, and with the reason."""
    km = ConKernelManager(kernel_name=KERNEL)
    await km.start_kernel()
    kc = km.client()
    kc.start_channels()
    waiting: list[Any] = [kc.run("1"), kc.execute("2", reply=True), kc.complete("3", reply=True)]
    await km.signal_kernel(9)
    for outcome in await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), LONG):
        assert isinstance(outcome, errors.DeadKernelError)
        assert "SIGKILL" in str(outcome)
    kc.stop_channels()
    await km.shutdown_kernel(now=True)


async def test_a_client_that_runs_at_once_sees_all_that_is_shown(km: ConKernelManager) -> None:
    """Its subscription takes a moment to reach the kernel."""
    for _ in range(10):
        kc: ConKernelClient = km.client()
        kc.start_channels()
        result = await asyncio.wait_for(kc.run("print('first'); 7"), LONG)
        assert (result.status, result.stdout, len(result.outputs)) == ("ok", "first\n", 2)
        kc.stop_channels()


def test_a_request_made_before_a_loop_runs_is_sent_in_it() -> None:
    """The channels may be opened outside of a loop as well."""
    with FakeKernel() as kernel:
        loop = asyncio.new_event_loop()
        kc = kernel.client()
        kc.start_channels()
        msg_id = kc.execute("1")
        assert loop.run_until_complete(asyncio.wait_for(kc.get_pubs(msg_id), LONG))
        kc.stop_channels()
        loop.close()
