"""Nobody waits for a reply, or an idle, that an interrupt cost a real kernel."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import errors
from tests.clients import LONG, SWALLOW, client_of, until

if TYPE_CHECKING:
    from conkernelclient import ConKernelManager


# The kernel publishes the first frames of its next message that holds `mark`, and then goes on: a
# message that was torn by an interrupt, or (with the rest) into which another thread's came.
TEAR = """
import zmq
from ipykernel.kernelapp import IPKernelApp

def tear(mark, cut, with_rest):
    publisher = IPKernelApp.instance().iopub_thread
    rest = []
    def send(frames, *args, **kwargs):
        if not rest and mark in frames[-1]:
            for frame in frames[:cut]:
                publisher.socket.send(frame, zmq.SNDMORE)
            rest.extend(frames[cut:])
            return
        publisher.socket.send_multipart(frames, *args, **kwargs)
        if rest:
            del publisher._really_send
            if with_rest:
                publisher.socket.send_multipart(rest)
    publisher._really_send = send
"""


@pytest.mark.parametrize("cut", [2, 3, 6])
async def test_a_run_whose_idle_was_torn_ends(ipykernel: ConKernelManager, cut: int) -> None:
    """It hung, and all behind it: its reply was in, and its idle had become rubbish."""
    async with client_of(ipykernel) as kc:
        await kc.run(TEAR)
        assert (await kc.run("print('before')")).stdout == "before\n"
        torn = kc.run(f"tear(b'\"idle\"', {cut}, False); print('torn'); 1")
        behind = kc.run("print('behind')")
        result = await asyncio.wait_for(torn, LONG)
        assert (result.status, result.stdout, result.text) == ("ok", "torn\n", "torn\n1\n")
        assert (result.interrupted, result.still_running) == (False, False)
        assert (await asyncio.wait_for(behind, LONG)).stdout == "behind\n"
        assert kc.stats()["rejected"] == 1


async def test_a_cancelled_run_whose_idle_was_torn_lets_the_next_one_go(
    ipykernel: ConKernelManager,
) -> None:
    """The window waited for it."""
    async with client_of(ipykernel) as kc:
        await kc.run(TEAR)
        torn = kc.run("tear(b'\"idle\"', 2, False); import time; time.sleep(600)")
        await until(lambda: torn.is_interruptible)
        behind = kc.run("print('behind')")
        torn.cancel()
        assert (await asyncio.wait_for(behind, LONG)).stdout == "behind\n"


async def test_no_output_is_lost_where_two_messages_mixed(ipykernel: ConKernelManager) -> None:
    """Each costs the other nothing: the rest of the torn one comes after what came into it."""
    async with client_of(ipykernel) as kc:
        await kc.run(TEAR)
        result = await kc.run(
            "import sys\n"
            "tear(b'into', 4, True)\n"
            "print('into', flush=True)\n"
            "print('amid', flush=True, file=sys.stderr)\n"
            "print('after', flush=True)"
        )
        assert (result.status, result.stdout, result.stderr) == ("ok", "into\nafter\n", "amid\n")
        assert kc.stats()["rejected"] == 2


async def test_a_reply_that_an_interrupt_swallowed_is_not_waited_for(
    ipykernel: ConKernelManager,
) -> None:
    """`execute(reply=True)` hung in 56 of 60 trials whose kernel was interrupted at its busy."""
    async with client_of(ipykernel) as kc:
        await kc.run(SWALLOW)
        swallowed, behind = kc.execute("1", reply=True), kc.execute("2", reply=True)
        with pytest.raises(errors.ReplyTimeout, match="will not come") as caught:
            await asyncio.wait_for(swallowed, LONG)
        assert caught.value.msg_id is not None
        assert (await behind)["content"]["status"] == "ok"


async def test_execute_interactive_ends_with_what_has_come(ipykernel: ConKernelManager) -> None:
    """Its reply, or its idle, is lost in the same way; a reply without an idle is one."""
    async with client_of(ipykernel) as kc:
        shown: list[str] = []

        async def interactive(code: str) -> Any:
            return await asyncio.wait_for(
                kc.execute_interactive(code, output_hook=lambda m: shown.append(m["msg_type"])),
                LONG,
            )

        await kc.run(TEAR)
        assert (await interactive("tear(b'\"idle\"', 3, False); print(1)"))["content"][
            "status"
        ] == "ok"
        assert shown == ["status", "execute_input", "stream"]
        await kc.run(SWALLOW)
        with pytest.raises(errors.ReplyTimeout, match="will not come"):
            await interactive("2")
        assert (await interactive("3"))["content"]["status"] == "ok"


async def test_a_reply_of_a_subshell_is_asked_for_there(ipykernel: ConKernelManager) -> None:
    """The main shell may be busy for hours."""
    async with client_of(ipykernel) as kc:
        subshell_id = await kc.create_subshell()
        await kc.run(
            "import time\n"
            "kernel = get_ipython().kernel\n"
            "real = kernel.session.send\n"
            "def send(stream, msg_or_type, *args, **kwargs):\n"
            "    if msg_or_type != 'execute_reply' or kernel.get_parent()['header']"
            f".get('subshell_id') != {subshell_id!r}:\n"
            "        return real(stream, msg_or_type, *args, **kwargs)\n"
            "    kernel.session.send = real\n"
            "kernel.session.send = send"
        )
        busy = kc.run("time.sleep(600)")
        await until(lambda: busy.is_interruptible)
        with pytest.raises(errors.ReplyTimeout, match="will not come"):
            await asyncio.wait_for(kc.execute("1", reply=True, subshell_id=subshell_id), LONG)
        assert not busy.done()
        assert await busy.interrupt()


async def test_a_run_whose_reply_a_foreign_interrupt_swallowed_ends(
    ipykernel: ConKernelManager,
) -> None:
    """It hung, and so did all that waited behind it, as only its own interrupt was expected."""
    async with client_of(ipykernel) as kc:
        await kc.run(SWALLOW)
        run, behind = kc.run("1"), kc.run("2")
        result = await asyncio.wait_for(run, LONG)
        assert (result.status, result.interrupted, result.reply) == ("error", False, None)
        assert result.error.ename == "ReplyLost"  # nobody interrupted, as far as is known here
        assert (await behind).status == "ok"


async def test_a_run_of_whose_reply_an_interrupt_left_half_ends(
    ipykernel: ConKernelManager,
) -> None:
    """The kernel's next reply completes it to rubbish, and that was the one that told the end."""
    async with client_of(ipykernel) as kc:
        rejected = kc.stats()["rejected"]
        await kc.run(
            "import zmq\n"
            "kernel = get_ipython().kernel\n"
            "def send_half(*args, **kwargs):\n"
            "    del kernel.do_execute\n"
            "    shells = kernel.shell_channel_thread.manager\n"
            "    socket = shells.get_subshell_to_shell_channel_socket(None)\n"
            f"    for frame in ({kc.shell_channel.socket.identity!r}, b'<IDS|MSG>', b'half'):\n"
            "        socket.send(frame, zmq.SNDMORE)\n"
            "    raise KeyboardInterrupt\n"
            "kernel.do_execute = send_half"
        )
        run, behind = kc.run("1"), kc.run("2")
        result = await asyncio.wait_for(run, LONG)
        assert (result.status, result.interrupted, result.reply) == ("error", False, None)
        assert (await behind).status == "ok"
        assert kc.stats()["rejected"] == rejected + 1
