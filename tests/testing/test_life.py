"""A fake kernel lives until it dies, and may live again."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from conkernelclient.testing import (
    Die,
    FakeKernel,
    Hold,
    Say,
)
from tests.clients import LONG, until
from tests.testing.fakes import fake


async def test_what_died_is_gone_with_its_sockets_and_what_it_said_arrives() -> None:
    """As a process that was killed; afterwards it can be restarted at the same ports."""
    async with fake() as (kernel, kc):
        info = kernel.connection_info
        kernel.on_code("die", [Say("last words"), Die(), Say("never")])
        said = []
        kc.subscribe(said.append, msg_type="stream")
        kc.execute("die")
        await until(lambda: said)
        await until(lambda: not kernel.is_alive)
        assert [message["content"]["text"] for message in said] == ["last words"]
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((info["ip"], info["shell_port"]), timeout=LONG)
        kernel.restart()
        assert kernel.is_alive
        assert kernel.connection_info == info
        async with asyncio.timeout(LONG):
            other = await kernel.client().start_channels()
        assert (await other.run("x")).status == "ok"
        other.stop_channels()


async def test_a_restarted_kernel_is_another_one_at_the_same_ports() -> None:
    """Its session id tells; what was held is gone; a new client is welcome."""
    async with fake() as (kernel, kc):
        before = kernel.session
        kernel.on_code("hold", [Hold()])
        kc.execute("hold")
        await asyncio.to_thread(kernel.wait_for, "execute_request")
        kernel.restart()
        assert kernel.session != before
        other = await kernel.client().start_channels()
        reply = await other.execute("x", reply=True)
        assert reply["header"]["session"] == kernel.session
        assert reply["content"]["execution_count"] == 1
        other.stop_channels()


async def test_a_shutdown_request_ends_it_after_the_reply() -> None:
    """With restart it is there again at once, as if a manager had started it."""
    async with fake() as (kernel, kc):
        before = kernel.session
        reply = await kc.request("shutdown_request", {"restart": True}, "control")
        assert reply["content"]["restart"] is True
        await until(lambda: kernel.session != before and kernel.is_alive)
    async with fake() as (kernel, kc):
        reply = await kc.request("shutdown_request", {"restart": False}, "control")
        assert reply["content"]["status"] == "ok"
        await until(lambda: not kernel.is_alive)


def test_nothing_is_left_of_it_and_without_with_it_says_so() -> None:
    """No thread, no port; also after an error in the block and after it died."""
    kernel = FakeKernel()
    with pytest.raises(RuntimeError, match="with"):
        kernel.restart()
    assert not kernel.is_alive
    assert kernel.session == ""
    with pytest.raises(ZeroDivisionError), kernel:
        assert "alive" in repr(kernel)
        port = kernel.connection_info["shell_port"]
        raise ZeroDivisionError
    assert not [t for t in threading.enumerate() if t.name.startswith("conkernel-fake")]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=LONG)
    with kernel:  # may be started again
        kernel.kill()
    assert not kernel.is_alive
