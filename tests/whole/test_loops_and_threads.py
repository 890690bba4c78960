"""A client serves one loop, hands over from other threads, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import os
import threading
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import ConKernelManager, errors
from conkernelclient.testing import FakeKernel
from tests.clients import LONG, client_of, opened, until
from tests.conftest import KERNEL

if TYPE_CHECKING:
    from collections.abc import Callable

    from conkernelclient import ConKernelManager


async def test_threads_send_and_get_their_own_answers(km: ConKernelManager) -> None:
    """Ids at once; replies and results as concurrent futures."""
    async with client_of(km) as kc:

        def work(n: int) -> tuple[str, str]:
            assert isinstance(kc.execute(f"t{n} = {n}"), str)
            reply = kc.execute("", user_expressions={"v": f"t{n}"}, reply=True)
            assert isinstance(reply, concurrent.futures.Future)
            result = kc.run(f"print(t{n})")
            text = reply.result(LONG)["content"]["user_expressions"]["v"]["data"]["text/plain"]
            return text, result.result(LONG).stdout

        got = await asyncio.gather(*(asyncio.to_thread(work, n) for n in range(20)))
        assert got == [(str(n), f"{n}\n") for n in range(20)]


async def test_a_thread_with_a_loop_of_its_own_awaits_there(km: ConKernelManager) -> None:
    """The answer belongs to the caller's loop; cancelling it there forgets the request."""
    async with client_of(km) as kc:

        async def elsewhere() -> Any:
            reply = await kc.execute("", user_expressions={"v": "5"}, reply=True)
            never = kc.execute("import time; time.sleep(0.2)", reply=True)
            never.cancel()
            return reply["content"]["user_expressions"]["v"]["data"]["text/plain"]

        assert await asyncio.to_thread(asyncio.run, elsewhere()) == "5"
        await until(lambda: kc.stats()["pending"] == 0)


async def test_errors_of_a_thread_s_request_reach_it(km: ConKernelManager) -> None:
    """Those of the arguments at once, the others from the future."""
    async with client_of(km) as kc:

        def work() -> None:
            with pytest.raises(errors.ProtocolError):
                kc.run(None)  # type: ignore[arg-type]
            with pytest.raises(ValueError, match="under way"):
                first = kc.execute("1", reply=True, msg_id="one")
                kc.execute("1", reply=True, msg_id="one").result(LONG)
            first.result(LONG)

        await asyncio.to_thread(work)


async def test_the_session_may_be_used_from_threads(km: ConKernelManager) -> None:
    """`session.send` on a client's socket goes through the one door, under its lock."""
    async with client_of(km) as kc:

        def work() -> None:
            for _ in range(50):
                kc.session.send(kc.shell_channel.socket, "kernel_info_request", {})

        await asyncio.gather(*(asyncio.to_thread(work) for _ in range(4)))
        for _ in range(200):
            assert (await kc.get_shell_msg(timeout=LONG))["msg_type"] == "kernel_info_reply"


async def test_a_forked_child_gets_a_clear_error(km: ConKernelManager) -> None:
    """Instead of an id of a request that was never sent."""
    async with client_of(km) as kc:
        await kc.run("1")
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                kc.execute("1")
                text = b"sent"
            except errors.ForkedError as error:
                text = str(error).encode()
            os.write(writing, text)
            os._exit(0)
        os.close(writing)
        os.waitpid(pid, 0)
        with os.fdopen(reading, "rb") as pipe:
            assert b"new client" in pipe.read()
        assert (await kc.run("1")).status == "ok"


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("end", ["stop", "drop"])
async def test_a_client_leaves_no_descriptor_task_or_thread(km: ConKernelManager, end: str) -> None:
    """Whether it is stopped, or just dropped."""

    async def use() -> weakref.ref[Any]:
        kc = await km.client().start_channels()
        await kc.run("print(1)")
        await kc.execute("1", reply=True)
        if end == "stop":
            kc.stop_channels()
        return weakref.ref(kc)

    await use()
    gc.collect()
    before = descriptors(), len(asyncio.all_tasks()), threading.active_count()
    for _ in range(5):
        client = await use()
        gc.collect()
        assert client() is None
    await asyncio.sleep(0)
    assert (descriptors(), len(asyncio.all_tasks()), threading.active_count()) == before


class WithoutAddReader(asyncio.SelectorEventLoop):
    """A loop such as Windows' proactor."""

    def add_reader(self, fd: Any, callback: Callable[..., Any], *args: Any) -> None:
        raise NotImplementedError

    def remove_reader(self, fd: Any) -> bool:
        raise NotImplementedError


def test_a_loop_without_add_reader_is_served_by_a_selector_thread() -> None:
    """As pyzmq does on Windows."""
    loop = WithoutAddReader()

    async def use() -> None:
        km = ConKernelManager(kernel_name=KERNEL)
        await km.start_kernel()
        kc = km.client()
        kc.start_channels()
        await kc.wait_for_ready(timeout=LONG)
        results = await asyncio.gather(*(kc.run(f"print({n})") for n in range(20)))
        assert [result.stdout for result in results] == [f"{n}\n" for n in range(20)]
        kc.stop_channels()
        await km.shutdown_kernel(now=True)

    threads = threading.active_count()
    try:
        loop.run_until_complete(use())
    finally:
        loop.close()
    assert threading.active_count() == threads


async def test_a_thread_that_asks_while_the_channels_are_stopped_is_told_so() -> None:
    """It had found them open a moment before; the loop is served no more by then."""
    with FakeKernel() as kernel:
        kc = await opened(kernel.client())
        loop = asyncio.get_running_loop()
        make = kc._message

        def stop_and_make(*args: Any, **kwargs: Any) -> Any:
            stopped = threading.Event()
            loop.call_soon_threadsafe(lambda: (kc.stop_channels(), stopped.set()))
            assert stopped.wait(LONG)
            return make(*args, **kwargs)

        kc._message = stop_and_make  # type: ignore[method-assign]
        for ask in (
            lambda: kc.run("1"),
            lambda: kc.execute("1", reply=True),
            lambda: kc.execute("1"),
        ):
            kc.start_channels()
            with pytest.raises(errors.ChannelsClosedError):
                await asyncio.to_thread(ask)


async def test_what_can_only_be_awaited_in_the_loop_says_so_elsewhere(km: ConKernelManager) -> None:
    """A waiter in another thread's loop slept until something else woke that loop."""
    async with client_of(km) as kc:

        async def elsewhere() -> None:
            for waiting in (
                kc.get_shell_msg(timeout=1),
                kc.get_pubs(),
                kc._async_recv_reply("x", timeout=1),
                kc.wait_for_ready(),
                kc.execute_interactive("1"),
            ):
                with pytest.raises(errors.WrongLoopError):
                    await waiting

        await asyncio.to_thread(asyncio.run, elsewhere())
