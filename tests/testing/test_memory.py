"""A client and a fake kernel meet without sockets, and all goes on as with them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import psutil
import pytest

from conkernelclient import errors
from conkernelclient.testing import Ask, FakeKernel, Hold, Say, Value
from tests.clients import until

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def kernel() -> Iterator[FakeKernel]:
    with FakeKernel([Say("out"), Value("1")], in_memory=True) as kernel:
        yield kernel


async def test_many_cells_at_once_have_each_their_own_outputs_and_no_descriptor(
    kernel: FakeKernel,
) -> None:
    kernel.on_code("name", lambda message: [Say(message["msg_id"])])
    before = psutil.Process().num_fds()
    kc = await kernel.client().start_channels()
    try:
        runs = [kc.run("name") for _ in range(100)]
        results = await asyncio.gather(*runs)
        assert [one.text for one in results] == [run.msg_id for run in runs]
        assert psutil.Process().num_fds() == before
        assert kc.shell_channel.socket is None
    finally:
        kc.stop_channels()


async def test_two_clients_hear_each_its_own_replies_and_both_all_that_is_published(
    kernel: FakeKernel,
) -> None:
    one = await kernel.client().start_channels()
    two = await kernel.client().start_channels()
    try:
        await asyncio.gather(one.wait_for_ready(10), two.wait_for_ready(10))
        heard: list[str] = []
        two.subscribe(lambda message: heard.append(message["msg_type"]), msg_type="stream")
        first, second = await asyncio.gather(one.run("a"), two.run("b"))
        assert first.text == second.text == "out\n1\n"
        await until(lambda: len(heard) == 2)
        assert await one.is_alive()
    finally:
        one.stop_channels()
        two.stop_channels()


async def test_questions_are_answered(kernel: FakeKernel) -> None:
    def asks(_message: object) -> Iterator[Ask | Say]:
        answer = yield Ask("name? ")
        yield Say(f"hello {answer}")

    kernel.on_code("ask", asks)
    kc = await kernel.client().start_channels()
    try:
        result = await kc.run("ask", on_stdin=lambda question: "you")
        assert "hello you" in result.text
    finally:
        kc.stop_channels()


async def test_a_kernel_that_is_killed_and_one_that_comes_again(kernel: FakeKernel) -> None:
    kernel.on_code("hangs", [Hold()])
    kc = await kernel.client().start_channels()
    try:
        await kc.wait_for_ready(10)
        hanging = kc.run("hangs")
        await until(lambda: hanging.started)
        kernel.restart()
        with pytest.raises(errors.KernelRestartedError):
            await hanging
        assert (await kc.run("a")).ok
        kernel.kill()
        await until(lambda: kc._connection.presence.is_lost)
        with pytest.raises(errors.DeadKernelError):
            await kc.run("a")
        assert not await kc.is_alive()
    finally:
        kc.stop_channels()


async def test_what_is_sent_by_hand_arrives(kernel: FakeKernel) -> None:
    kc = await kernel.client().start_channels()
    try:
        await kc.wait_for_ready(10)
        message = kc.session.msg("execute_request", {"code": "x", "silent": False})
        kc.shell_channel.send(message)
        reply = await kc.shell_channel.get_msg(timeout=10)
        assert reply["parent_header"]["msg_id"] == message["msg_id"]
    finally:
        kc.stop_channels()
