"""Nobody waits for a reply, or an idle, that an interrupt cost the kernel."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import errors
from conkernelclient.state import overdue
from conkernelclient.state.presence import State
from conkernelclient.state.router import Phase
from conkernelclient.testing import FakeKernel, Faults, Hold, Reply, Say, Silence
from tests.clients import LONG, SWALLOW, client_of, opened, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from conkernelclient import ConKernelClient, ConKernelManager
    from conkernelclient.protocol.messages import Message
    from conkernelclient.testing import Action

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
async def test_a_run_whose_idle_was_torn_ends(km: ConKernelManager, cut: int) -> None:
    """It hung, and all behind it: its reply was in, and its idle had become rubbish."""
    async with client_of(km) as kc:
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
    km: ConKernelManager,
) -> None:
    """The window waited for it."""
    async with client_of(km) as kc:
        await kc.run(TEAR)
        torn = kc.run("tear(b'\"idle\"', 2, False); import time; time.sleep(600)")
        await until(lambda: torn.is_interruptible)
        behind = kc.run("print('behind')")
        torn.cancel()
        assert (await asyncio.wait_for(behind, LONG)).stdout == "behind\n"


async def test_no_output_is_lost_where_two_messages_mixed(km: ConKernelManager) -> None:
    """Each costs the other nothing: the rest of the torn one comes after what came into it."""
    async with client_of(km) as kc:
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


async def test_a_reply_that_an_interrupt_swallowed_is_not_waited_for(km: ConKernelManager) -> None:
    """`execute(reply=True)` hung in 56 of 60 trials whose kernel was interrupted at its busy."""
    async with client_of(km) as kc:
        await kc.run(SWALLOW)
        swallowed, behind = kc.execute("1", reply=True), kc.execute("2", reply=True)
        with pytest.raises(errors.ReplyTimeout, match="will not come") as caught:
            await asyncio.wait_for(swallowed, LONG)
        assert caught.value.msg_id is not None
        assert (await behind)["content"]["status"] == "ok"


async def test_execute_interactive_ends_with_what_has_come(km: ConKernelManager) -> None:
    """Its reply, or its idle, is lost in the same way; a reply without an idle is one."""
    async with client_of(km) as kc:
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


async def test_a_client_gets_ready_whose_first_question_an_interrupt_swallowed() -> None:
    """It asks again."""
    with FakeKernel() as kernel:
        silences = [Silence()]
        kernel.on("kernel_info_request", lambda _: [silences.pop()] if silences else [])
        kc = kernel.client()
        try:
            await opened(kc)
            assert (await kc.execute("1", reply=True))["content"]["status"] == "ok"
            assert len([r for r in kernel.requests if r["msg_type"] == "kernel_info_request"]) > 1
        finally:
            kc.stop_channels()


async def test_a_reply_of_a_subshell_is_asked_for_there(km: ConKernelManager) -> None:
    """The main shell may be busy for hours."""
    async with client_of(km) as kc:
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


async def test_a_reply_that_is_only_late_is_waited_for() -> None:
    """However long it takes: an answer to a question tells that nothing more will come."""
    with FakeKernel() as kernel:
        kernel.on_code("swallowed", [Say("x"), Silence()])
        kernel.on_code("late", [Say("x"), Silence(is_idle=False)])
        kc = await kernel.client().start_channels()
        try:
            late = kc.execute("late", reply=True)
            swallowed = kc.execute("swallowed", reply=True)
            with pytest.raises(errors.ReplyTimeout, match="will not come"):
                await asyncio.wait_for(swallowed, LONG)
            asked = [message["content"].get("code") for message in kernel.requests]
            assert [code for code in asked if code] == ["late", "swallowed"]
            assert not late.done()
        finally:
            kc.stop_channels()
        with pytest.raises(errors.ChannelsClosedError):
            await late


async def test_a_kernel_that_does_not_read_is_asked_when_it_does() -> None:
    """A full backlog refuses the question as it refuses everything: it is asked again."""
    with FakeKernel() as kernel:
        kernel.on_code("swallowed", [Say("x"), Silence()])
        kc = await opened(kernel.client())
        try:
            connection = kc._connection
            run = kc.run("swallowed")
            post, refused = connection.outbound.post_message, list[str]()

            def refuse(channel: Any, message: dict[str, Any], buffers: Any) -> None:
                if len(refused) < 3:
                    refused.append(message["msg_type"])
                    raise errors.BacklogFullError("full")
                post(channel, message, buffers)

            connection.outbound.post_message = refuse
            result = await asyncio.wait_for(run, LONG)
            assert (result.status, result.reply) == ("error", None)
            assert refused == ["execute_request"] * 3
        finally:
            kc.stop_channels()


async def test_a_lost_answer_is_asked_for_again() -> None:
    """Its reply, or its idle, may be what the next interrupt hits."""
    with FakeKernel() as kernel:
        silences = iter([Silence(), Silence(is_idle=False), Silence()])

        def swallow(request: Message) -> Iterator[Action]:
            silence = next(silences, None)
            if silence is not None:
                if not silence.is_idle:
                    yield Reply()
                yield silence

        kernel.on("execute_request", swallow)
        kc = await kernel.client().start_channels()
        try:
            result = await asyncio.wait_for(kc.run("1"), LONG)
            assert (result.status, result.interrupted, result.reply) == ("error", False, None)
            assert kc.stats()["pending"] == 0
        finally:
            kc.stop_channels()


@contextmanager
def swallowing(release: threading.Event) -> Iterator[FakeKernel]:
    """A kernel that swallows a reply, and is held until `release` is set, when it is told to."""
    with FakeKernel() as kernel:
        kernel.on_code("swallowed", [Say("x"), Silence()])
        kernel.on_code("held", [Hold(release)])
        yield kernel


@asynccontextmanager
async def attached(kernel: FakeKernel, **traits: Any) -> AsyncIterator[ConKernelClient]:
    """A client without a process to watch; in the end nothing is open, and nobody looks."""
    kc = await opened(kernel.client(**traits))
    connection = kc._connection
    try:
        async with asyncio.timeout(LONG):
            yield kc
            await until(lambda: not kc._watchdog.is_watching)
            assert kc.stats()["pending"] == connection.router.pending == 0
            assert not kc._watchdog.overdue.questions
    finally:
        kc.stop_channels()


async def lose_connection(kc: ConKernelClient, then: Callable[[], None] = lambda: None) -> None:
    """What the kernel sends meanwhile is lost, as with a cable that is pulled and put back."""
    peer = kc._peer
    peer.disconnected("shell")
    presence = kc._connection.presence
    assert presence.state is State.SEEKING
    await until(lambda: not peer._connected)
    await until(lambda: "shell" in peer._connected)
    then()
    await until(lambda: presence.state is State.HERE)


async def test_a_client_that_has_nothing_to_wait_for_does_not_look() -> None:
    """Also after a start, whose first idle may have come before the subscription."""
    with FakeKernel() as kernel:
        async with attached(kernel) as kc:
            await until(lambda: not kc._watchdog.is_watching)
            assert (await kc.run("1")).status == "ok"


async def test_a_reply_that_was_lost_with_the_connection_is_not_waited_for() -> None:
    """In a subshell as in the main shell; a run in a subshell may be at it still."""
    release = threading.Event()
    with FakeKernel() as kernel:
        kernel.on_code("held", [Hold(release), Say("done")])
        async with attached(kernel) as kc:
            subshell_id = await kc.create_subshell()
            reply = kc.execute("held", reply=True, subshell_id=subshell_id)
            other = await kc.create_subshell()
            run = kc.run("held", subshell_id=other)
            await until(lambda: run.started and len(kernel.requests) > 3)
            await lose_connection(kc)
            with pytest.raises(errors.TransportError):
                await reply
            release.set()
            assert (await run).stdout == "done"


async def test_a_question_that_was_lost_with_the_connection_is_forgotten() -> None:
    """It was counted as pending for ever, and kept the client looking."""
    release = threading.Event()
    with swallowing(release) as kernel:
        async with attached(kernel, window=None) as kc:
            runs = [kc.run("swallowed"), kc.run("held")]
            await until(lambda: kc._watchdog.overdue.questions)
            await lose_connection(kc, release.set)
            assert not kc._watchdog.overdue.questions
            outcomes = await asyncio.gather(*runs, return_exceptions=True)
            assert [type(outcome) for outcome in outcomes] == [errors.TransportError] * 2
            assert (await kc.run("1")).status == "ok"


async def test_a_question_of_a_subshell_that_was_lost_is_asked_again() -> None:
    """The run and its question were spared, and nobody asked any more."""
    release = threading.Event()
    with swallowing(release) as kernel:
        async with attached(kernel, window=None) as kc:
            subshell_id = await kc.create_subshell()
            run = kc.run("swallowed", subshell_id=subshell_id)
            held = kc.run("held", subshell_id=subshell_id)
            await until(lambda: kc._watchdog.overdue.questions)
            await lose_connection(kc)
            release.set()
            assert ((await run).status, (await run).stdout) == ("error", "x")
            await asyncio.wait_for(held, LONG)


async def test_a_run_that_was_given_up_does_not_hold_the_window_of_a_new_connection() -> None:
    """Nobody looked for its end where nobody waited for it."""
    release = threading.Event()
    with FakeKernel() as kernel:
        kernel.on_code("held", [Hold(release)])
        async with attached(kernel) as kc:
            left = await kc.run("held", timeout=0.01, on_timeout="leave")
            assert left.still_running
            await lose_connection(kc, release.set)
            assert (await kc.run("1")).status == "ok"


async def test_a_kernel_that_never_idles_is_asked_ever_more_rarely(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One question is open at a time: they were asked about one another, without an end."""
    monkeypatch.setattr(overdue, "TICK", 0.001)
    monkeypatch.setattr(overdue, "PATIENCE", dict.fromkeys(Phase, 0.001))
    with FakeKernel() as kernel:
        kernel.on("execute_request", [Reply(), Silence(is_idle=False)])
        kc = await kernel.client().start_channels()
        try:
            run = kc.run("1")
            await asyncio.sleep(0.5)  # in which there were 500 looks
            assert 1 < len(kernel.requests) < 30
            assert len(kc._connection.router.open_requests) <= 2
            assert kc.stats()["pending"] == 1
            assert not run.done()
        finally:
            kc.stop_channels()


async def test_a_kernel_that_publishes_nothing_any_more_fails_its_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An interrupt had left its publishing thread waiting for a lock, and the run hung."""
    monkeypatch.setattr(overdue, "MUTE_AFTER", 0.5)
    faults = Faults(1)
    with FakeKernel(faults=faults) as kernel:
        kc = await kernel.client().start_channels()
        try:
            release = threading.Event()
            kernel.on_code("mute", [Say("x"), Hold(release)])
            run = kc.run("mute")
            await until(lambda: run.started and run.outcome.stdout)
            faults.cut(channels=["iopub"])
            release.set()
            with pytest.raises(errors.TransportError, match="publishes nothing") as caught:
                await asyncio.wait_for(run, LONG)
            assert caught.value.result.stdout == "x"
            behind = kc.execute("1", reply=True)
            assert (await asyncio.wait_for(behind, LONG))["content"]["status"] == "ok"
            assert kc.stats()["pending"] == 0
        finally:
            kc.stop_channels()
