"""A fake kernel has the sockets of a kernel."""

from __future__ import annotations

import pytest
import zmq
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.session import Session

from conkernelclient import errors
from conkernelclient.testing import (
    FakeKernel,
    echo,
)
from tests.clients import LONG, until
from tests.testing.fakes import fake, raw_messages


async def test_jupyter_client_s_own_client_takes_it_for_a_kernel() -> None:
    """Nothing in it is made for our client alone."""
    with FakeKernel(echo) as kernel:
        client = AsyncKernelClient()
        client.load_connection_info(kernel.connection_info)
        client.start_channels()
        try:
            await client.wait_for_ready(timeout=LONG)
            shown = []
            reply = await client.execute_interactive(
                "hello", timeout=LONG, allow_stdin=False, output_hook=shown.append
            )
            assert reply["content"]["status"] == "ok"
            assert "hello" in [message["content"].get("text") for message in shown]
            assert await client.is_alive()
        finally:
            client.stop_channels()


async def test_each_subscription_is_welcomed() -> None:
    """Also the second one, which ZMQ by itself does not pass on (JEP 65)."""
    with FakeKernel() as kernel, zmq.Context() as context:
        session = Session(key=kernel.connection_info["key"].encode())
        for _ in range(2):
            with context.socket(zmq.SUB) as iopub:
                iopub.linger = 0
                iopub.subscribe("")
                iopub.connect(f"tcp://127.0.0.1:{kernel.connection_info['iopub_port']}")
                assert iopub.poll(LONG * 1000)
                _, welcome = session.recv(iopub)
                assert welcome is not None
                assert welcome["msg_type"] == "iopub_welcome"
                assert welcome["content"] == {"subscription": ""}
                assert welcome["parent_header"] == {}


async def test_a_kernel_without_welcomes_and_subshells_is_an_older_one() -> None:
    """A client finds out by probing, and by the features."""
    async with fake(is_welcoming=False, features=()) as (_, kc):
        assert (await kc.run("x")).status == "ok"
        with pytest.raises(errors.ProtocolError, match="subshells"):
            await kc.create_subshell()
        reply = await kc.request("create_subshell_request", {}, "control")
        assert reply["content"]["ename"] == "NotSupported"


async def test_the_heart_beats_until_it_dies() -> None:
    """As the client's heartbeat thread sees it."""
    with FakeKernel() as kernel:
        kc = kernel.client()
        kc.hb_channel.time_to_dead = 0.02
        await kc.start_channels()
        try:
            kc.hb_channel.unpause()
            await until(kc.hb_channel.is_beating)
            kernel.kill()
            kernel.kill()  # harmless
            await until(lambda: not kc.hb_channel.is_beating())
        finally:
            kc.stop_channels()


async def test_a_message_of_someone_else_is_rejected_and_costs_nothing() -> None:
    """Wrongly signed, to a subshell that is not there, of an unknown type."""
    async with fake() as (kernel, kc):
        stranger = kernel.client(session=Session(key=b"another"))
        stranger.start_channels()
        stranger.session.key = b"another"
        stranger.execute("evil")
        stranger.stop_channels()
        lost = kc.session.msg("execute_request", {"code": "lost"})
        lost["header"]["subshell_id"] = "gone"
        kc.session.send(kc.shell_channel.socket, lost)
        reply = await kc.get_shell_msg(timeout=LONG)
        assert reply["content"]["ename"] == "UnknownSubshell"
        msg_id = kc.session.send(kc.shell_channel.socket, "odd_request", {})["msg_id"]
        assert [kind for kind, _ in await raw_messages(kc, msg_id)] == ["status", "status"]
        assert (await kc.run("x")).status == "ok"
        assert "evil" not in [request["content"].get("code") for request in kernel.requests]


async def test_two_kernels_never_collide() -> None:
    """Each has ports of its own, and a client of one has nothing of the other's."""
    with FakeKernel(echo) as one, FakeKernel(echo) as two:
        ports = [*one._numbers.values(), *two._numbers.values()]
        assert len(set(ports)) == 10
        a, b = await one.client().start_channels(), await two.client().start_channels()
        assert [(await kc.run(text)).stdout for kc, text in ((a, "a"), (b, "b"))] == ["a", "b"]
        assert len(one.wait_for("execute_request")) == len(two.wait_for("execute_request")) == 1
        a.stop_channels()
        b.stop_channels()
