"""What nobody claimed is read from the channel objects and from records."""

from __future__ import annotations

import asyncio
from queue import Empty

import pytest
import zmq
import zmq.asyncio

from conkernelclient import (
    ConKernelManager,
    errors,
    run_kernel,
)
from tests.clients import LONG, client_of, until


async def test_channel_objects_hold_what_nobody_claimed() -> None:
    """With the methods of jupyter_client's channels."""
    async with run_kernel() as kc:  # which nobody else uses: all hear what it publishes
        await kc.get_pubs(kc.kernel_info())
        await kc.get_pubs()
        await kc.get_shell_msg(timeout=30)  # its reply, which may come after its idle
        for name in ("shell", "iopub", "stdin", "control"):
            channel = getattr(kc, f"{name}_channel")
            assert channel is getattr(kc, f"{name}_channel")
            assert channel.is_alive()
            assert isinstance(channel.socket, zmq.asyncio.Socket)
            assert channel.session is kc.session
            assert await channel.get_msgs() == []
            assert not await channel.msg_ready()
            for timeout in (0, 0.01):
                with pytest.raises(Empty):
                    await getattr(kc, f"get_{name}_msg")(timeout)
        msg_id = kc.execute("print(5)")
        reply = await kc.get_shell_msg(timeout=LONG)
        assert reply["parent_header"]["msg_id"] == msg_id
        types: list[str] = []
        while (
            types.count("status") < 2
        ):  # messages for other clients of the kernel come here as well
            pub = await kc.iopub_channel.get_msg(timeout=LONG)
            if pub["parent_header"].get("msg_id") == msg_id:
                types.append(pub["msg_type"])
        assert sorted(set(types)) == ["execute_input", "status", "stream"]
        kc.execute("print(6)")
        await kc.kernel_info(reply=True)
        assert await kc.shell_channel.msg_ready()
        assert len(await kc.get_pubs()) >= 3
        assert len(await kc.shell_channel.get_msgs()) == 1


async def test_a_waiter_that_is_cancelled_loses_no_message(km: ConKernelManager) -> None:
    """Not even in the tick in which it comes."""
    async with client_of(km) as kc:
        for _ in range(30):
            waiting = asyncio.ensure_future(kc.get_shell_msg(timeout=None))
            await asyncio.sleep(0)
            kc.kernel_info()
            inbox = kc._connection.inboxes["shell"]
            await until(lambda inbox=inbox, waiting=waiting: len(inbox) or waiting.done())
            waiting.cancel()
            outcome = (await asyncio.gather(waiting, return_exceptions=True))[0]
            if isinstance(outcome, BaseException):
                outcome = await kc.get_shell_msg(timeout=LONG)
            assert outcome["msg_type"] == "kernel_info_reply"


async def test_get_pubs_takes_a_record_whole_and_once(km: ConKernelManager) -> None:
    """And says what became of it otherwise."""
    async with client_of(km) as kc:
        msg_id = kc.execute("import time; time.sleep(0.1); print(1)")
        with pytest.raises(TimeoutError):
            await kc.get_pubs(msg_id, timeout=0.01)
        assert (await kc.get_pubs(msg_id))[-1]["content"] == {"execution_state": "idle"}
        with pytest.raises(KeyError):
            await kc.get_pubs(msg_id)
        with pytest.raises(KeyError):
            await kc.get_pubs("unknown")
        old = kc.execute("0")
        waiting = asyncio.ensure_future(kc.get_pubs(kc.execute("import time; time.sleep(1)")))
        for _ in range(1001):
            kc.kernel_info()
        with pytest.raises(errors.ProtocolError, match="had to go"):
            await kc.get_pubs(old)
        with pytest.raises(errors.ProtocolError, match="had to go"):
            await waiting
        assert kc.stats()["evicted"] >= 2
        run = kc.run("1")
        await run
        with pytest.raises(KeyError):
            await kc.get_pubs(run.msg_id)


async def test_unread_messages_are_bounded_counted_and_said_once(
    km: ConKernelManager, caplog: pytest.LogCaptureFixture
) -> None:
    """The oldest go, the newest stay."""
    from conkernelclient.connection.inbox import Inbox

    async with client_of(km) as kc:
        kc._connection.inboxes["iopub"] = Inbox("iopub", limit=5)
        await kc.execute("for i in range(20): print(i, flush=True)", reply=True)
        await kc.kernel_info(reply=True)
        assert kc.stats()["dropped"] > 5
        assert caplog.text.count("nobody reads them") == 1
        kept = [message for message in await kc.get_pubs() if message["msg_type"] != "status"]
        assert len(kept) <= 5
